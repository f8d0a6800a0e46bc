"""The `postgres` kind against real servers: a primary, its standby, and servers that are none."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import psycopg
import pytest

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.postgres import PostgresCheck
from tests.cases import serve
from tests.monitor.postgresql import NO_TLS, Server, primary, standby
from tests.monitor.talkers import FLOOD_BYTES, Talk, Writer, hung_up, silent, talking
from tests.waiting import PATIENCE_S

ALWAYS = {
    "postgres.query_ms",
    "postgres.connect_ms",
    "postgres.connections.used",
    "postgres.connections.limit",
    "postgres.connections.percent",
    "postgres.locks.waiting",
    "postgres.xid_age.percent",
    "postgres.database.size_bytes",
}
FOR_MONITORS = {"postgres.transactions.longest_s", "postgres.transactions.idle"}
RATES = {"postgres.deadlocks", "postgres.transactions_per_s", "postgres.cache_hit.percent"}


def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A primary with 8 connections, 2 of them kept for superusers."""
    # The wheel's platformdirs warns when there is no private runtime folder, as for root.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="nocturne-run-"))
    with primary(port()) as running:
        serve("postgres", f"PostgreSQL {running.version}")
        yield running


@pytest.fixture(scope="module")
def copy(server: Server) -> Iterator[Server]:
    """A standby of it."""
    with standby(server, port()) as running:
        yield running


async def run(url: str, timeout_s: float = 5, **fields: object) -> Measurement:
    check = msgspec.convert({"url": url, **fields}, PostgresCheck)
    return await check.run(Deadline.after(timeout_s))


async def run_until(url: str, holds: Callable[[Measurement], bool]) -> Measurement:
    """Run it again and again until the measurement is as wanted."""
    async with asyncio.timeout(10):
        while not holds(found := await run(url)):
            await asyncio.sleep(0.05)
    return found


@pytest.mark.case("healthy")
async def test_a_primary_tells_how_it_fares(server: Server) -> None:
    url = server.url("?application_name=first")

    first = await run(url)
    second = await run(url)

    assert first.status is Status.HEALTHY, first.message
    assert first.message.startswith(f"PostgreSQL {server.version}, primary, answered in ")
    assert set(first.metrics) - {
        "postgres.replication.lag_s",
        "postgres.replication.lag_bytes",
    } == (ALWAYS | FOR_MONITORS | {"postgres.replication.standbys"})
    assert first.metrics["postgres.connections.limit"] == 6
    assert first.metrics["postgres.database.size_bytes"] > 1_000_000
    assert set(second.metrics) - set(first.metrics) == RATES
    assert second.metrics["postgres.transactions_per_s"] > 0
    assert "left_out" not in first.details


@pytest.mark.case("healthy")
async def test_another_version_over_a_unix_socket_tells_too(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        major, minor = divmod(connection.info.server_version, 10_000)
        serve("postgres", f"PostgreSQL {major}.{minor}")

    found = await run(postgres_url)

    assert found.status is Status.HEALTHY, found.message
    assert set(found.metrics) >= ALWAYS | FOR_MONITORS
    assert "timescaledb" not in found.details


@pytest.mark.case("healthy")
async def test_what_a_login_may_not_see_is_left_out_and_said(server: Server) -> None:
    found = await run(server.url(user="ada:secret"), size=False)

    assert found.status is Status.HEALTHY, found.message
    assert set(found.metrics) == ALWAYS - {"postgres.database.size_bytes"}
    hint = "the login may not see it: GRANT pg_monitor TO the login"
    assert found.details["left_out"] == {"transactions": hint, "replication": hint}


async def test_a_query_that_is_refused_takes_no_other_along(server: Server) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("REVOKE SELECT ON pg_locks FROM PUBLIC")
        try:
            found = await run(server.url(user="ada:secret"))
        finally:
            connection.execute("GRANT SELECT ON pg_locks TO PUBLIC")

    assert found.status is Status.HEALTHY
    assert set(found.metrics) >= ALWAYS - {"postgres.locks.waiting"}
    left_out = found.details["left_out"]
    assert isinstance(left_out, dict) and left_out["locks"] == "permission denied for view pg_locks"


@pytest.mark.case("healthy")
async def test_a_standby_and_its_primary_tell_the_lag(server: Server, copy: Server) -> None:
    def streams(found: Measurement) -> bool:
        told = "postgres.replication.lag_bytes" in found.metrics
        return told and found.metrics.get("postgres.replication.standbys") == 1

    leading = await run_until(server.url(), streams)
    following = await run_until(
        copy.url(), lambda found: found.metrics.get("postgres.replication.lag_s") == 0
    )

    assert leading.metrics["postgres.replication.lag_bytes"] >= 0
    assert leading.metrics["postgres.replication.lag_s"] >= 0
    assert following.status is Status.HEALTHY, following.message
    assert following.details["role"] == "standby"
    assert following.metrics["postgres.replication.lag_bytes"] == 0


async def test_a_standby_that_does_not_replay_falls_behind(server: Server, copy: Server) -> None:
    with (
        psycopg.connect(copy.url(), autocommit=True) as replaying,
        psycopg.connect(server.url(), autocommit=True) as writing,
    ):
        writing.execute("CREATE TABLE behind (id int)")
        await run_until(copy.url(), lambda it: "postgres.replication.lag_s" in it.metrics)
        replaying.execute("SELECT pg_wal_replay_pause()")
        try:
            writing.execute("INSERT INTO behind SELECT generate_series(1, 10000)")
            found = await run_until(
                server.url(),
                lambda found: found.metrics.get("postgres.replication.lag_bytes", 0) > 100_000,
            )
            itself = await run_until(
                copy.url(), lambda it: it.metrics.get("postgres.replication.lag_s", 0) > 0
            )
        finally:
            replaying.execute("SELECT pg_wal_replay_resume()")
            writing.execute("DROP TABLE behind")

    assert found.status is Status.HEALTHY
    assert itself.metrics["postgres.replication.lag_bytes"] > 100_000


async def test_a_slot_that_nobody_reads_tells_what_it_retains(server: Server) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("SELECT pg_create_physical_replication_slot('left', true)")
        connection.execute("CREATE TABLE much AS SELECT generate_series(1, 1000)")
        try:
            found = await run(server.url())
        finally:
            connection.execute("SELECT pg_drop_replication_slot('left')")
            connection.execute("DROP TABLE much")

    assert found.metrics["postgres.replication.retained_bytes"] > 0


@pytest.mark.case("wrong")
async def test_a_server_of_another_role_is_critical(server: Server, copy: Server) -> None:
    wrong = await run(copy.url(), role="primary")
    right = await run(copy.url(), role="standby")

    assert (wrong.status, wrong.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert wrong.message == (
        f"Database postgres at 127.0.0.1:{copy.port} is a standby, expected primary"
    )
    assert wrong.metrics
    assert right.status is Status.HEALTHY
    assert (await run(server.url(), role="primary")).status is Status.HEALTHY


@pytest.mark.case("wrong")
async def test_a_transaction_left_open_and_who_waits_for_it_are_counted(server: Server) -> None:
    with (
        psycopg.connect(server.url()) as forgotten,
        psycopg.connect(server.url(), autocommit=True) as admin,
    ):
        admin.execute("CREATE TABLE locked (id int)")
        forgotten.execute("LOCK TABLE locked")
        waiting = asyncio.create_task(wait_for_a_lock(server.url()))
        try:
            found = await run_until(
                server.url(), lambda found: found.metrics["postgres.locks.waiting"] == 1
            )
        finally:
            forgotten.rollback()
            await waiting
            admin.execute("DROP TABLE locked")

    assert found.metrics["postgres.transactions.idle"] == 1
    assert found.metrics["postgres.transactions.longest_s"] >= 0
    assert found.metrics["postgres.connections.used"] >= 4


async def wait_for_a_lock(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("SELECT * FROM locked")


@pytest.mark.case("wrong")
async def test_a_wrong_password_and_a_database_that_is_not_there_are_critical(
    server: Server,
) -> None:
    password = await run(server.url(user="ada:wr0ng"))
    database = await run(
        server.url().replace("/postgres", "/nowhere").replace("/nowhere:", "/postgres:")
    )

    assert (password.status, password.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert password.message == f"Login refused by database postgres at 127.0.0.1:{server.port}"
    assert "wr0ng" not in str(password)
    assert database.cause is Cause.MISSING, database.message


@pytest.mark.skipif(bool(NO_TLS), reason=NO_TLS)
async def test_certificates_are_verified_as_the_url_or_the_fields_say(
    server: Server, tmp_path: Path
) -> None:
    file = str(server.certificate)

    right = [await run(server.url(), ca_file=file)]
    right += [await run(server.url(f"?sslmode=verify-full&sslrootcert={file}"))]
    right += [await run(server.url("?sslmode=require"))]
    wrong = [await run(server.url(), verify=True), await run(server.url("?sslmode=verify-full"))]
    unusable = await run(server.url(), ca_file=str(tmp_path / "none"))

    assert [found.message for found in right if found.status is not Status.HEALTHY] == []
    assert {found.cause for found in wrong} == {Cause.TLS}
    assert wrong[0].message.endswith("failed: the certificate is not trusted")
    assert (unusable.status, unusable.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)


async def test_a_server_without_tls_is_told_when_it_is_required() -> None:
    async def no(reader: asyncio.StreamReader, writer: Writer) -> None:
        await reader.read(8)
        await writer.say(b"N")
        await silent(reader, writer)

    async with talking(no) as talker:
        found = await run(f"postgresql://127.0.0.1:{talker.port}/x", verify=True)

    assert (found.cause, found.message.rpartition(": ")[2]) == (
        Cause.TLS,
        "the server offers none",
    )


async def connected(url: str) -> psycopg.Connection:
    """A connection, as soon as those of earlier runs have ended on the server too."""
    async with asyncio.timeout(10):
        while True:
            try:
                return psycopg.connect(url)
            except psycopg.OperationalError:
                await asyncio.sleep(0.05)


@pytest.mark.case("refused")
async def test_a_server_without_a_connection_left_is_degraded(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(await connected(server.url(user="ada:secret")))

        found = await run(server.url(user="ada:secret"), attempts=1)

    assert (found.status, found.cause) == (Status.DEGRADED, Cause.THRESHOLD)
    assert found.message.endswith("its limit is reached")


@pytest.mark.case("refused")
async def test_a_refused_connection_is_critical(free_port: int) -> None:
    found = await run(f"postgresql://ada:s3cret@127.0.0.1:{free_port}/sales", attempts=1)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == f"Connection refused by 127.0.0.1:{free_port}"


@pytest.mark.case("timeout")
async def test_a_server_that_does_not_answer_in_time_is_critical(server: Server) -> None:
    with psycopg.connect(server.url()) as connection:
        connection.execute("LOCK TABLE pg_extension IN ACCESS EXCLUSIVE MODE")

        found = await run(server.url(), timeout_s=1)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert found.message.endswith(" within 1 s")


@pytest.mark.case("timeout")
async def test_one_number_that_takes_too_long_is_left_out_alone(server: Server) -> None:
    with psycopg.connect(server.url()) as connection:
        connection.execute("LOCK TABLE pg_locks IN ACCESS EXCLUSIVE MODE")

        found = await run(server.url(), timeout_s=3)

    assert found.status is Status.HEALTHY, found.message
    assert found.details["left_out"] == {"locks": "it took too long"}
    assert set(found.metrics) >= ALWAYS - {"postgres.locks.waiting"}


async def test_counters_that_were_reset_tell_nothing_once(server: Server) -> None:
    url = server.url("?application_name=reset")
    for _ in range(2):
        before = await run(url)

    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("SELECT pg_stat_reset()")
    after = await run(url)

    assert set(before.metrics) >= RATES
    assert not set(after.metrics) & RATES


async def ask_for_the_password(reader: asyncio.StreamReader, writer: Writer) -> None:
    await reader.read(65536)
    await writer.say(b"N")
    await reader.read(65536)
    await writer.say(b"R\0\0\0\x08\0\0\0\x03")
    assert b"s3cret" not in await reader.read(65536)


@pytest.mark.case("hostile")
async def test_a_server_that_wants_the_password_itself_does_not_get_it_in_the_clear() -> None:
    async with talking(ask_for_the_password) as talker:
        found = await run(f"postgresql://ada:s3cret@127.0.0.1:{talker.port}/sales")
        await hung_up(talker)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message.endswith(
        "it asks for the password itself, which needs TLS: add sslmode=require"
    )


@pytest.mark.case("refused")
@pytest.mark.parametrize(
    ("said", "told", "attempts"),
    [
        ("no pg_hba.conf entry for host", "its pg_hba.conf does not allow it from here", 1),
        ("the database system is starting up", "sales at {} is starting or stopping", 2),
        ("sorry, too many clients already", "sales at {}: its limit is reached", 2),
        ("something new s3cret\x1b[31m", "No connection to database sales at {}: it failed", 2),
    ],
)
async def test_a_server_that_turns_away_is_told_with_its_reason(
    said: str, told: str, attempts: int
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: Writer) -> None:
        await reader.read(65536)
        fields = b"SFATAL\0VFATAL\0C99999\0M" + said.encode() + b"\0\0"
        await writer.say(b"N")
        await reader.read(65536)
        await writer.say(b"E" + (len(fields) + 4).to_bytes(4) + fields)

    async with talking(refuse) as talker:
        url = f"postgresql://ada:s3cret@127.0.0.1:{talker.port}/sales"
        found = await run(url, attempts=2)

    assert found.message.endswith(told.format(f"127.0.0.1:{talker.port}"))
    assert found.details["attempts"] == attempts
    assert "s3cret" not in str(found)


async def drip_login(reader: asyncio.StreamReader, writer: Writer) -> None:
    await reader.read(65536)
    await writer.say(b"N")
    await reader.read(65536)
    await writer.say(b"R\0\0\0\xff")
    await writer.drip()


async def garbage(_: asyncio.StreamReader, writer: Writer) -> None:
    await writer.say(b"SSH-2.0-OpenSSH\r\n\x1b[31m")


async def flood(_: asyncio.StreamReader, writer: Writer) -> None:
    await writer.flood()


async def notices(reader: asyncio.StreamReader, writer: Writer) -> None:
    """Let anybody in, and answer with notices without end."""
    await reader.read(65536)
    await writer.say(b"N")
    await reader.read(65536)
    await writer.say(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")
    while True:
        await writer.say(b"N\0\0\0\x0bSNOTE\0\0" * 1000)


@pytest.mark.case("hostile")
@pytest.mark.parametrize("talk", [silent, drip_login, garbage, flood, notices])
async def test_a_server_that_is_none_ends_the_run_in_time_and_fills_no_memory(talk: Talk) -> None:
    async with talking(talk) as talker:
        start = asyncio.get_running_loop().time()

        found = await run(f"postgresql://ada:s3cret@127.0.0.1:{talker.port}/sales", timeout_s=0.3)

        assert asyncio.get_running_loop().time() - start < PATIENCE_S
        await hung_up(talker)

    assert found.status is Status.CRITICAL
    assert "s3cret" not in str(found)
    assert found.message.isprintable()
    assert sum(writer.sent for writer in talker.writers) < FLOOD_BYTES / 4


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://ada:secret@host/db", "not of PostgreSQL: use postgresql://"),
        ("postgresql://ada:secret@host:port/db", "not a valid database address"),
        ("postgresql://ada:secret@host/db?service=secret", "can't hold service"),
    ],
)
def test_a_url_that_cannot_work_is_refused_without_repeating_it(url: str, reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason) as refused:
        msgspec.convert({"url": url}, PostgresCheck)

    assert "secret" not in str(refused.value)


def test_neither_target_nor_repr_shows_the_password() -> None:
    check = PostgresCheck(url="postgresql://ada:secret@db.example/sales?password=secret")

    assert check.target() == "database sales at db.example:5432"
    assert "secret" not in repr(check)
