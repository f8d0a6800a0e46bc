"""Where a request goes: an http or https URL, normalised by RFC 3986, and what a redirect makes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
# What may stand unescaped in a path and in a query (RFC 3986, 3.3 and 3.4, as browsers read them).
UNSAFE_IN_PATH = re.compile(r"""%(?![0-9A-Fa-f]{2})|[^!$%&'()*+,\-./0-9:;=@A-Z\[\\\]^_a-z|~]""")
UNSAFE_IN_QUERY = re.compile(
    r"""%(?![0-9A-Fa-f]{2})|[^!$%&'()*+,\-./0-9:;=?@A-Z\[\\\]^_`a-z{|}~]"""
)


class InvalidURL(ValueError):
    """The text is no address that a request could be sent to. The text of the error never quotes it."""


class UnsupportedProtocol(InvalidURL):
    """The address has a scheme other than http and https."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """An address, ready to be sent: host in ASCII and without brackets, path and query escaped."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The Host field: the port only when it is not the scheme's own (RFC 9110, 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port (RFC 9110, 4.3.1)."""
        return self.scheme, self.host, self.port

    @property
    def path(self) -> str:
        """The path as people read it, without the query."""
        return unquote(self.target.partition("?")[0])

    def __str__(self) -> str:
        """The whole address. It may hold secrets: not for messages."""
        return f"{self.scheme}://{self.authority}{self.target}"

    def redirected(self, location: str) -> Url:
        """Where a Location leads from here; it may be relative (RFC 9110, 10.2.2)."""
        try:
            parts = urlsplit(urljoin(str(self), location))
        except ValueError:
            raise InvalidURL("not an address") from None
        if not parts.netloc:  # servers behind proxies send "https:///path"
            parts = parts._replace(netloc=f"[{self.host}]" if ":" in self.host else self.host)
        return _url(parts, location)


def parse(text: str) -> Url:
    """The address in this text. Raises InvalidURL."""
    try:
        return _url(urlsplit(text), text)
    except InvalidURL:
        raise
    except ValueError:
        raise InvalidURL("not an address") from None


def why_not(text: str) -> str | None:
    """Why this is no address for an operator to give, without quoting it; None when it is one."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return "is not a valid address"
    if parts.scheme not in DEFAULT_PORTS:
        return "must begin with http:// or https://"
    if not parts.hostname or any(letter.isspace() for letter in text):
        return "must name a host and hold no spaces"
    return None


def credentials(text: str) -> tuple[str, str] | None:
    """User and password that stand in the address itself, None when none do (RFC 3986, 3.2.1)."""
    parts = urlsplit(text)
    if not parts.username and not parts.password:
        return None
    return unquote(parts.username or ""), unquote(parts.password or "")


def _url(parts: SplitResult, text: str) -> Url:
    if any(letter.isascii() and not letter.isprintable() for letter in text):
        raise InvalidURL("an address holds no control characters")
    if parts.scheme not in DEFAULT_PORTS:
        raise UnsupportedProtocol("neither http nor https")
    if not parts.hostname:
        raise InvalidURL("no host")
    try:
        port = parts.port
    except ValueError:
        raise InvalidURL("no valid port") from None
    target = _escaped(_without_dots(parts.path) or "/", UNSAFE_IN_PATH)
    if parts.query:
        target += "?" + _escaped(parts.query, UNSAFE_IN_QUERY)
    return Url(
        scheme=parts.scheme,
        host=_ascii(parts.hostname),
        port=DEFAULT_PORTS[parts.scheme] if port is None else port,
        target=target,
    )


def _ascii(host: str) -> str:
    """An international name as the resolver takes it: httpx brings IDNA 2008 (RFC 5891)."""
    if host.isascii():
        return host
    import httpx

    try:
        return httpx.URL(scheme="http", host=host).raw_host.decode("ascii")
    except httpx.InvalidURL:
        raise InvalidURL("no valid host name") from None


def _escaped(text: str, unsafe: re.Pattern[str]) -> str:
    return unsafe.sub(
        lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace")), text
    )


def _without_dots(path: str) -> str:
    """The path without its "." and ".." (RFC 3986, 5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments[1:]:
        if segment == ".." and kept:
            kept.pop()
        elif segment not in (".", ".."):
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
