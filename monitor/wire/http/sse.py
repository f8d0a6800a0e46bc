"""Server-sent events (WHATWG HTML, 9.2.6), read as they come, of a server that may be hostile."""

from __future__ import annotations

import re

LONGEST_EVENT = 64 * 1024
# \r at the very end may be the first half of \r\n.
LINE_END = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)


class TooLong(ValueError):
    """One event is longer than LONGEST_EVENT bytes."""


class Events:
    """The data of each event; types, identities and comments are left out."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []
        self._size = 0
        self._is_first = True

    def feed(self, chunk: bytes) -> list[str]:
        """The data of the events that are complete by now. Raises TooLong."""
        *lines, self._rest = LINE_END.split(self._rest + chunk)
        found = [data for line in lines if (data := self._line(line)) is not None]
        if len(self._rest) + self._size > LONGEST_EVENT:
            raise TooLong
        return found

    def _line(self, line: bytes) -> str | None:
        """The data of the event that this line ends, None when it ends none."""
        if self._is_first:
            self._is_first, line = False, line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            data, self._data, self._size = self._data, [], 0
            return "\n".join(data) if data else None
        name, _, value = line.partition(b":")
        if name == b"data":
            self._size += len(line)
            if self._size > LONGEST_EVENT:
                raise TooLong
            self._data.append(value.removeprefix(b" ").decode("utf-8", errors="replace"))
        return None
