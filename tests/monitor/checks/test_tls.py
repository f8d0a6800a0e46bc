"""The `tls` kind against nginx, aiosmtpd and Postgres with certificates of our own, and hostile servers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from aiosmtpd.smtp import SMTP
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from domain.facts import Cause, Measurement, Status
from domain.mistakes import WrongFields
from domain.settings import Network
from monitor import reach
from monitor.checks import Deadline
from monitor.checks.tls import TlsCheck
from monitor.wire.tls import certificates, distrust
from tests.cases import serve
from tests.monitor.http_servers import certificate
from tests.waiting import PATIENCE_S

PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/postgresql/15/bin"
NAME = "api.example"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Authority:
    """A certificate authority of this test run, and where its certificate lies."""

    ca: trustme.CA
    file: Path
    folder: Path

    def issue(self, file: str, *names: str, days: float = 60, alone: bool = False) -> Path:
        """Key and chain in one file, which end in so many days."""
        now = datetime.now(UTC)
        made = self.ca.issue_cert(
            *names, not_before=now - timedelta(days=90), not_after=now + timedelta(days=days)
        )
        chain = made.cert_chain_pems[:1] if alone else made.cert_chain_pems
        path = self.folder / file
        path.write_bytes(made.private_key_pem.bytes() + b"".join(each.bytes() for each in chain))
        return path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")
    ca = trustme.CA(organization_name="Test, Root")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    return Authority(ca, folder / "ca.pem", folder)


@pytest.fixture(scope="module")
def nginx(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """The port of each site: one nginx with a certificate of each sort."""
    program = shutil.which("nginx", path=PLACES)
    if program is None:
        pytest.skip("no nginx on this machine")
    folder, files = tmp_path_factory.mktemp("nginx"), certificates_of(authority)
    ports = dict(zip(files, free_ports(len(files)), strict=True))
    sites = "\n".join(
        f"server {{ listen 127.0.0.1:{ports[site]} ssl; return 204; ssl_certificate {file};"
        f" ssl_certificate_key {file}; {extra} }}"
        for site, (file, extra) in files.items()
    )
    (folder / "nginx.conf").write_text(
        "daemon off; master_process off; pid nginx.pid; error_log error.log;\n"
        "events { worker_connections 64; }\n"
        "http { access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;\n"
        f"uwsgi_temp_path u; scgi_temp_path s;\n{sites}\n}}\n"
    )
    serve("tls", "nginx " + told(program, "-v").split("/")[1].split()[0])
    command = [program, "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        try:
            until_open(ports["good"])
            yield Ports(ports)
        finally:
            running.terminate()


def certificates_of(authority: Authority) -> dict[str, tuple[Path, str]]:
    """For each site its file of certificates, and what else is set there."""
    good = authority.issue("good.pem", NAME, "127.0.0.1")
    child = Authority(authority.ca.create_child_ca(), authority.file, authority.folder)
    trusting = f"ssl_verify_client on; ssl_client_certificate {authority.file};"
    return {
        "good": (good, "ssl_protocols TLSv1.2 TLSv1.3;"),
        "soon": (authority.issue("soon.pem", NAME, days=6.5), ""),
        "expired": (authority.issue("expired.pem", NAME, days=-6.5), ""),
        "other": (authority.issue("other.pem", *(f"{n}.shop.example" for n in "abcde")), ""),
        "self": (certificate(authority.folder, 30, NAME), ""),
        "whole": (child.issue("whole.pem", NAME), ""),
        "alone": (child.issue("alone.pem", NAME, alone=True), ""),
        "old": (good, "ssl_protocols TLSv1.2;"),
        "mutual": (good, f"{trusting} ssl_protocols TLSv1.2 TLSv1.3;"),
    }


@dataclass(frozen=True)
class Ports:
    """The sites of the nginx."""

    by_site: dict[str, int]

    async def run(self, site: str, ca: Path | None, **fields: Any) -> Measurement:
        """Check the site as `api.example`, trusting `ca`."""
        given = {"host": "127.0.0.1", "server_name": NAME, "port": self.by_site[site], **fields}
        trusted = {"ca_file": str(ca)} if ca else {}
        check = msgspec.convert({**given, **trusted}, TlsCheck)
        return await check.run(Deadline.after(10))


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return found


def until_open(port: int) -> None:
    for _ in range(500):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on {port}")


def told(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[int]:
    """A server that does with each connection what `talk` does; gives its port."""

    talks = set[asyncio.Task[None] | None]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):  # the check hung up
            await talk(reader, writer)
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
        await asyncio.gather(*(each for each in talks if each))


async def run(talk: Talk, timeout_s: float = 5, **fields: Any) -> Measurement:
    """Check a server of our own."""
    async with server(talk) as port:
        check = TlsCheck(host="127.0.0.1", port=port, **fields)
        return await check.run(Deadline.after(timeout_s))


# ── Certificates as nginx presents them ─────────────────────────────────────────────────────────


@pytest.mark.case("healthy")
async def test_a_trusted_certificate_is_healthy_and_tells_its_facts(
    nginx: Ports, authority: Authority
) -> None:
    found = await nginx.run("good", authority.file)

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith(f"Certificate of {NAME} expires in 59 days, TLS 1.3 in ")
    assert set(found.metrics) == {
        "tls.days_left",
        "tls.chain_days_left",
        "tls.dns_ms",
        "tls.connect_ms",
        "tls.handshake_ms",
        "tls.total_ms",
    }
    assert found.metrics["tls.days_left"] == pytest.approx(60, abs=0.2)
    assert found.response_time_ms == found.metrics["tls.total_ms"]
    assert found.details["version"] == "TLS 1.3"
    assert found.details["names"] == [NAME, "127.0.0.1"]
    assert "Test\\, Root" in str(found.details["issuer"])


@pytest.mark.case("healthy")
async def test_a_certificate_that_is_valid_for_the_address_needs_no_name(
    nginx: Ports, authority: Authority
) -> None:
    found = await nginx.run("good", authority.file, server_name=None)

    assert found.message.startswith("Certificate of 127.0.0.1 expires in 59 days")


@pytest.mark.case("healthy")
async def test_a_certificate_that_ends_soon_is_left_to_the_stock_rule(
    nginx: Ports, authority: Authority
) -> None:
    found = await nginx.run("soon", authority.file)

    assert found.status is Status.HEALTHY
    assert found.message.startswith(f"Certificate of {NAME} expires in 6 days, ")
    assert found.metrics["tls.days_left"] == pytest.approx(6.5, abs=0.2)


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("site", "message"),
    [
        ("expired", "expired 6 days ago"),
        (
            "other",
            "is for a.shop.example, b.shop.example, c.shop.example and 2 more, expected api.example",
        ),
        ("self", "is self-signed"),
    ],
)
async def test_a_certificate_that_is_refused_is_critical_and_still_seen(
    nginx: Ports, authority: Authority, site: str, message: str
) -> None:
    found = await nginx.run(site, authority.file)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TLS)
    assert found.message == f"Certificate of {NAME} {message}"
    assert found.metrics["tls.days_left"] == pytest.approx(
        {"expired": -6.5, "other": 60, "self": 30}[site], abs=0.2
    )
    assert found.details["fingerprint"]


@pytest.mark.case("wrong")
async def test_an_authority_that_is_not_trusted_is_named(
    nginx: Ports, authority: Authority, tmp_path: Path
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")

    alone = await nginx.run("good", tmp_path / "other.pem")
    whole = await nginx.run("whole", tmp_path / "other.pem")

    assert alone.cause is whole.cause is Cause.TLS
    assert "is issued by" in alone.message
    assert alone.message.endswith(", which is neither trusted nor sent along")
    assert f"Certificate of {NAME} goes back to " in whole.message
    assert whole.message.endswith(", which is not trusted")


@pytest.mark.case("wrong")
async def test_a_missing_intermediate_certificate_is_told(
    nginx: Ports, authority: Authority
) -> None:
    whole = await nginx.run("whole", authority.file)
    alone = await nginx.run("alone", authority.file)

    assert whole.status is Status.HEALTHY
    assert len(msgspec.convert(whole.details["chain"], list[str])) == 2
    assert alone.message.endswith("which is neither trusted nor sent along")


@pytest.mark.case("healthy")
@pytest.mark.parametrize("site", ["expired", "other", "self"])
async def test_without_verification_only_the_rule_on_the_days_left_judges(
    nginx: Ports, site: str
) -> None:
    found = await nginx.run(site, None, verify=False)

    assert found.status is Status.HEALTHY
    assert "tls.days_left" in found.metrics


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("site", "fields", "end"),
    [
        ("good", {"min_version": "1.3", "alpn": ["http/1.1"]}, None),
        ("good", {"expect_issuer": "Test, Root"}, None),
        ("old", {"min_version": "1.3"}, "speaks TLS 1.2, expected 1.3 or newer"),
        ("good", {"alpn": ["imap"]}, "alert no application protocol"),
        ("good", {"expect_issuer": "Let's Encrypt"}, 'expected "Let\'s Encrypt"'),
        ("good", {"expect_fingerprint": "ab:" * 31 + "ab"}, "expected abababababababab…"),
    ],
)
async def test_version_protocol_issuer_and_fingerprint_can_be_expected(
    nginx: Ports, authority: Authority, site: str, fields: dict[str, Any], end: str | None
) -> None:
    found = await nginx.run(site, authority.file, **fields)

    assert found.status is (Status.CRITICAL if end else Status.HEALTHY), found.message
    assert end is None or found.message.endswith(end), found.message


@pytest.mark.case("wrong")
async def test_the_fingerprint_of_the_certificate_is_recognised(
    nginx: Ports, authority: Authority
) -> None:
    seen = await nginx.run("good", authority.file)
    wanted = str(seen.details["fingerprint"]).upper()

    found = await nginx.run("good", authority.file, expect_fingerprint=wanted)

    assert found.status is Status.HEALTHY


@pytest.mark.case("healthy")
async def test_a_client_certificate_is_shown(nginx: Ports, authority: Authority) -> None:
    client = authority.issue("client.pem", "client.example")

    found = await nginx.run("mutual", authority.file, cert_file=str(client))

    assert found.status is Status.HEALTHY, found.message


@pytest.mark.case("wrong")
async def test_a_client_certificate_that_the_server_refuses_is_critical(
    authority: Authority, tmp_path: Path
) -> None:
    """Over TLS 1.3 the refusal comes only after the handshake; the server is Python's own."""
    made = trustme.CA().issue_cert("stranger.example")
    made.private_key_and_cert_chain_pem.write_to_path(tmp_path / "stranger.pem")
    context = served(authority.issue("strict.pem", NAME))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    fields: dict[str, Any] = {"server_name": NAME, "ca_file": str(authority.file)}

    async with tls_server(context) as port:
        check = TlsCheck(
            host="127.0.0.1", port=port, cert_file=str(tmp_path / "stranger.pem"), **fields
        )
        found = await check.run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TLS)
    assert "refuses the client certificate: tlsv1 alert unknown ca" in found.message


@pytest.mark.parametrize("field", ["ca_file", "cert_file"])
async def test_a_file_that_cannot_be_used_leaves_the_status_unknown(
    nginx: Ports, tmp_path: Path, field: str
) -> None:
    (tmp_path / "broken.pem").write_text("no certificate")

    missing = await nginx.run("good", None, **{field: str(tmp_path / "missing.pem")})
    broken = await nginx.run("good", None, **{field: str(tmp_path / "broken.pem")})

    for found in (missing, broken):
        assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert missing.message.endswith("missing.pem can't be used: No such file or directory")
    assert broken.message.endswith("broken.pem can't be used: not PEM")


# ── Protocols that begin in plain text ──────────────────────────────────────────────────────────


def served(file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


@asynccontextmanager
async def tls_server(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A server that shakes hands and waits for the other side to end, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        plain, _ = listener.accept()
        with plain:
            plain.settimeout(5)
            try:
                with context.wrap_socket(plain, server_side=True) as secured:
                    secured.recv(1)
            except OSError:
                pass  # it refused the other side, or the other side went

    with listener:
        answering = asyncio.create_task(asyncio.to_thread(answer))
        yield listener.getsockname()[1]
        await answering


@pytest.fixture(scope="module")
def postgres(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Postgres with TLS."""
    program = shutil.which("postgres", path=PLACES)
    if program is None:
        pytest.skip("no postgres on this machine")
    bin_folder = Path(program).resolve().parent
    # It refuses to run as root, and whom it runs as must be able to enter its folder.
    user: int | None = os.getuid() or account("postgres")
    if user is None:
        pytest.skip("no postgres on this machine: no such user")
    folder = Path(tempfile.mkdtemp(prefix="nocturne-tls-"))
    shutil.copy(authority.issue("postgres.pem", NAME), folder / "server.pem")
    (folder / "server.pem").chmod(0o600)
    for path in (folder, folder / "server.pem"):
        os.chown(path, user, -1)
    data, [port] = folder / "data", free_ports(1)
    initdb = [str(bin_folder / "initdb"), "-D", str(data), "-N", "-A", "trust"]
    subprocess.run(initdb, user=user, check=True, capture_output=True, cwd=folder)
    settings = [
        f"port={port}",
        f"unix_socket_directories={folder}",
        "listen_addresses=127.0.0.1",
        "ssl=on",
        f"ssl_cert_file={folder}/server.pem",
        f"ssl_key_file={folder}/server.pem",
        "fsync=off",
    ]
    command = [program, "-D", str(data), *(each for s in settings for each in ("-c", s))]
    serve("tls", "PostgreSQL " + told(program, "--version").split()[2])
    with subprocess.Popen(command, user=user, cwd=folder, stderr=subprocess.DEVNULL) as running:
        try:
            until_open(port)
            yield port
        finally:
            running.send_signal(signal.SIGINT)  # its fast way to end
    shutil.rmtree(folder)


def account(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


@pytest.mark.case("healthy")
async def test_postgres_changes_to_tls(postgres: int, authority: Authority) -> None:
    fields: dict[str, Any] = {"host": "127.0.0.1", "port": postgres, "starttls": "postgres"}

    found = await TlsCheck(server_name=NAME, ca_file=str(authority.file), **fields).run(
        Deadline.after(10)
    )
    refused = await TlsCheck(**fields).run(Deadline.after(10))

    assert found.status is Status.HEALTHY, found.message
    assert "tls.starttls_ms" in found.metrics
    assert refused.cause is Cause.TLS
    assert refused.metrics["tls.days_left"] == pytest.approx(60, abs=0.2)


@asynccontextmanager
async def mail_server(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """A real SMTP server, aiosmtpd."""
    serve("tls", f"aiosmtpd {version('aiosmtpd')}")
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: SMTP(object(), tls_context=context, loop=loop, hostname="mail"), "127.0.0.1", 0
    )
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@pytest.mark.case("healthy")
async def test_a_mail_server_changes_to_tls(authority: Authority) -> None:
    fields: dict[str, Any] = {"server_name": NAME, "ca_file": str(authority.file)}

    async with mail_server(served(authority.issue("mail.pem", NAME))) as port:
        check = TlsCheck(host="127.0.0.1", port=port, starttls="smtp", **fields)
        found = await check.run(Deadline.after(10))

    assert found.status is Status.HEALTHY, found.message
    assert check.target() == f"{NAME} at 127.0.0.1:{port} (smtp)"


@pytest.mark.case("wrong")
async def test_a_mail_server_without_starttls_is_critical() -> None:
    async with mail_server(None) as port:
        check = TlsCheck(host="127.0.0.1", port=port, starttls="smtp")
        found = await check.run(Deadline.after(10))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message == f"127.0.0.1:{port} offers no STARTTLS"


DIALOGUES = {
    "imap": [
        ("", "* OK [CAPABILITY IMAP4rev1] ready"),
        ("n1 STARTTLS", "* BYTHEWAY\r\nn1 OK begin"),
    ],
    "pop3": [("", "+OK ready"), ("STLS", "+OK begin")],
}


@pytest.mark.case("healthy")
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
async def test_imap_and_pop3_change_to_tls(authority: Authority, protocol: str) -> None:
    context = served(authority.issue("mailbox.pem", NAME))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for asked, answer in DIALOGUES[protocol]:
            if asked:
                assert await reader.readline() == f"{asked}\r\n".encode()
            writer.write(f"{answer}\r\n".encode())
        await writer.start_tls(context)
        await reader.read()

    fields: dict[str, Any] = {"starttls": protocol, "ca_file": str(authority.file)}
    found = await run(talk, server_name=NAME, **fields)

    assert found.status is Status.HEALTHY, found.message


@pytest.mark.case("hostile")
@pytest.mark.parametrize(
    ("protocol", "sent", "end"),
    [
        ("smtp", b"554 go away\r\n", ' greets with "554 go away"'),
        (
            "smtp",
            b"220 hi\r\n250-a\r\n250 STARTTLS\r\n454 no\r\n",
            ' answers STARTTLS with "454 no"',
        ),
        (
            "smtp",
            b"220 hi\r\n250 STARTTLS\r\n220 go\r\n250 put in\r\n",
            ' sends plain text after its go-ahead for TLS: "250 put in"',
        ),
        ("smtp", b"220-\x1b[2J\r\n" * 200, " answers its greeting without end"),
        ("smtp", b"x" * 9000, f' sends a line without end: "{"x" * 119}…"'),
        ("smtp", b"220", ' hangs up before TLS after "220"'),
        ("imap", b"* BYE full\r\n", ' greets with "* BYE full"'),
        ("imap", b"* OK hi\r\n" + b"* no\r\n" * 200, " answers STARTTLS without end"),
        ("imap", b"* OK hi\r\nn1 BAD what\r\n", ' answers STARTTLS with "n1 BAD what"'),
        ("pop3", b"-ERR\x00 no\r\n", ' greets with "-ERR no"'),
        ("pop3", b"+OK hi\r\n-ERR no\r\n", ' answers STLS with "-ERR no"'),
        ("postgres", b"N", " offers no TLS"),
        ("postgres", b"", " hangs up before TLS"),
        ("postgres", b"HTTP/1.1 400", ' does not speak the protocol of Postgres: "HTTP/1.1 400"'),
        ("postgres", b"Sput in", ' sends plain text after its go-ahead for TLS: "put in"'),
    ],
)
async def test_a_server_that_does_not_go_ahead_is_a_wrong_answer(
    protocol: str, sent: bytes, end: str
) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        writer.write_eof()
        await _.read()

    found = await run(talk, starttls=protocol)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message.endswith(end), found.message


# ── Servers that answer badly ───────────────────────────────────────────────────────────────────


@pytest.mark.case("refused")
async def test_a_refused_port_is_critical_and_says_so(free_port: int) -> None:
    found = await TlsCheck(host="127.0.0.1", port=free_port).run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == f"Connection refused by 127.0.0.1:{free_port}"


@pytest.mark.case("refused")
async def test_an_address_that_the_network_policy_refuses_is_not_connected_to() -> None:
    reach.adopt(Network(deny=("192.0.2.0/24",)))
    try:
        found = await TlsCheck(host="192.0.2.1").run(Deadline.after(5))
    finally:
        reach.adopt(Network())

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert "192.0.2.1 may not be connected to" in found.message


async def test_a_name_without_an_address_is_not_resolved() -> None:
    found = await TlsCheck(host="no-such-host.invalid").run(Deadline.after(5))

    assert found.cause is Cause.NAME_NOT_RESOLVED


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def dripping(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The beginning of a record of 16 kB, one byte at a time."""
    writer.write(b"\x16\x03\x03\x40\x00")
    while not writer.is_closing():
        writer.write(b"\x02")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.case("timeout")
@pytest.mark.parametrize("talk", [silence, dripping])
@pytest.mark.parametrize(
    ("protocol", "what"), [("none", "TLS handshake"), ("smtp", "go-ahead for TLS")]
)
async def test_a_server_that_keeps_one_waiting_is_a_time_out(
    talk: Talk, protocol: str, what: str
) -> None:
    started = time.monotonic()

    found = await run(talk, timeout_s=0.3, starttls=protocol)

    assert found.cause is Cause.TIMEOUT
    assert found.message.startswith(f"No {what} from 127.0.0.1:")
    assert re.search(r" within ([12]?\d?\d|300) ms$", found.message)
    assert time.monotonic() - started < PATIENCE_S


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    opened = writer.get_extra_info("socket")
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


async def plain_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def hanging_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(1000)


async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Handshake messages that a client skips (HelloRequest), without end."""
    record = b"\x16\x03\x03\x00\x04" + b"\x00\x00\x00\x00"
    while not writer.is_closing():
        writer.write(record * 5000)
        await writer.drain()


@pytest.mark.case("hostile")
@pytest.mark.parametrize(
    ("talk", "message"),
    [
        (resetting, " broke off during the TLS handshake: Connection reset by peer"),
        (plain_http, " does not speak TLS: wrong version number"),
        (hanging_up, " hangs up during the TLS handshake"),
        (flood, ""),
    ],
)
async def test_a_server_that_breaks_the_handshake_is_critical(talk: Talk, message: str) -> None:
    found = await run(talk, timeout_s=2)

    assert found.status is Status.CRITICAL
    assert message in found.message
    assert not message or found.cause is Cause.TLS, found


@pytest.mark.case("hostile")
async def test_a_run_that_is_cancelled_closes_its_connection() -> None:
    ended = asyncio.Event()
    begun = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        begun.set()
        await reader.read()
        ended.set()

    async with server(talk) as port:
        running = asyncio.create_task(TlsCheck(host="127.0.0.1", port=port).run(Deadline.after(30)))
        await begun.wait()
        running.cancel()
        await asyncio.wait([running])

        await asyncio.wait_for(ended.wait(), PATIENCE_S)

    assert running.cancelled()


# ── Fields, certificates and sentences ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"starttls": "smtp"}, "port"),
        ({"key_file": "/k"}, "key_file"),
        ({"expect_fingerprint": "abc"}, "expect_fingerprint"),
        ({"server_name": "a..b"}, "server_name"),
        ({"host": f"{'a' * 64}.example"}, "host"),
    ],
)
def test_fields_that_cannot_work_are_refused(fields: dict[str, Any], key: str) -> None:
    with pytest.raises(WrongFields) as refused:
        TlsCheck(**{"host": "api.example", **fields})

    assert [reason[0] for reason in refused.value.reasons] == [key]


def test_a_certificate_reads_as_the_reference_library_reads_it(authority: Authority) -> None:
    pem = authority.issue("names.pem", "a.example", "*.b.example", "::1", "192.0.2.1").read_bytes()
    reference = x509.load_pem_x509_certificates(pem)[0]
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index(b"-----BEGIN CERT") :].decode())

    found = certificates.read(der)

    assert found.names == ("a.example", "*.b.example", "::1", "192.0.2.1")
    assert found.valid_until == reference.not_valid_after_utc
    assert found.valid_from == reference.not_valid_before_utc


@given(data=st.data())
def test_a_broken_certificate_is_unreadable_and_nothing_worse(
    authority: Authority, data: st.DataObject
) -> None:
    der = bytearray(ssl.PEM_cert_to_DER_cert(authority.file.read_text()))
    for at in data.draw(st.lists(st.integers(0, len(der) - 1), max_size=3)):
        der[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(der)))

    for broken in (bytes(der), bytes(der[:cut]), data.draw(st.binary(max_size=60))):
        with contextlib.suppress(certificates.Unreadable):
            assert certificates.read(broken).fingerprint


def made(subject: str, days: float, begun: float = -10) -> certificates.Certificate:
    now = datetime.now(UTC) + timedelta(minutes=1)
    return certificates.Certificate(
        subject=subject,
        issuer="CN=Issuer, O=Shop",
        names=(),
        name_count=0,
        valid_from=now + timedelta(days=begun),
        valid_until=now + timedelta(days=days),
        fingerprint="",
    )


@pytest.mark.parametrize(
    ("code", "chain", "sentence"),
    [
        (10, lambda: [made("CN=a", -1.5)], "expired 1 day ago"),
        (
            10,
            lambda: [made("CN=a", 9), made("CN=Mid", -0.5)],
            "whose certificate expired 11 h 59 min ago",
        ),
        (10, lambda: [made("CN=a", 9)], None),
        (9, lambda: [made("CN=a", 9, begun=3)], "becomes valid in 3 days"),
        (9, lambda: [made("CN=a", 9)], None),
        (18, lambda: [made("CN=a", -2.5)], "is self-signed, and expired 2 days ago"),
        (
            19,
            lambda: [made("CN=a", 9), made("CN=Mid", 9)],
            'goes back to "Issuer", which is not trusted',
        ),
        (62, lambda: [made("CN=a", 9)], 'is for "a" without alternative names, expected n.example'),
        (66, lambda: [made("CN=a", 9)], None),
    ],
)
def test_the_reason_of_a_refusal_is_told_in_the_certificates_own_facts(
    code: int, chain: Callable[[], list[certificates.Certificate]], sentence: str | None
) -> None:
    # Made now: the sentence tells how long ago, to the minute.
    found = distrust.reason(code, chain(), "n.example")

    assert found is None if sentence is None else (found or "").endswith(sentence), found
