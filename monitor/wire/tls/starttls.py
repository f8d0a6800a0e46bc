"""What is said before TLS by protocols that begin in plain text, up to the server's go-ahead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeAlias

from monitor.wire.connection import Connection
from monitor.wire.said import said

Protocol: TypeAlias = Literal["none", "smtp", "imap", "pop3", "postgres"]

MAX_LINE = 4096
MAX_LINES = 100
SHOWN = 120
SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")


class Refused(Exception):
    """The server does not begin TLS. The text says what was asked and what it answered."""


class Lines:
    """The lines that a server sends, over a connection, within limits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held = b""

    async def say(self, line: str) -> None:
        """Send one line."""
        await self._connection.send(line.encode() + b"\r\n")

    async def line(self) -> str:
        """The next line without its end. Raises Refused at the end of the stream and of patience."""
        while b"\n" not in self._held:
            if len(self._held) > MAX_LINE:
                raise Refused(f"sends a line without end: {cut(self._held)}")
            data = await self._connection.receive()
            if not data:
                raise Refused(f"hangs up before TLS{after(self._held)}")
            self._held += data
        line, _, self._held = self._held.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", errors="replace")

    def end(self) -> None:
        """Refuse what came in plain text after the go-ahead: it was put in by someone between.

        Whoever reads on after the handshake would take it for protected (RFC 3207, 6).
        """
        if self._held:
            raise Refused(f"sends plain text after its go-ahead for TLS: {cut(self._held)}")


async def smtp(connection: Connection) -> None:
    """RFC 3207, 4: greeting, EHLO, STARTTLS."""
    lines = Lines(connection)
    await _reply(lines, "220", "its greeting")
    await lines.say("EHLO nocturne.invalid")
    offered = await _reply(lines, "250", "EHLO")
    if "STARTTLS" not in {line[4:].strip().upper() for line in offered}:
        raise Refused("offers no STARTTLS")
    await lines.say("STARTTLS")
    await _reply(lines, "220", "STARTTLS")
    lines.end()


async def imap(connection: Connection) -> None:
    """RFC 9051, 6.2.1: greeting, STARTTLS, and what is untagged in between."""
    lines = Lines(connection)
    greeting = await lines.line()
    if not greeting.upper().startswith("* OK"):
        raise _unexpected("its greeting", greeting)
    await lines.say("n1 STARTTLS")
    for _ in range(MAX_LINES):
        answer = await lines.line()
        if answer.startswith("* "):
            continue
        if not answer.upper().startswith("N1 OK"):
            raise _unexpected("STARTTLS", answer)
        return lines.end()
    raise Refused("answers STARTTLS without end")


async def pop3(connection: Connection) -> None:
    """RFC 2595, 4: greeting, STLS."""
    lines = Lines(connection)
    greeting = await lines.line()
    if not greeting.startswith("+OK"):
        raise _unexpected("its greeting", greeting)
    await lines.say("STLS")
    answer = await lines.line()
    if not answer.startswith("+OK"):
        raise _unexpected("STLS", answer)
    lines.end()


async def postgres(connection: Connection) -> None:
    """SSLRequest of the protocol (PostgreSQL documentation, 55.2.11): one byte, `S` or `N`."""
    await connection.send(SSL_REQUEST)
    answer = await connection.receive()
    if answer == b"N":
        raise Refused("offers no TLS")
    if not answer:
        raise Refused("hangs up before TLS")
    if answer[:1] != b"S":
        raise Refused(f"does not speak the protocol of Postgres: {cut(answer)}")
    if len(answer) > 1:  # CVE-2021-23222: as with lines, nothing may follow in plain text
        raise Refused(f"sends plain text after its go-ahead for TLS: {cut(answer[1:])}")


DIALOGUES: Mapping[Protocol, Callable[[Connection], Awaitable[None]]] = {
    "smtp": smtp,
    "imap": imap,
    "pop3": pop3,
    "postgres": postgres,
}


def cut(answer: bytes) -> str:
    """What a server sent, fit to be shown."""
    return f'"{said(answer[: 2 * SHOWN].decode("utf-8", errors="replace"), limit=SHOWN)}"'


def after(held: bytes) -> str:
    """What a server said last, as the end of a sentence."""
    return f" after {cut(held)}" if held else ""


async def _reply(lines: Lines, code: str, asked: str) -> list[str]:
    """The lines of an SMTP reply (RFC 5321, 4.2). Raises Refused when it has another code."""
    found = []
    for _ in range(MAX_LINES):
        line = await lines.line()
        if not line.startswith(code):
            raise _unexpected(asked, line)
        found.append(line)
        if line[3:4] != "-":
            return found
    raise Refused(f"answers {asked} without end")


def _unexpected(asked: str, answer: str) -> Refused:
    if asked == "its greeting":
        return Refused(f"greets with {cut(answer.encode())}")
    return Refused(f"answers {asked} with {cut(answer.encode())}")
