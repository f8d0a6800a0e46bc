"""Cookies that a redirect sets and the next request needs (RFC 6265), for one run of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.wire.http.addresses import Url
from monitor.wire.http.http1 import Head

if TYPE_CHECKING:
    from email.message import Message
    from http.cookiejar import CookieJar
    from urllib.request import Request


class Cookies:
    """A jar that is made, and its library loaded, when the first cookie comes."""

    def __init__(self) -> None:
        self._jar: CookieJar | None = None

    def keep(self, url: Url, head: Head) -> None:
        """Take up what an answer from this address set."""
        if not (given := head.all("set-cookie")):
            return
        from http.cookiejar import CookieJar

        self._jar = self._jar or CookieJar()
        answer: Any = _Answer(given)  # the jar wants a whole HTTPResponse, and uses info()
        self._jar.extract_cookies(answer, _asked(url))

    def header(self, url: Url) -> str | None:
        """The Cookie field for this address; None when no cookie is for it."""
        if self._jar is None:
            return None
        request = _asked(url)
        self._jar.add_cookie_header(request)
        return request.get_header("Cookie")


class _Answer:
    def __init__(self, given: list[str]) -> None:
        self._given = given

    def info(self) -> Message:
        from email.message import Message

        message = Message()
        for value in self._given:
            message["Set-Cookie"] = value
        return message


def _asked(url: Url) -> Request:
    from urllib.request import Request

    return Request(str(url))
