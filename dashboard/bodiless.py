"""Keeps a connection open after an answer without a body, which is what screens get most often."""

from __future__ import annotations

from waitress.task import WSGITask


class Answer(WSGITask):  # type: ignore[misc]  # waitress publishes no types
    """Waitress' answer to a request, without its hang-up after 204 and 304.

    It takes an answer that names no length for one that only the end of the connection ends. These
    end with their head (RFC 9112, section 6.3), and each poll with nothing new would cost a new
    connection, which is half of what it costs at all.
    """

    def set_close_on_finish(self) -> None:
        """End the connection after this answer, unless that is asked for by nobody."""
        asked = self.request.headers.get("CONNECTION", "").lower() == "close"
        needless = self.version == "1.1" and not self.has_body and not asked
        if self.wrote_header or not needless:
            super().set_close_on_finish()
