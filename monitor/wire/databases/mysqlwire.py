"""The client side of the MySQL protocol, as much of it as a probe needs; MariaDB speaks it too.

After "Client/Server Protocol" of MySQL's source documentation and of MariaDB's knowledge base:
greeting, TLS, login by mysql_native_password or caching_sha2_password, and text queries. Every
packet is bounded, nothing is read ahead of TLS, and hanging up is possible at any time.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

PACKET_BYTES = 2**20
COLUMNS = 4096
LOGIN_PACKETS = 8
UTF8MB4 = 45
QUERY, QUIT = b"\x03", b"\x01"
OK, MORE_DATA, LOCAL_FILE, END, ERROR = 0x00, 0x01, 0xFB, 0xFE, 0xFF
FULL_LOGIN, FAST_LOGIN = 4, 3  # what caching_sha2_password says in its further data
SSL, WITH_DATABASE, PLUGINS = 0x800, 0x8, 0x80000
# Long passwords and flags, the protocol of 4.1, transactions, secure logins.
ALWAYS = 0x1 | 0x4 | 0x200 | 0x2000 | 0x8000 | PLUGINS
NUMBERS = frozenset({0, 1, 2, 3, 4, 5, 8, 9, 13, 246})  # column types that hold a number


class ProtocolError(Exception):
    """What came is not what this protocol allows. The text quotes nothing of it."""


class TooLong(ProtocolError):
    """One packet, which is one row of an answer, has more bytes than are taken."""

    def __init__(self) -> None:
        super().__init__(f"a row has more than {PACKET_BYTES // 2**20} MB")


class Refusal(Exception):
    """The server answered with an error: its number (`1045`) and its own words."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


class UnknownLogin(Exception):
    """The server wants a proof of the password that can't, or may not, be given. The text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a server says first: its version, what it can, and the salt for the password."""

    version: str
    capabilities: int
    salt: bytes
    plugin: str

    @property
    def is_mariadb(self) -> bool:
        """Whether it is MariaDB, whose settings have other names."""
        return "mariadb" in self.version.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who logs in where. The password stays out of its text."""

    user: str
    password: str
    database: str

    def __repr__(self) -> str:
        """Without the password."""
        return f"Login({self.user!r}, {self.database!r})"


class Client:
    """A connection on a connected, non-blocking socket, of which it takes over the closing."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._loop = asyncio.get_running_loop()
        self._next = 0
        self._is_private = connected.family == socket.AF_UNIX

    async def login(
        self, login: Login, tls: ssl.SSLContext | None, tls_needed: bool, host: str
    ) -> Greeting:
        """Read the greeting, begin TLS where it is offered, and log in.

        Raises OSError, ProtocolError, Refusal, UnknownLogin.
        """
        greeting = parse_greeting(await self._receive())
        flags = ALWAYS | (WITH_DATABASE if login.database else 0)
        if tls is not None and greeting.capabilities & SSL:
            flags |= SSL
            await self._loop.sock_sendall(self._socket, self._frame(_head(flags)))
        elif tls_needed:
            raise ssl.SSLError(0, "the server offers no TLS")
        await self._stream(tls if flags & SSL else None, host)
        proof = _proof(greeting.plugin, login.password, greeting.salt)
        known = greeting.plugin if proof is not None else "mysql_native_password"
        self._send(_response(flags, login, proof or b"", known))
        await self._logged_in(login, known)
        return greeting

    async def query(self, sql: str) -> AsyncGenerator[list[object], None]:
        """Run one statement; its rows one after the other, numbers as numbers.

        Raises OSError, ProtocolError, Refusal. Who stops early must hang up.
        """
        self._next = 0
        self._send(QUERY + sql.encode())
        first = await self._receive()
        if first[0] == OK:
            return
        if first[0] == LOCAL_FILE:
            raise ProtocolError("it asks for a file of this machine")
        count, _ = _integer(first, 0)
        if not 0 < count <= COLUMNS:
            raise ProtocolError("it names an impossible number of columns")
        numeric = [parse_column(await self._receive()) in NUMBERS for _ in range(count)]
        await self._receive()  # the end of the columns
        while not _is_end(packet := await self._receive()):
            yield parse_row(packet, numeric)

    async def execute(self, sql: str) -> list[list[object]]:
        """Run one statement of ours, of which few rows are expected."""
        return [row async for row in self.query(sql)]

    def quit(self) -> None:
        """Take leave, so that the server does not count it as an aborted client."""
        self._next = 0
        self._send(QUIT)

    def close(self) -> None:
        """Hang up. May be called twice."""
        if self._streams is not None:
            # Not close(): how long that takes would be up to the server.
            self._streams[1].transport.abort()
        else:
            self._socket.close()

    async def _stream(self, tls: ssl.SSLContext | None, host: str) -> None:
        try:
            self._streams = await asyncio.open_connection(
                sock=self._socket, ssl=tls, server_hostname=host.removesuffix(".") if tls else None
            )
        except BaseException:
            self._socket.close()
            raise
        self._is_private = self._is_private or tls is not None

    async def _logged_in(self, login: Login, plugin: str) -> None:
        for _ in range(LOGIN_PACKETS):
            packet = await self._receive()
            if packet[0] == OK:
                return
            if packet[0] == END:
                plugin, salt = _switch(packet)
                proof = _proof(plugin, login.password, salt)
                if proof is None:
                    raise UnknownLogin(f"it asks for {_named(plugin)}, which is not supported")
                self._send(proof)
            elif packet[0] == MORE_DATA and packet[1:2] == bytes([FULL_LOGIN]):
                if plugin != "caching_sha2_password" or not self._is_private:
                    raise UnknownLogin("it asks for the password itself, which needs TLS")
                self._send(login.password.encode() + b"\0")
            elif packet != bytes([MORE_DATA, FAST_LOGIN]):
                raise ProtocolError("it answers a login with something else")
        raise ProtocolError("a login that does not end")

    def _send(self, payload: bytes) -> None:
        if self._streams is None:
            raise AssertionError("the stream begins with the login")
        self._streams[1].write(self._frame(payload))

    def _frame(self, payload: bytes) -> bytes:
        if len(payload) >= PACKET_BYTES:
            raise ProtocolError("the query is too long")
        framed = struct.pack("<I", len(payload) | self._next << 24) + payload
        self._next = (self._next + 1) % 256
        return framed

    async def _receive(self) -> bytes:
        """The next packet, which is not empty. An error among them is raised as Refusal."""
        head = int.from_bytes(await self._read(4), "little")
        size, number = head & 0xFFFFFF, head >> 24
        # A server without a connection left answers with an error before any greeting, as 0 or 1.
        if not size or (number != self._next and number > 1):
            raise ProtocolError("a packet that is empty or out of order")
        if size > PACKET_BYTES:
            raise TooLong
        self._next = (number + 1) % 256
        packet = await self._read(size)
        if packet[0] == ERROR:
            raise parse_error(packet)
        return packet

    async def _read(self, size: int) -> bytes:
        if self._streams is not None:
            try:
                return await self._streams[0].readexactly(size)
            except asyncio.IncompleteReadError:
                raise ConnectionResetError from None
        # Byte by byte exactly: what follows the greeting in the clear must not be taken for TLS'.
        found = b""
        while len(found) < size:
            piece = await self._loop.sock_recv(self._socket, size - len(found))
            if not piece:
                raise ConnectionResetError
            found += piece
        return found


def parse_greeting(packet: bytes) -> Greeting:
    """The first packet of a server (Protocol::HandshakeV10). Raises ProtocolError."""
    end = packet.find(b"\0", 1)
    if not packet or packet[0] != 10 or end < 0 or len(packet) < end + 32:
        raise ProtocolError("no greeting of MySQL")
    low, high = struct.unpack_from("<H3xH", packet, end + 14)
    size = max(13, packet[end + 21] - 8)
    rest = packet[end + 32 :]
    plugin, _, _ = rest[size:].partition(b"\0")
    return Greeting(
        version=packet[1:end].decode("latin1"),
        capabilities=low | high << 16,
        salt=(packet[end + 5 : end + 13] + rest[:size]).removesuffix(b"\0"),
        plugin=plugin.decode("latin1") or "mysql_native_password",
    )


def parse_error(packet: bytes) -> Refusal:
    """An error packet (ERR_Packet), with or without the five letters of its SQL state."""
    text = packet[3:]
    text = text[6:] if text.startswith(b"#") else text
    return Refusal(int.from_bytes(packet[1:3], "little"), text.decode("utf-8", "replace"))


def parse_column(packet: bytes) -> int:
    """The type in a description of a column (Protocol::ColumnDefinition41). Raises ProtocolError."""
    at = 0
    for _ in range(6):  # catalogue, schema, table, its own name, name, its own name
        size, at = _integer(packet, at)
        at += size
    if len(packet) < at + 8:
        raise ProtocolError("a broken description of a column")
    return packet[at + 7]


def parse_row(packet: bytes, numeric: Sequence[bool]) -> list[object]:
    """The values of a row in text form (Protocol::ResultsetRow). Raises ProtocolError."""
    values: list[object] = []
    at = 0
    for is_number in numeric:
        if packet[at : at + 1] == bytes([LOCAL_FILE]):  # the same byte means NULL here
            values.append(None)
            at += 1
            continue
        size, at = _integer(packet, at)
        if at + size > len(packet):
            raise ProtocolError("a broken row")
        values.append(_value(packet[at : at + size], is_number))
        at += size
    return values


def _value(raw: bytes, is_number: bool) -> object:
    text = raw.decode("utf-8", "replace")
    if not is_number:
        return text
    try:
        # More digits than a BIGINT has are of use to nobody, and can be very many.
        return int(text) if len(text) < 20 and text.lstrip("-").isdigit() else float(text)
    except ValueError:
        raise ProtocolError("a number that is none") from None


def _integer(packet: bytes, at: int) -> tuple[int, int]:
    """A length-encoded integer, and where it ends."""
    first = packet[at : at + 1]
    if first and first[0] < LOCAL_FILE:
        return first[0], at + 1
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(first[0] if first else 0, 0)
    raw = packet[at + 1 : at + 1 + size]
    if not size or len(raw) < size:
        raise ProtocolError("a broken length")
    return int.from_bytes(raw, "little"), at + 1 + size


def _is_end(packet: bytes) -> bool:
    return packet[0] == END and len(packet) < 9


def _switch(packet: bytes) -> tuple[str, bytes]:
    """The plugin and salt that a server wants instead (Protocol::AuthSwitchRequest)."""
    plugin, _, salt = packet[1:].partition(b"\0")
    return plugin.decode("latin1"), salt.removesuffix(b"\0")


def _named(plugin: str) -> str:
    """A plugin's name as it may be shown: it is the server's word."""
    return plugin if plugin.isidentifier() and len(plugin) < 40 else "another kind of login"


def _head(flags: int) -> bytes:
    return struct.pack("<IIB23x", flags, PACKET_BYTES, UTF8MB4)


def _response(flags: int, login: Login, proof: bytes, plugin: str) -> bytes:
    """Protocol::HandshakeResponse41."""
    database = login.database.encode() + b"\0" if login.database else b""
    user = login.user.encode() + b"\0" + bytes([len(proof)]) + proof
    return _head(flags) + user + database + plugin.encode() + b"\0"


def _proof(plugin: str, password: str, salt: bytes) -> bytes | None:
    """The proof of a password for a plugin; None for plugins that are not known here."""
    secret = password.encode()
    if plugin not in ("mysql_native_password", "caching_sha2_password"):
        return None
    if not secret:
        return b""
    if plugin == "mysql_native_password":
        # The protocol says so; whoever can, logs in by caching_sha2_password.
        once = hashlib.sha1(secret).digest()  # nosec B324
        twice = hashlib.sha1(once).digest()  # nosec B324
        return _xor(once, hashlib.sha1(salt[:20] + twice).digest())  # nosec B324
    once = hashlib.sha256(secret).digest()
    twice = hashlib.sha256(once).digest()
    return _xor(once, hashlib.sha256(twice + salt[:20]).digest())


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
