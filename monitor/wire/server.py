"""A server that a check talks to: its address, credentials and trust, as fields of the check."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Meta

from domain.mistakes import WrongFields
from monitor.checks import Check, tcp
from monitor.wire.tls.trust import Trust

ESCAPED = "is not a valid address: in a password write / as %2F, # as %23, ? as %3F and @ as %40"


class Scheme(NamedTuple):
    """What the beginning of a URL means; `local` is a path to a Unix socket."""

    port: int
    tls: bool = False
    local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to connect, and as whom. `socket` is the path of a Unix socket, else empty."""

    host: str
    port: int
    tls: bool = False
    socket: str = ""
    path: str = ""
    query: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def where(self) -> str:
        """The server as messages name it: `host:port`, or the socket's path."""
        return self.socket or tcp.place(self.host, self.port)


class ServerCheck(Check, frozen=True, kw_only=True):
    """The fields that checks of one server share: it is named by `url`, or by `host` and `port`."""

    schemes: ClassVar[Mapping[str, Scheme]] = {}

    url: Annotated[
        Annotated[str, Meta(max_length=4096)] | None,
        Meta(description="Address, with user and password if need be"),
    ] = None
    host: Annotated[tcp.Host | None, Meta(description="Name or address, in place of url")] = None
    port: Annotated[tcp.Port | None, Meta(description="TCP port, beside host")] = None
    tls: Annotated[bool, Meta(description="Use TLS, beside host")] = False
    username: Annotated[str | None, Meta(description="User to log in as")] = None
    password: Annotated[str | None, Meta(description="Password of the user")] = None
    verify: Annotated[bool, Meta(description="Refuse certificates that are not trusted")] = True
    ca_file: Annotated[
        str | None, Meta(description="PEM file of the authorities to trust instead of the usual")
    ] = None
    cert_file: Annotated[str | None, Meta(description="PEM file of our own certificate")] = None
    key_file: Annotated[
        str | None, Meta(description="PEM file of its key, if that is not in cert_file")
    ] = None

    def __post_init__(self) -> None:
        """Refuse what could never work. No reason repeats a value: it may be secret."""
        if wrong := list(self.wrong()):
            raise WrongFields(wrong)

    def __repr__(self) -> str:
        """Without credentials, so that a log of the check gives nothing away."""
        return f"{type(self).__name__}({self.target()!r})"

    def endpoint(self) -> Endpoint:
        """Where this check connects to. Raises WrongFields."""
        if self.url is None:
            ports = {each.tls: each.port for each in self.schemes.values() if not each.local}
            return Endpoint(
                host=self.host or "",
                port=self.port or ports[self.tls],
                tls=self.tls,
                username=self.username,
                password=self.password,
            )
        parts, scheme = self._parts(self.url)
        return Endpoint(
            host=parts.hostname or "",
            port=parts.port or scheme.port,
            tls=scheme.tls,
            socket=unquote(parts.path) if scheme.local else "",
            path="" if scheme.local else parts.path.strip("/"),
            query=parts.query,
            username=unquote(parts.username or "") or self.username,
            password=self.password if parts.password is None else unquote(parts.password),
        )

    def wrong(self) -> Iterator[tuple[str, str]]:
        """The fields that can't work, each with the reason. Kinds add their own."""
        if (self.url is None) == (self.host is None):
            yield "url", "or host must be given, and not both"
            return
        try:
            endpoint = self.endpoint()
        except WrongFields as error:
            yield from error.reasons
            return
        if self.url is not None:
            yield from self._wrong_beside_url(urlsplit(self.url))
        if not endpoint.tls:
            unused = (name for name in ("ca_file", "cert_file") if getattr(self, name))
            yield from ((name, "has no effect without TLS") for name in unused)
        if self.key_file and not self.cert_file:
            yield "key_file", "needs cert_file, the certificate that the key is of"

    def trust(self) -> ssl.SSLContext | None:
        """The TLS context of this check, None without TLS. Raises UnusableFile."""
        if not self.endpoint().tls:
            return None
        return Trust(
            verify=self.verify,
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file,
            protocols=(),
        ).context()

    def _parts(self, url: str) -> tuple[SplitResult, Scheme]:
        forms = " or ".join(f"{name}://" for name in self.schemes)
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018 - asking for it is what validates it
        except ValueError:
            raise WrongFields([("url", ESCAPED)]) from None
        scheme = self.schemes.get(parts.scheme)
        if scheme is None:
            raise WrongFields([("url", f"must begin with {forms}")])
        if any(letter.isspace() or not letter.isprintable() for letter in url) or parts.fragment:
            raise WrongFields([("url", ESCAPED)])
        if scheme.local and not (parts.path[1:] and not parts.hostname):
            raise WrongFields([("url", "must name the socket by its whole path: unix:///path")])
        if not scheme.local and not parts.hostname:
            raise WrongFields([("url", "must name a host")])
        return parts, scheme

    def _wrong_beside_url(self, parts: SplitResult) -> Iterator[tuple[str, str]]:
        if self.port is not None:
            yield "port", "belongs into url"
        if self.tls and not self.schemes[parts.scheme].tls:
            secure = " or ".join(f"{name}://" for name, each in self.schemes.items() if each.tls)
            yield "tls", f"contradicts url: write {secure}"
        if parts.username and self.username:
            yield "username", "stands in url already"
        if parts.password is not None and self.password is not None:
            yield "password", "stands in url already"
