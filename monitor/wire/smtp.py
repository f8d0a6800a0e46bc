"""A conversation with an SMTP server, with bounds on all that it says (RFC 5321, RFC 3207, RFC 4954).

Errors: Exception ← Refused (a reply that says no), Violation (no reply at all, or too much of one),
Ended (the server hung up).
"""

from __future__ import annotations

import hmac
import re
import ssl
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from monitor.wire.connection import Connection, secured

# RFC 5321, 4.5.3.1.5 allows 512 bytes; servers take more.
LINE_BYTES = 4096
LINES = 100
REPLY = re.compile(r"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![^ ])")  # RFC 3463, 2
# In the order in which they are taken; all are under TLS, so the plain ones are no worse.
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: its code, and the text of each line as the server sent it."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All its lines as one."""
        return " ".join(self.lines)

    @property
    def status(self) -> str:
        """The code, and the enhanced one behind it where there is one: `535 5.7.8` (RFC 2034)."""
        found = ENHANCED.match(self.lines[0])
        return f"{self.code} {found[0]}" if found else str(self.code)


class Refused(Exception):
    """The server says no to a step. `step` is what was asked; `secret` that the reply may quote it."""

    def __init__(self, step: str, reply: Reply, *, secret: bool = False) -> None:
        super().__init__(f"{step}: {reply.code}")
        self.step, self.reply, self.secret = step, reply, secret


class Violation(Exception):
    """The server says what no SMTP server may. Begins with a verb; may quote it."""


class Ended(Exception):
    """The server hung up. Begins with a verb."""


class Dialogue:
    """One conversation. `step` is what is being waited for, as messages name it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held = b""
        self.step = "banner"

    async def greeting(self) -> Reply:
        """The banner. Raises Refused for all but 220 (RFC 5321, 3.1), Violation, Ended, OSError."""
        return self._expected({220}, await self._reply())

    async def hello(self, name: str) -> dict[str, tuple[str, ...]]:
        """Say EHLO. Gives what the server offers: parameters by keyword, both in capitals."""
        return extensions((await self.ask("EHLO", {250}, name)).lines)

    async def ask(self, step: str, expected: Collection[int], argument: str = "") -> Reply:
        """Send a command and read its reply. Raises Refused when its code is not expected."""
        self.step = f"answer to {step}"
        await self._say(f"{step}{argument if step.endswith(':') else f' {argument}'}".rstrip())
        return self._expected(expected, await self._reply())

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Shake hands after a 220 to STARTTLS; all that was learnt before is void (RFC 3207, 4.2).

        Raises Violation for text that came behind the 220. It was put in by somebody between, and
        whoever reads on after the handshake takes it for protected (CVE-2011-0411 and its kin).
        """
        self._in_step("before TLS")
        self.step = "TLS handshake"
        self._connection = await secured(self._connection, context, host)

    async def log_in(self, user: str, password: str, offered: Sequence[str]) -> None:
        """AUTH by the first of MECHANISMS that is offered (RFC 4954, 4).

        Raises Refused, whose reply must not be shown, as a server may quote what it was sent.
        """
        self.step = "answer to the login"
        found = next((each for each in MECHANISMS if each in offered), None)
        if found is None:
            raise Violation("offers no login with PLAIN, LOGIN or CRAM-MD5")
        if found == "PLAIN":  # RFC 4616
            await self._respond(f"AUTH PLAIN {_coded(f'{chr(0)}{user}{chr(0)}{password}')}", 235)
        elif found == "LOGIN":
            await self._respond("AUTH LOGIN", 334)
            await self._respond(_coded(user), 334)
            await self._respond(_coded(password), 235)
        else:  # RFC 2195
            challenge = (await self._respond("AUTH CRAM-MD5", 334)).text
            await self._respond(_digest(user, password, challenge), 235)

    async def quit(self) -> None:
        """Take leave. Raises what `ask` does."""
        await self.ask("QUIT", {221})

    def certificate(self) -> bytes | None:
        """The server's certificate in DER, None before TLS."""
        return self._connection.certificate()

    def close(self) -> None:
        """Hang up at once."""
        self._connection.close()

    async def _respond(self, line: str, expected: int) -> Reply:
        await self._say(line)
        reply = await self._reply()
        if reply.code != expected:
            raise Refused("login", reply, secret=True)
        return reply

    async def _say(self, line: str) -> None:
        self._in_step("that nobody asked for")
        await self._connection.send(line.encode() + b"\r\n")

    def _in_step(self, when: str) -> None:
        if self._held:
            raise Violation(f"sends text {when}: {_quoted(self._held)}")

    def _expected(self, expected: Collection[int], reply: Reply) -> Reply:
        if reply.code not in expected:
            raise Refused(self.step.removeprefix("answer to "), reply)
        return reply

    async def _reply(self) -> Reply:
        """One reply of one or more lines, which all have the same code (RFC 5321, 4.2.1)."""
        texts: list[str] = []
        first = ""
        while len(texts) < LINES:
            line = await self._line()
            found = REPLY.fullmatch(line)
            if found is None or (first and found[1] != first):
                raise Violation(f'does not speak SMTP: "{line}"')
            first = found[1]
            texts.append(found[3] or "")
            if found[2] != "-":
                return Reply(int(first), tuple(texts))
        raise Violation(f"sends more than {LINES} lines as its {self.step}")

    async def _line(self) -> str:
        while (end := self._held.find(b"\n")) < 0:
            if len(self._held) > LINE_BYTES:
                raise Violation(f"sends a line without end: {_quoted(self._held)}")
            data = await self._connection.receive()
            if not data:
                raise Ended(f"hung up, {self.step} was expected")
            self._held += data
        line, self._held = self._held[:end], self._held[end + 1 :]
        return line[:LINE_BYTES].decode("utf-8", errors="replace").rstrip("\r")


def extensions(lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What an EHLO reply offers; its first line is a greeting (RFC 5321, 4.1.1.1).

    `AUTH=LOGIN` is how servers wrote it before RFC 2554, and some still do beside the right form.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in lines[1:]:
        keyword, *parameters = line.upper().replace("AUTH=", "AUTH ", 1).split() or [""]
        if keyword:
            found[keyword] = (*found.get(keyword, ()), *parameters)
    return found


def traces(user: str, password: str) -> tuple[str, ...]:
    """All forms in which a login puts the password on the wire, for masking."""
    return password, _coded(password), _coded(f"\0{user}\0{password}")


def logins(offered: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The mechanisms of login among what is offered."""
    return offered.get("AUTH", ())


def _coded(text: str) -> str:
    return b64encode(text.encode()).decode()


def _digest(user: str, password: str, challenge: str) -> str:
    try:
        told = b64decode(challenge, validate=True)
    except ValueError:
        raise Violation("sends a challenge that is not base64") from None
    return _coded(f"{user} {hmac.new(password.encode(), told, 'md5').hexdigest()}")


def _quoted(data: bytes) -> str:
    """The text for a message, whole: it is cut only after secrets in it are masked."""
    return f'"{data[:LINE_BYTES].decode("utf-8", errors="replace")}"'
