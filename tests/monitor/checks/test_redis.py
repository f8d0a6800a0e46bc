"""The `redis` kind against a real Redis, with replica, cluster and TLS, and against hostile servers."""

from __future__ import annotations

import asyncio
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.redis import RedisCheck
from monitor.wire import resp
from monitor.wire.redisinfo import History, Info
from monitor.wire.visit import Dialogue, Garbled, HungUp, TooMuch
from tests.cases import serve
from tests.monitor.hostile import Fed, Handler, endlessly, hostile, saying
from tests.waiting import PATIENCE_S

PROGRAM = shutil.which("redis-server", path="/usr/bin:/usr/sbin:/usr/local/bin")
PASSWORD = "pa/ss#wörd"
IN_URL = "pa%2Fss%23w%C3%B6rd"

needs_redis = pytest.mark.skipif(PROGRAM is None, reason="no redis-server on this machine")


class Server:
    """A Redis on a port of its own."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, password: str) -> None:
        self.process = process
        self.port = port
        self.password = password

    def say(self, *words: str) -> bytes:
        """One command, and what came back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as opened:
            if self.password:
                opened.sendall(resp.question("AUTH", self.password))
                assert opened.recv(100) == b"+OK\r\n"
            opened.sendall(resp.question(*words))
            return opened.recv(65536)

    def wait_for(self, text: str) -> None:
        """Until INFO holds this."""
        end = time.monotonic() + 15
        while text.encode() not in self.say("INFO"):
            assert time.monotonic() < end, text
            time.sleep(0.05)


@contextmanager
def running(
    folder: Path, *options: str, password: str = "", ready: bytes = b"+PONG"
) -> Iterator[Server]:
    """A Redis with these options, ended afterwards."""
    port = free()
    folder.mkdir(exist_ok=True)
    secret = ["--requirepass", password] if password else []
    process = subprocess.Popen(
        [str(PROGRAM), "--port", str(port), "--dir", str(folder), "--save", "", *secret, *options],
        stdout=subprocess.DEVNULL,
    )
    server = Server(process, port, password)
    try:
        end = time.monotonic() + 15
        while True:
            with suppress(OSError):
                if server.say("PING").startswith(ready):
                    break
            assert time.monotonic() < end and process.poll() is None, "redis-server does not start"
            time.sleep(0.02)
        yield server
    finally:
        process.kill()
        process.wait()


def free() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("redis")


@pytest.fixture(scope="module")
def tls(authority: trustme.CA, folder: Path) -> list[str]:
    """Options for a TLS port whose clients need a certificate, and files for them."""
    authority.cert_pem.write_to_path(folder / "ca.pem")
    of_server, of_client = authority.issue_cert("127.0.0.1"), authority.issue_cert("client")
    of_server.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    of_client.private_key_pem.write_to_path(folder / "client.key")
    of_client.cert_chain_pems[0].write_to_path(folder / "client.crt")
    files = {"cert": "server.pem", "key": "server.pem", "ca-cert": "ca.pem"}
    options = [f"--tls-{name}-file {folder / file}" for name, file in files.items()]
    return [word for option in options for word in option.split()]


@pytest.fixture(scope="module")
def tls_port() -> int:
    return free()


@pytest.fixture(scope="module")
def master(folder: Path, tls: list[str], tls_port: int) -> Iterator[Server]:
    """A Redis with a password, a limit of memory, a Unix socket, and a TLS port."""
    options = ["--maxmemory", "64mb", "--unixsocket", str(folder / "redis.sock")]
    with running(
        folder / "master", *options, "--tls-port", str(tls_port), *tls, password=PASSWORD
    ) as server:
        version = subprocess.run([str(PROGRAM), "-v"], capture_output=True, text=True).stdout
        serve("redis", f"Redis {version.split('v=')[1].split()[0]}")
        yield server


@pytest.fixture(scope="module")
def replica(folder: Path, master: Server) -> Iterator[Server]:
    """A replica of it, in step."""
    options = ["--replicaof", "127.0.0.1", str(master.port), "--masterauth", PASSWORD]
    master.say("CONFIG", "SET", "repl-diskless-sync-delay", "0")
    with running(folder / "replica", *options) as server:
        server.wait_for("master_link_status:up")
        master.wait_for("state=online")
        yield server


async def run(timeout_s: float = 10, **fields: Any) -> Measurement:
    return await msgspec.convert(fields, RedisCheck).run(Deadline.after(timeout_s))


async def ask(server: Server, **fields: Any) -> Measurement:
    """Run a check of this server with its password."""
    login: dict[str, Any] = {"password": server.password} if server.password else {}
    return await run(host="127.0.0.1", port=server.port, **login, **fields)


@needs_redis
@pytest.mark.case("healthy")
async def test_a_redis_that_answers_is_healthy_with_its_metrics(master: Server) -> None:
    master.say("SET", "key", "value")

    found = await run(url=f"redis://:{IN_URL}@127.0.0.1:{master.port}/0", expect_role="master")

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("PONG in ") and " used, " in found.message
    assert found.response_time_ms == found.metrics["redis.ping_ms"] > 0
    assert found.metrics["redis.keys"] == 1
    assert found.metrics["redis.clients.connected"] >= 1
    assert 0 < found.metrics["redis.clients.percent"] < 1
    assert 0 < found.metrics["redis.memory.percent"] < 50
    assert found.metrics["redis.memory.used_bytes"] > 100_000
    assert found.metrics["redis.save_age_s"] >= 0
    assert {"redis.dns_ms", "redis.connect_ms", "redis.login_ms", "redis.info_ms"} <= set(
        found.metrics
    )
    assert found.details["role"] == "master"


@needs_redis
@pytest.mark.case("healthy")
async def test_a_unix_socket_and_a_database_can_be_asked(master: Server, folder: Path) -> None:
    master.say("SET", "key", "value")

    found = await run(url=f"unix://:{IN_URL}@{folder / 'redis.sock'}?db=3")

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["redis.keys"] == 0


@needs_redis
@pytest.mark.case("healthy")
async def test_tls_with_a_certificate_of_our_own_is_healthy(
    master: Server, folder: Path, tls_port: int
) -> None:
    found = await run(
        url=f"rediss://127.0.0.1:{tls_port}",
        password=master.password,
        ca_file=str(folder / "ca.pem"),
        cert_file=str(folder / "client.crt"),
        key_file=str(folder / "client.key"),
    )

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["tls.days_left"] > 100
    assert found.metrics["redis.tls_ms"] > 0


@needs_redis
@pytest.mark.case("wrong")
@pytest.mark.parametrize("trusted", [False, True])
async def test_a_certificate_that_is_missing_or_not_trusted_is_told(
    master: Server, folder: Path, tls_port: int, trusted: bool
) -> None:
    fields: dict[str, Any] = {"ca_file": str(folder / "ca.pem")} if trusted else {}

    found = await run(url=f"rediss://127.0.0.1:{tls_port}", password=master.password, **fields)

    assert found.status is Status.DEGRADED
    # A server that wants a certificate says so in an alert, which a reset may overtake.
    words = (
        ("certificate required", "hung up")
        if trusted
        else ("self-signed certificate", "unable to get local issuer certificate")
    )
    assert any(word in found.message for word in words), found.message


@needs_redis
@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("fields", "cause", "words"),
    [
        ({"password": "secret"}, Cause.REFUSED, "refuses the user name or password"),
        (
            {"username": "ada", "password": "secret"},
            Cause.REFUSED,
            "refuses the user name or password",
        ),
        ({}, Cause.REFUSED, "wants a password, and none is given"),
        (
            {"password": PASSWORD, "db": 99},
            Cause.MISSING,
            "has no database of this number",
        ),
    ],
)
async def test_what_the_server_does_not_take_is_said_in_words(
    master: Server, fields: dict[str, Any], cause: Cause, words: str
) -> None:
    found = await run(host="127.0.0.1", port=master.port, **fields)
    critical = await run(host="127.0.0.1", port=master.port, on_error="critical", **fields)

    assert (found.status, found.cause) == (Status.DEGRADED, cause)
    assert found.message == f"127.0.0.1:{master.port} {words}"
    assert critical.status is Status.CRITICAL


@needs_redis
@pytest.mark.case("healthy")
async def test_a_user_who_may_only_ping_still_measures_that(master: Server) -> None:
    master.say("ACL", "SETUSER", "ada", "on", ">hunter2", "+ping")

    found = await ask_as(master, "ada", "hunter2")
    judged = await ask_as(master, "ada", "hunter2", expect_role="master")

    assert found.status is Status.HEALTHY, found.message
    assert found.message.endswith("without statistics, since INFO is not permitted")
    assert "redis.keys" not in found.metrics
    assert judged.message.endswith("role not told, expected master")


@needs_redis
@pytest.mark.case("wrong")
async def test_a_user_who_may_not_ping_is_told(master: Server) -> None:
    master.say("ACL", "SETUSER", "bob", "on", ">hunter2")

    found = await ask_as(master, "bob", "hunter2")

    assert found.message.endswith(" does not permit PING to this user")
    assert found.cause is Cause.REFUSED


async def ask_as(server: Server, username: str, password: str, **fields: Any) -> Measurement:
    return await run(
        host="127.0.0.1", port=server.port, username=username, password=password, **fields
    )


@needs_redis
@pytest.mark.case("healthy")
async def test_a_master_and_its_replica_are_healthy_in_their_roles(
    master: Server, replica: Server
) -> None:
    one = await ask(master, expect_role="master", min_replicas=1)
    two = await ask(replica, expect_role="replica")

    assert one.status is two.status is Status.HEALTHY, (one.message, two.message)
    assert one.metrics["redis.replicas"] == 1
    assert one.metrics["redis.lag_bytes"] >= 0
    assert 0 <= two.metrics["redis.lag_s"] < 30
    assert two.details["role"] == "replica"


@needs_redis
@pytest.mark.case("wrong")
async def test_a_wrong_role_and_missing_replicas_are_told(master: Server, replica: Server) -> None:
    role = await ask(replica, expect_role="master")
    count = await ask(master, min_replicas=2)

    assert (role.status, role.cause) == (Status.DEGRADED, Cause.WRONG_ANSWER)
    assert role.message == f"127.0.0.1:{replica.port}: role replica, expected master"
    assert count.message.endswith("replicas online 1, expected ≥ 2")
    assert count.metrics["redis.ping_ms"] > 0


@needs_redis
@pytest.mark.case("wrong")
async def test_a_replica_without_its_master_is_told(folder: Path, free_port: int) -> None:
    options = ["--replicaof", "127.0.0.1", str(free_port)]
    with running(folder / "orphan", *options) as orphan:
        found = await ask(orphan, expect_role="replica", on_error="critical")
        orphan.say("CONFIG", "SET", "replica-serve-stale-data", "no")
        stale = await ask(orphan)

    assert found.status is Status.CRITICAL
    assert "link to its master is down" in found.message
    assert "redis.lag_s" not in found.metrics
    assert stale.message.endswith("is a replica that serves nothing without its master")


@needs_redis
@pytest.mark.case("wrong")
async def test_a_redis_that_cannot_save_is_told(folder: Path) -> None:
    lost = folder / "lost"
    with running(lost) as server:
        lost.rmdir()
        server.say("BGSAVE")
        server.wait_for("rdb_last_bgsave_status:err")
        found = await ask(server)
        server.say("CONFIG", "SET", "save", "3600 1")
        writes = await ask(server)

    assert found.status is Status.DEGRADED
    assert found.message.endswith(": the last save to disk (RDB) failed")
    assert writes.message.endswith("refuses writes, since it can't save to its disk")


@needs_redis
@pytest.mark.case("wrong")
async def test_a_redis_that_still_loads_is_told(folder: Path) -> None:
    with running(folder / "loading", "--rdbcompression", "no") as server:
        keys = "for n = 1, 300 do redis.call('SET', 'key' .. n, string.rep('x', 600)) end"
        server.say("EVAL", keys, "0")
        server.say("SAVE")
    slow = ["--key-load-delay", "30000", "--loading-process-events-interval-bytes", "1024"]

    with running(folder / "loading", *slow, ready=b"-LOADING") as server:
        found = await ask(server)

    assert found.status is Status.DEGRADED
    assert found.message == f"127.0.0.1:{server.port} is still loading its data into memory"


@needs_redis
@pytest.mark.case("wrong")
async def test_a_cluster_is_judged_by_its_slots(folder: Path) -> None:
    # Its bus would take port + 10000, which may not exist.
    options = ["--cluster-enabled", "yes", "--cluster-port", str(free())]
    with running(folder / "cluster", *options) as server:
        server.say("CLUSTER", "ADDSLOTSRANGE", "0", "99")
        broken = await ask(server)
        server.say("CLUSTER", "ADDSLOTSRANGE", "100", "16383")
        while b"cluster_state:ok" not in server.say("CLUSTER", "INFO"):
            await asyncio.sleep(0.05)
        whole = await ask(server)

    assert broken.message.endswith("cluster state fail, 100 of 16384 slots are served")
    assert whole.status is Status.HEALTHY, whole.message


@needs_redis
@pytest.mark.case("wrong")
async def test_a_redis_without_room_for_another_client_is_told(folder: Path) -> None:
    with (
        running(folder / "crowded", "--maxclients", "1") as server,
        socket.create_connection(("127.0.0.1", server.port)),
    ):
        found = await ask(server)

    assert (found.status, found.cause) == (Status.DEGRADED, Cause.REFUSED)
    assert found.message.endswith("has no room for another client (maxclients)")


@needs_redis
@pytest.mark.case("wrong")
async def test_a_password_that_nobody_asked_for_is_told(replica: Server) -> None:
    found = await run(host="127.0.0.1", port=replica.port, password="hunter2")

    assert found.message == f"127.0.0.1:{replica.port} has no password, but one is given"


@needs_redis
@pytest.mark.case("healthy")
async def test_a_cache_that_evicts_is_full_without_trouble(folder: Path) -> None:
    with running(
        folder / "cache", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"
    ) as server:
        found = await ask(server)

    assert "redis.memory.percent" not in found.metrics
    assert found.metrics["redis.memory.cache_percent"] > 0


@needs_redis
@pytest.mark.case("healthy")
async def test_hits_are_counted_since_the_run_before(folder: Path) -> None:
    with running(folder / "lookups") as server:
        first = await ask(server)
        server.say("SET", "key", "value")
        lookups = "for n = 1, 120 do redis.call('GET', n <= 90 and 'key' or 'none') end"
        server.say("EVAL", lookups, "0")
        second = await ask(server)

    assert "redis.hits.percent" not in first.metrics
    assert second.metrics["redis.hits.percent"] == 75


@needs_redis
@pytest.mark.case("timeout")
async def test_a_stopped_redis_is_a_time_out(folder: Path) -> None:
    with running(folder / "stopped") as server:
        server.process.send_signal(signal.SIGSTOP)
        found = await run(timeout_s=0.3, host="127.0.0.1", port=server.port)

    assert (found.status, found.cause) == (Status.DEGRADED, Cause.TIMEOUT)
    assert found.message.startswith(f"No answer to PING from 127.0.0.1:{server.port} within ")


@pytest.mark.case("refused")
async def test_a_refused_port_is_told(free_port: int) -> None:
    found = await run(url=f"redis://:secret@127.0.0.1:{free_port}")
    critical = await run(host="127.0.0.1", port=free_port, on_error="critical")

    assert (found.status, found.cause) == (Status.DEGRADED, Cause.REFUSED)
    assert found.message == f"Connection refused by 127.0.0.1:{free_port}"
    assert critical.status is Status.CRITICAL


@pytest.mark.case("refused")
async def test_a_missing_socket_and_an_unknown_name_are_told(tmp_path: Path) -> None:
    local = await run(url=f"unix://{tmp_path}/redis.sock")
    named = await run(host="no-such-host.invalid")

    assert local.message == f"No connection to {tmp_path}/redis.sock: No such file or directory"
    assert (local.cause, named.cause) == (Cause.MISSING, Cause.NAME_NOT_RESOLVED)


async def test_a_file_that_cannot_be_used_is_not_measurable(tmp_path: Path) -> None:
    (tmp_path / "not.pem").write_text("no certificate")

    missing = await run(url="rediss://127.0.0.1", ca_file="/no/such.pem")
    broken = await run(url="rediss://127.0.0.1", cert_file=str(tmp_path / "not.pem"))

    assert missing.status is broken.status is Status.UNKNOWN
    assert missing.message == "CA file /no/such.pem can't be used: No such file or directory"
    assert "not PEM" in broken.message


# ── Hostile servers ─────────────────────────────────────────────────────────────────────────────


async def against(handler: Handler, timeout_s: float = 5, **fields: Any) -> Measurement:
    """Run a check against a server that does this with every connection."""
    async with hostile(handler) as port:
        return await run(timeout_s, host="127.0.0.1", port=port, **fields)


@pytest.mark.case("timeout")
@pytest.mark.parametrize(
    "handler",
    [saying(b""), saying(b"+PON"), saying(b"$4\r\nPO"), endlessly(b"", b".", pause_s=0.01)],
    ids=["silent", "half a line", "half a text", "dripping"],
)
async def test_an_answer_that_never_ends_is_a_time_out(handler: Handler) -> None:
    clock = asyncio.get_running_loop().time
    start = clock()

    found = await against(handler, timeout_s=0.3)

    assert (found.status, found.cause) == (Status.DEGRADED, Cause.TIMEOUT)
    assert "No answer to PING from 127.0.0.1:" in found.message
    assert clock() - start < PATIENCE_S


@pytest.mark.case("hostile")
@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "does not speak the Redis protocol"),
        (saying(b"\x16\x03\x01\x00\xa5\r\n"), "does not speak the Redis protocol"),
        (saying(b"\r\n"), "its answer is empty"),
        (saying(b"$x\r\n"), "the length of its answer is no number"),
        (saying(b"$-5\r\n"), "the length of its answer is no number"),
        (saying(b"$4\r\nPONGPONG"), "its answer is longer than it said"),
        (saying(b"$4294967296\r\n"), "with more than 262 kB"),
        (saying(b"+HELLO\r\n"), "its answer to PING is not PONG"),
        (saying(b"", then_silent=False), "hung up without an answer to PING"),
        (endlessly(b"+", b"x" * 65536), "with more than 4.1 kB"),
        (endlessly(b"$100000\r\n", b"x" * 65536), "its answer is longer than it said"),
        (saying(b"-ERR \x1b[2Jgone\x00 mad\r\n"), "answers PING with an error: ERR [2Jgone mad"),
        (saying(b"-DENIED Redis is running in protected mode.\r\n"), "is in protected mode"),
    ],
)
async def test_what_is_no_redis_is_told(handler: Handler, words: str) -> None:
    found = await against(handler)

    assert found.status is Status.DEGRADED
    assert words in found.message
    assert len(found.message) < 300 and found.message.isprintable()


@pytest.mark.case("hostile")
async def test_endless_statistics_are_read_to_the_limit_only() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"PING\r\n")
        writer.write(b"+PONG\r\n$900000000\r\n")
        while True:
            writer.write(b"key:value\r\n" * 6000)
            await writer.drain()

    await against(saying(b"+PONG\r\n", then_silent=False))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    found = await against(handler)

    assert found.cause is Cause.WRONG_ANSWER
    assert " answers INFO with more than 262 kB" in found.message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


@pytest.mark.case("hostile")
async def test_no_message_repeats_a_password_that_the_server_sends_back() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(1000))
        await asyncio.Event().wait()

    async def mocking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = await reader.read(1000)
        writer.write(b"-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n" + sent)

    async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"+OK\r\n-ERR you said hunter2\r\n")
        await asyncio.Event().wait()

    echoed = await against(echo, password="hunter2")
    mocked = await against(mocking, password="hunter2")
    told = await against(later, password="hunter2")

    assert mocked.message.endswith("refuses the login")
    assert told.message.endswith("answers PING with an error: ERR you said ***")
    for found in (echoed, mocked, told):
        assert "hunter2" not in f"{found.message}{found.details}"


async def test_a_run_that_is_cancelled_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        check = RedisCheck(host="127.0.0.1", port=listener.getsockname()[1])
        running = asyncio.create_task(check.run(Deadline.after(30)))
        await asyncio.sleep(0.1)

        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(5)
            while accepted.recv(65536):
                pass  # ends when the check has hung up, else with the time-out


# ── Parsers and rates ───────────────────────────────────────────────────────────────────────────


STARTS = st.sampled_from([b"+", b"-", b"$", b":", b"*", b"$3\r\n", b"$-1\r\n", b"\r\n", b""])


@given(st.lists(st.one_of(STARTS, st.binary(max_size=20))))
def test_whatever_comes_is_an_answer_or_an_error_of_ours(pieces: list[bytes]) -> None:
    pieces = [piece for piece in pieces if piece]

    with suppress(resp.Refused, Garbled, HungUp, TooMuch):
        assert isinstance(asyncio.run(resp.ask(Dialogue(Fed(pieces), 1000), "PING")), str)


@given(st.text(), st.lists(st.integers(1, 7), min_size=1))
def test_an_answer_is_the_same_however_it_is_cut_up(text: str, cuts: list[int]) -> None:
    data = text.encode()
    whole = b"$%d\r\n%b\r\n" % (len(data), data)
    pieces: list[bytes] = []
    at = 0
    while at < len(whole):
        size = cuts[len(pieces) % len(cuts)]
        pieces.append(whole[at : at + size])
        at += size

    assert asyncio.run(resp.ask(Dialogue(Fed(pieces), 10_000), "ECHO")) == text


@given(st.text())
def test_any_statistics_can_be_read(text: str) -> None:
    info = Info(text)

    assert isinstance(info.keys(None), float | int | None)
    assert isinstance(info.lag_s(), float | None) and isinstance(info.lag_bytes(), float | None)
    assert isinstance(list(info.replicas()), list)
    assert History().change("check", info, 1.0).moved == {}


def counted(hits: int, misses: int, run_id: str = "a", **more: int) -> Info:
    fields = {"run_id": run_id, "keyspace_hits": hits, "keyspace_misses": misses, **more}
    return Info("\r\n".join(f"{name}:{value}" for name, value in fields.items()))


def test_the_hit_ratio_is_that_since_the_run_before() -> None:
    history = History()

    first = history.change("check", counted(900, 100), 0)
    second = history.change("check", counted(1000, 300), 30)

    assert first.hit_percent == 90
    assert second.hit_percent == pytest.approx(33.33)


def test_few_lookups_are_added_up_before_they_count() -> None:
    history = History()
    history.change("check", counted(1000, 0), 0)

    few = history.change("check", counted(1000, 60), 30)
    enough = history.change("check", counted(1000, 120), 60)
    long_ago = history.change("check", counted(1000, 121), 2000)

    assert (few.hit_percent, enough.hit_percent, long_ago.hit_percent) == (100, 0, None)


def test_rates_begin_anew_when_the_server_does() -> None:
    history = History()
    history.change("check", counted(0, 0, evicted_keys=500), 0)

    moved = history.change("check", counted(0, 0, evicted_keys=800), 30)
    retried = history.change("check", counted(0, 0, evicted_keys=810), 30.1)
    restarted = history.change("check", counted(0, 0, "b", evicted_keys=900), 60)
    reset = history.change("check", counted(0, 0, "b", evicted_keys=3), 90)

    assert moved.per_second("evicted_keys") == 10
    assert [each.per_second("evicted_keys") for each in (retried, restarted, reset)] == [None] * 3


# ── Fields ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "url or host must be given"),
        ({"url": "redis://h", "host": "h"}, "url or host must be given, and not both"),
        ({"url": "http://h"}, "must begin with redis:// or rediss:// or unix://"),
        ({"url": "redis://:sec/ret@h"}, "not a valid address: in a password write / as %2F"),
        ({"url": "redis://:sec#ret@h"}, "not a valid address"),
        ({"url": "redis://h:0x1"}, "not a valid address"),
        ({"url": "redis://"}, "must name a host"),
        ({"url": "redis://h/name"}, "may end with the number of a database only"),
        ({"url": "redis://h?db=1"}, "may have no parameters"),
        ({"url": "redis://h/1", "db": 2}, "db stands in url already"),
        ({"url": "redis://h", "port": 1}, "port belongs into url"),
        ({"url": "redis://h", "tls": True}, "contradicts url: write rediss://"),
        ({"url": "redis://:secret@h", "password": "secret"}, "password stands in url already"),
        ({"url": "redis://ada@h"}, "password is missing beside the user name"),
        ({"url": "unix://"}, "must name the socket by its whole path"),
        ({"url": "unix://path/redis.sock"}, "must name the socket by its whole path"),
        ({"host": "h", "ca_file": "x"}, "ca_file has no effect without TLS"),
        ({"host": "h", "tls": True, "key_file": "x"}, "key_file needs cert_file"),
        ({"host": "h", "expect_role": "replica", "min_replicas": 1}, "is for a master"),
        ({"host": "h", "db": -1}, "db"),
    ],
)
def test_fields_that_cannot_work_are_refused_with_the_reason(
    fields: dict[str, object], reason: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason.replace("?", r"\?")) as refused:
        msgspec.convert(fields, RedisCheck)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ({"url": "redis://ada:secret@Host/1"}, "redis://host:6379/1"),
        ({"host": "h"}, "redis://h:6379"),
        ({"host": "::1", "tls": True, "password": "secret"}, "rediss://[::1]:6379"),
        ({"url": "unix://:secret@/run/redis.sock?db=2"}, "unix:///run/redis.sock/2"),
    ],
)
def test_neither_target_nor_repr_shows_a_secret(fields: dict[str, Any], target: str) -> None:
    check = msgspec.convert(fields, RedisCheck)

    assert check.target() == target
    assert "secret" not in f"{check!r}{check.endpoint()!r}"


def test_stock_rules_are_on_what_a_cache_suffers_from() -> None:
    levels = {r.metric: (r.warning, r.critical) for r in RedisCheck(host="h").stock_rules()}

    assert levels == {
        "redis.ping_ms": (100, 500),
        "redis.memory.percent": (80, 95),
        "redis.clients.percent": (80, 95),
        "redis.hits.percent": (50, None),
        "redis.rejected_connections": (1, None),
        "tls.days_left": (21, 7),
    }
    assert all("First look: " in rule.runbook for rule in RedisCheck(host="h").stock_rules())
