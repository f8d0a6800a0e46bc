"""The `smtp` kind against aiosmtpd, and against hostile servers."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hmac
import re
import resource
import socket
import ssl
import struct
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiosmtpd
import msgspec
import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.smtp import SmtpCheck
from monitor.wire.smtp import Dialogue, Ended, Refused, Violation, extensions
from monitor.wire.tls.trust import Trust
from tests.cases import serve
from tests.waiting import PATIENCE_S

Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

serve("smtp", f"aiosmtpd {aiosmtpd.__version__}")


class Mailbox:
    """What the real server was told. Recipients other than ada are refused."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.challenge = b"<1896.697170952@mx.example>"

    async def handle_MAIL(
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        self.heard.append(f"MAIL {address}")
        if address == "bad@example.org":
            return "550 5.7.1 Not from you"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        self.heard.append(f"RCPT {address}")
        if address != "ada@example.org":
            return "550 5.1.1 No such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_RSET(self, *_: object) -> str:
        self.heard.append("RSET")
        return "250 OK"

    async def handle_QUIT(self, *_: object) -> str:
        self.heard.append("QUIT")
        return "221 Bye"

    async def handle_DATA(self, *_: object) -> str:
        self.heard.append("DATA")
        return "250 OK"

    async def auth_CRAM__MD5(self, server: SMTP, _: list[str]) -> AuthResult:
        answer = await server.challenge_auth(self.challenge)
        assert isinstance(answer, bytes)
        digest = hmac.new(b"s3cret", self.challenge, "md5").hexdigest()
        return AuthResult(success=answer.decode() == f"ada {digest}", handled=False)


def let_in(_: SMTP, __: Session, ___: Envelope, mechanism: str, given: object) -> AuthResult:
    right = isinstance(given, LoginPassword) and given == LoginPassword(b"ada", b"s3cret")
    return AuthResult(success=right, handled=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("smtp") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return str(file)


def tls_of(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


@contextlib.asynccontextmanager
async def mail_server(
    mailbox: Mailbox,
    starttls: ssl.SSLContext | None = None,
    implicit: ssl.SSLContext | None = None,
    **options: Any,
) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    made: list[SMTP] = []

    def protocol() -> SMTP:
        made.append(
            SMTP(
                mailbox,
                hostname="mx.example",
                tls_context=starttls,
                authenticator=let_in,
                auth_require_tls=implicit is None,
                loop=loop,
                **options,
            )
        )
        return made[-1]

    async with await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit) as server:
        yield int(server.sockets[0].getsockname()[1])
    for each in made:
        with contextlib.suppress(asyncio.CancelledError):
            if each._handler_coroutine is not None:
                each._handler_coroutine.cancel()
                await each._handler_coroutine


async def run(port: int, timeout_s: float = 5, **fields: Any) -> Measurement:
    check = msgspec.convert({"host": "127.0.0.1", "port": port, **fields}, SmtpCheck)
    return await check.run(Deadline.after(timeout_s))


# ── The real server ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.case("healthy")
async def test_a_server_that_greets_is_healthy_and_timed_by_phase() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        found = await run(port, tls="none", expect_banner="mx.example")

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("EHLO answered in ")
    assert set(found.metrics) == {
        "smtp.dns_ms",
        "smtp.connect_ms",
        "smtp.banner_ms",
        "smtp.total_ms",
    }
    assert found.response_time_ms == found.metrics["smtp.total_ms"]
    assert "mx.example" in str(found.details["banner"])
    assert mailbox.heard == ["QUIT"]


@pytest.mark.case("healthy")
async def test_starttls_login_and_recipient_are_tried_and_no_mail_is_sent(
    authority: trustme.CA, ca_file: str
) -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox, starttls=tls_of(authority), require_starttls=True) as port:
        found = await run(
            port,
            ca_file=ca_file,
            username="ada",
            password="s3cret",
            mail_from="nocturne@example.org",
            rcpt_to="ada@example.org",
        )

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("Recipient accepted in ")
    assert found.metrics["tls.days_left"] > 100
    assert found.metrics["smtp.tls_ms"] > 0
    assert found.metrics["smtp.login_ms"] > 0
    assert mailbox.heard == ["MAIL nocturne@example.org", "RCPT ada@example.org", "RSET", "QUIT"]


@pytest.mark.case("healthy")
async def test_tls_from_the_first_byte(authority: trustme.CA, ca_file: str) -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox, implicit=tls_of(authority, "localhost")) as port:
        found = await run(
            port,
            host="localhost",
            tls="implicit",
            ca_file=ca_file,
            username="ada",
            password="s3cret",
            mail_from="",
        )

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("Sender accepted in ")
    assert found.metrics["tls.days_left"] > 100
    assert mailbox.heard[0] == "MAIL <>"


LOGINS = ({"LOGIN", "PLAIN"}, {"PLAIN", "CRAM-MD5"}, {"LOGIN", "CRAM-MD5"})


@pytest.mark.case("healthy")
@pytest.mark.parametrize("without", LOGINS)
async def test_each_way_to_log_in_works_and_is_refused_without_a_word_of_the_password(
    authority: trustme.CA, ca_file: str, without: set[str]
) -> None:
    options: dict[str, Any] = {
        "starttls": tls_of(authority),
        "auth_exclude_mechanism": without,
    }
    async with mail_server(Mailbox(), **options) as port:
        right = await run(port, ca_file=ca_file, username="ada", password="s3cret")
        wrong = await run(port, ca_file=ca_file, username="ada", password="wr0ngpass")

    assert right.status is Status.HEALTHY, right.message
    assert right.message.startswith("Logged in in ")
    assert (wrong.status, wrong.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert wrong.message == f"Login refused by 127.0.0.1:{port}: 535 5.7.8"
    assert "wr0ngpass" not in f"{wrong}"
    assert "tls.days_left" in wrong.metrics


@pytest.mark.case("wrong")
async def test_a_server_without_a_login_is_told_apart(authority: trustme.CA, ca_file: str) -> None:
    options: dict[str, Any] = {
        "starttls": tls_of(authority),
        "auth_exclude_mechanism": {"PLAIN", "LOGIN", "CRAM-MD5"},
    }
    async with mail_server(Mailbox(), **options) as port:
        found = await run(port, ca_file=ca_file, username="ada", password="s3cret")

    assert found.message.endswith("offers no login with PLAIN, LOGIN or CRAM-MD5")


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"mail_from": "me@example.org", "rcpt_to": "bob@example.org"},
            "RCPT TO refused by 127.0.0.1:{port}: 550 5.1.1 No such user here",
        ),
        (
            {"mail_from": "bad@example.org"},
            "MAIL FROM refused by 127.0.0.1:{port}: 550 5.7.1 Not from you",
        ),
        (
            {"expect_banner": "Postfix"},
            'Expected text not found in the banner "mx.example Python SMTP',
        ),
        ({"tls": "starttls"}, "127.0.0.1:{port} does not offer STARTTLS"),
    ],
)
async def test_what_is_not_as_expected_is_critical_and_says_what(
    fields: dict[str, Any], message: str
) -> None:
    async with mail_server(Mailbox()) as port:
        found = await run(port, **{"tls": "none", **fields})

    assert found.status is Status.CRITICAL
    assert found.message.startswith(message.format(port=port))


@pytest.mark.case("wrong")
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("name", "trusted", "reason"),
    [
        ("127.0.0.1", False, "unable to get local issuer certificate"),
        ("other.example", True, "IP address mismatch"),
    ],
)
async def test_a_certificate_that_is_not_right_is_critical_and_says_why(
    authority: trustme.CA, ca_file: str, tls: str, name: str, trusted: bool, reason: str
) -> None:
    async with mail_server(Mailbox(), **{tls: tls_of(authority, name)}) as port:
        found = await run(port, tls=tls, ca_file=ca_file if trusted else None)
        anyway = await run(port, tls=tls, verify=False)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TLS)
    assert found.message.startswith(f"TLS with 127.0.0.1:{port} failed: ")
    assert reason in found.message
    assert anyway.status is Status.HEALTHY, anyway.message
    assert "tls.days_left" in anyway.metrics


async def test_a_ca_file_that_is_not_there_cannot_be_measured_with() -> None:
    found = await run(25, ca_file="/no/such.pem")

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)


# ── Refused and silent ──────────────────────────────────────────────────────────────────────────


@pytest.mark.case("refused")
async def test_a_refused_port_is_critical_and_says_so(free_port: int) -> None:
    found = await run(free_port)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == f"Connection refused by 127.0.0.1:{free_port}"


@pytest.mark.case("refused")
async def test_a_name_without_an_address_is_not_resolved() -> None:
    found = await run(25, host="no-such-host.invalid")

    assert found.cause is Cause.NAME_NOT_RESOLVED


async def hostile(handler: Raw, timeout_s: float = 5, **fields: Any) -> Measurement:
    """Run a check against a server that does as it likes, and see that the check hangs up."""
    ended = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
            while await reader.read(65_536):
                pass  # ends when the check has hung up
        except OSError:
            pass  # it hung up while we were sending
        finally:
            writer.close()
            ended.set()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await run(port, timeout_s, **{"tls": "none", **fields})
        async with asyncio.timeout(PATIENCE_S):
            await ended.wait()
    return found


def script(*answers: bytes, end: bool = False) -> Raw:
    """The first answer at once, each further one after a command; then wait, or hang up."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, answer in enumerate(answers):
            if number and not await reader.readline():
                return
            writer.write(answer)
            await writer.drain()
        if end:
            writer.write_eof()

    return handler


def dripping(piece: bytes, first: bytes = b"") -> Raw:
    """Send a piece again and again, for ever."""

    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)

    return handler


HELLO = b"220 mx ESMTP\r\n"
OFFER = b"250-mx\r\n250 STARTTLS\r\n"


@pytest.mark.case("timeout")
@pytest.mark.parametrize(
    ("handler", "awaited"),
    [
        (script(), "banner"),
        (dripping(b"2"), "banner"),
        (dripping(b"220-wait\r\n"), "banner"),
        (dripping(b"x", HELLO[:-2]), "banner"),
        (script(HELLO), "answer to EHLO"),
        (script(HELLO, OFFER), "answer to STARTTLS"),
        (script(HELLO, OFFER, b"220 Go\r\n"), "TLS handshake"),
    ],
)
async def test_a_server_that_never_gets_there_is_a_time_out(handler: Raw, awaited: str) -> None:
    Trust(protocols=()).context()  # takes a while, and is made once
    clock = asyncio.get_running_loop().time
    start = clock()

    found = await hostile(handler, timeout_s=1, tls="starttls")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert found.message.startswith(f"No {awaited} from 127.0.0.1:")
    assert re.search(r" within (\d{1,3} ms|1 s)$", found.message)  # what was left when it began
    assert clock() - start < PATIENCE_S


@pytest.mark.case("timeout")
async def test_a_handshake_that_never_ends_is_a_time_out() -> None:
    found = await hostile(script(), timeout_s=0.3, tls="implicit")

    assert found.cause is Cause.TIMEOUT
    assert found.message.startswith("No answer from 127.0.0.1:")


# ── Hostile servers ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.case("hostile")
@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([b"421 4.3.2 Later\r\n"], "Connection refused by {}: 421 4.3.2 Later"),
        ([b"554-No\r\n554 Go away\r\n"], "Connection refused by {}: 554 No Go away"),
        ([HELLO, b"502 What\r\n"], "EHLO refused by {}: 502 What"),
        ([HELLO, OFFER, b"454 \x1b[31mNot now\r\n"], "STARTTLS refused by {}: 454 [31mNot now"),
    ],
)
async def test_a_refusal_is_critical_with_the_servers_words(
    answers: list[bytes], message: str
) -> None:
    found = await hostile(script(*answers), tls="starttls")

    where = found.message.split(" by ")[1].split(": ")[0]
    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == message.format(where)


async def endless_lines(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"220-more\r\n" * 1000)
        await writer.drain()


async def endless_line(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 ")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


@pytest.mark.case("hostile")
@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (endless_lines, "sends more than 100 lines as its banner"),
        (endless_line, 'sends a line without end: "220 xxx'),
        (script(b"HTTP/1.1 400 Bad Request\r\n"), 'does not speak SMTP: "HTTP/1.1 400'),
        (script(b"\x16\x03\x01\x00\xff\r\n"), "does not speak SMTP: "),
        (script(b"220-one\r\n221 two\r\n"), 'does not speak SMTP: "221 two"'),
        (script(b"220 mx\r\n250 mx\r\n"), 'sends text that nobody asked for: "250 mx'),
        (script(b"220 m", end=True), "hung up, banner was expected"),
        (script(HELLO, b"", end=True), "hung up, answer to EHLO was expected"),
    ],
)
async def test_what_is_no_smtp_is_a_wrong_answer_and_costs_little(handler: Raw, words: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    found = await hostile(handler)

    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert words in found.message
    assert found.message.isprintable() and len(found.message) < 280
    assert grown_kb < 20_000


@pytest.mark.case("hostile")
async def test_plain_text_behind_the_go_ahead_for_tls_is_refused() -> None:
    found = await hostile(script(HELLO, OFFER, b"220 Go\r\n250 AUTH PLAIN\r\n"), tls="starttls")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert 'sends text before TLS: "250 AUTH PLAIN' in found.message


@pytest.mark.case("hostile")
@pytest.mark.parametrize("data", [b"250 AUTH PLAIN\r\n", b""])
async def test_text_or_an_end_instead_of_the_handshake_is_a_tls_failure(data: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await script(HELLO, OFFER, b"220 Go\r\n")(reader, writer)
        await reader.read(1)  # the beginning of the handshake
        writer.write(data)
        writer.write_eof()

    found = await hostile(handler, tls="starttls")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TLS)


@pytest.mark.case("hostile")
async def test_what_was_offered_before_tls_counts_for_nothing_after_it(
    authority: trustme.CA, ca_file: str
) -> None:
    """As somebody between could have put it in: AUTH is offered in plain text only."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await script(HELLO, b"250-mx\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n", b"220 Go\r\n")(
            reader, writer
        )
        await writer.start_tls(tls_of(authority))
        await script(b"", b"250 mx\r\n")(reader, writer)
        heard.append(await reader.readline())
        writer.close()

    heard: list[bytes] = []
    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await run(port, ca_file=ca_file, username="ada", password="s3cret")
        await asyncio.sleep(0)

    assert found.message.endswith("offers no login with PLAIN, LOGIN or CRAM-MD5")
    assert not any(b"AUTH" in each for each in heard)


@pytest.mark.case("hostile")
async def test_a_server_that_quotes_the_password_gives_nothing_away(
    authority: trustme.CA, ca_file: str
) -> None:
    quoted = b64encode(b"\0ada\0s3cret")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await script(
            HELLO,
            b"250-mx\r\n250 AUTH PLAIN\r\n",
            b"235 Welcome\r\n",
            b"550 s3cret " + quoted + b"\r\n",
        )(reader, writer)
        await reader.read()
        writer.close()

    tls = tls_of(authority)
    async with await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls) as server:
        port = server.sockets[0].getsockname()[1]
        found = await run(
            port,
            tls="implicit",
            ca_file=ca_file,
            username="ada",
            password="s3cret",
            mail_from="me@example.org",
        )

    assert found.message == f"MAIL FROM refused by 127.0.0.1:{port}: 550 *** ***"
    assert "s3cret" not in f"{found}" and quoted.decode() not in f"{found}"


@pytest.mark.case("hostile")
async def test_a_server_that_never_says_goodbye_is_healthy_all_the_same() -> None:
    found = await hostile(script(HELLO, b"250 mx\r\n"))

    assert found.status is Status.HEALTHY, found.message


@pytest.mark.case("hostile")
async def test_a_connection_that_is_reset_is_a_wrong_answer() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await script(HELLO)(reader, writer)
        await reader.readline()
        at_once = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        writer.close()
        await writer.wait_closed()

    found = await hostile(reset)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message.endswith(" broke the connection off, answer to EHLO was expected")


async def test_a_cancelled_run_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        port = listener.getsockname()[1]
        running = asyncio.create_task(run(port, 30, tls="none"))
        accepted, _ = await loop.sock_accept(listener)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        with accepted:
            async with asyncio.timeout(PATIENCE_S):
                assert await loop.sock_recv(accepted, 1) == b""
    gc.collect()


# ── Parsing ─────────────────────────────────────────────────────────────────────────────────────


class Saying:
    """A connection that says something and ends."""

    def __init__(self, *data: bytes) -> None:
        self._data = list(data)
        self.sent = b""

    async def send(self, data: bytes) -> None:
        self.sent += data

    async def receive(self) -> bytes:
        return self._data.pop(0) if self._data else b""

    def certificate(self) -> None:
        """There is none."""

    def protocol(self) -> None:
        """There is none."""

    def close(self) -> None:
        """Nothing to close."""


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(min_size=1, max_size=30), max_size=8))
def test_whatever_a_server_says_is_a_reply_or_an_error_of_ours(data: list[bytes]) -> None:
    with contextlib.suppress(Refused, Violation, Ended):
        reply = asyncio.run(Dialogue(Saying(*data)).greeting())
        assert reply.code == 220


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_a_reply_is_read_however_it_is_cut(size: int) -> None:
    whole = b"220-mx.example\r\n220-\r\n220\r\n"

    reply = await Dialogue(
        Saying(*(whole[at : at + size] for at in range(0, len(whole), size)))
    ).greeting()

    assert reply.lines == ("mx.example", "", "")


def test_offers_are_read_as_servers_write_them() -> None:
    found = extensions(["mx", "SIZE 1000", "auth plain", "AUTH=LOGIN", "", "8BITMIME"])

    assert found == {"SIZE": ("1000",), "AUTH": ("PLAIN", "LOGIN"), "8BITMIME": ()}


async def test_the_digest_of_a_challenge_is_that_of_the_rfc() -> None:
    challenge = b"334 " + b64encode(b"<1896.697170952@postoffice.reston.mci.net>") + b"\r\n"
    connection = Saying(challenge, b"235 OK\r\n")

    await Dialogue(connection).log_in("tim", "tanstaaftanstaaf", ["CRAM-MD5"])

    answer = b64decode(connection.sent.splitlines()[1])
    assert answer == b"tim b913a602c7eda7a495b4e6e7334d3890"  # RFC 2195, 2


# ── Configuration ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"username": "ada", "password": "s3cret", "tls": "none"}, "over TLS only"),
        ({"username": "ada"}, "password is missing"),
        ({"password": "s3cret"}, "username is missing"),
        ({"username": "a\0", "password": "s3cret"}, "NUL"),
        ({"hello": "a b"}, "hello must be a domain"),
        ({"mail_from": "a@b>\r\nDATA"}, "mail_from must be an address"),
        ({"mail_from": "", "rcpt_to": "ada"}, "rcpt_to must be an address"),
        ({"rcpt_to": "a@b.example"}, "needs mail_from"),
        ({"tls": "maybe"}, "tls"),
        ({"port": 0}, "port"),
    ],
)
def test_fields_that_cannot_work_are_refused_with_the_reason(
    fields: dict[str, object], reason: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason) as refused:
        msgspec.convert({"host": "mail.example", **fields}, SmtpCheck)

    assert "s3cret" not in str(refused.value)


def test_the_target_has_the_port_that_the_kind_of_tls_brings() -> None:
    assert SmtpCheck(host="mx").target() == "mx:587"
    assert SmtpCheck(host="mx", tls="none").target() == "mx:25"
    assert SmtpCheck(host="::1", tls="implicit").target() == "[::1]:465"
    assert SmtpCheck(host="mx", tls="implicit", port=25).target() == "mx:25"


def test_no_repr_shows_user_or_password() -> None:
    assert repr(SmtpCheck(host="mx", username="ada", password="s3cret")) == "SmtpCheck('mx:587')"


def test_stock_rules_are_on_response_time_and_certificate() -> None:
    rules = SmtpCheck(host="mx").stock_rules()

    assert {rule.metric: (rule.warning, rule.critical) for rule in rules} == {
        "smtp.total_ms": (2000, 5000),
        "tls.days_left": (21, 7),
    }
    assert all("First look:" in rule.runbook for rule in rules)
