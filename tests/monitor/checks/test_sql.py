"""The `sql` kind against real SQLite files, Postgres and MariaDB, and against servers that are neither."""

from __future__ import annotations

import asyncio
import re
import socket
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import psycopg
import pytest
from pymysql import OperationalError  # type: ignore[import-untyped]  # it has none
from pysqlite3 import dbapi2

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.sql import SqlCheck
from tests.cases import serve
from tests.monitor.mariadb import MISSING, MariaDb, mariadb
from tests.monitor.talkers import FLOOD_BYTES, Talk, Writer, hung_up, silent, talking
from tests.waiting import PATIENCE_S

COUNT_FOR_EVER = (
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"
)


@pytest.fixture(scope="module")
def maria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """A MariaDB with TLS and few connections, and in it the database `sales`."""
    if MISSING:
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("m")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with mariadb(folder, port, "--max-connections=10") as server:
        serve("sql", f"MariaDB {server.version}")
        yield server


@pytest.fixture(scope="module", autouse=True)
def _served(postgres_server: str) -> None:
    serve("sql", f"SQLite {dbapi2.sqlite_version}")
    with psycopg.connect(postgres_server) as connection:
        major, minor = divmod(connection.info.server_version, 10_000)
        serve("sql", f"PostgreSQL {major}.{minor}")


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    """An SQLite file with one table."""
    file = tmp_path / "sales"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.close()
    return file


async def run(url: str, timeout_s: float = 5, **fields: object) -> Measurement:
    return await msgspec.convert({"url": url, **fields}, SqlCheck).run(Deadline.after(timeout_s))


@pytest.mark.case("healthy")
async def test_a_sqlite_file_that_answers_is_healthy(sales: Path) -> None:
    found = await run(f"sqlite:///{sales}", tables=["orders", "ORDERS"])

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("Query on sales took ")
    assert set(found.metrics) == {"sql.connect_ms", "sql.query_ms", "sql.value"}


@pytest.mark.case("healthy")
async def test_a_postgres_that_answers_is_healthy(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute('CREATE TABLE orders (id int); CREATE TABLE "Mixed" (id int)')

    found = await run(
        postgres_url, tables=["orders", "Orders", "Mixed", "public.orders"], query="SELECT 2.5"
    )

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["sql.value"] == 2.5
    assert 1 <= found.metrics["sql.connections.used"] <= found.metrics["sql.connections.limit"]
    assert 0 < found.metrics["sql.connections.percent"] <= 100


@pytest.mark.case("wrong")
async def test_missing_tables_are_named(sales: Path, postgres_url: str) -> None:
    one = await run(
        f"sqlite:///{sales}", tables=["orders", "quotations"], query="SELECT 1 FROM quotations"
    )
    two = await run(postgres_url, tables=["quotations", "x'; DROP"])

    assert (one.status, one.cause) == (Status.CRITICAL, Cause.MISSING)
    assert one.message == 'Table "quotations" is missing in database sales'
    assert two.message.startswith('Tables "quotations", "x\'; DROP" are missing in database t')


@pytest.mark.parametrize("answer", ["'text'", "NULL", "1, 2"])
async def test_only_a_single_number_becomes_a_metric(sales: Path, answer: str) -> None:
    found = await run(f"sqlite:///{sales}", query=f"SELECT {answer}")

    assert found.status is Status.HEALTHY
    assert "sql.value" not in found.metrics


@pytest.mark.case("wrong")
async def test_a_sqlite_file_that_is_missing_is_not_created(tmp_path: Path) -> None:
    found = await run(f"sqlite:///{tmp_path}/none.db")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message.endswith("none.db can't be opened: no such file, or no access to it")
    assert list(tmp_path.iterdir()) == []


async def test_neither_database_can_be_written_by_a_query(sales: Path, postgres_url: str) -> None:
    lite = await run(f"sqlite:///{sales}", query="DELETE FROM orders")
    post = await run(postgres_url, query="CREATE TABLE evil (id int)")

    assert "readonly" in lite.message
    assert "read-only" in post.message


async def test_a_wrong_query_is_critical_and_says_what_is_wrong(
    sales: Path, postgres_url: str
) -> None:
    lite = await run(f"sqlite:///{sales}", query="SELECT x FROM nowhere")
    post = await run(postgres_url, query="SELECT x FROM nowhere")

    assert lite.cause is post.cause is Cause.WRONG_ANSWER
    assert lite.message.endswith("no such table: nowhere")
    assert post.message.endswith('relation "nowhere" does not exist')


@pytest.mark.case("wrong")
async def test_a_slow_query_is_degraded(sales: Path) -> None:
    found = await run(f"sqlite:///{sales}", slow_ms=0.0001)

    assert (found.status, found.cause) == (Status.DEGRADED, Cause.THRESHOLD)


@pytest.mark.case("timeout")
async def test_a_sqlite_query_that_never_ends_is_interrupted(sales: Path) -> None:
    url = f"sqlite:///{sales}"

    found = await run(url, timeout_s=0.2, query=COUNT_FOR_EVER)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert found.message == f"No answer from SQLite {sales} within 200 ms"
    async with asyncio.timeout(PATIENCE_S):
        while any(thread.name == "blocking call" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)


@pytest.mark.case("refused")
async def test_a_locked_sqlite_file_is_tried_again_and_named(sales: Path) -> None:
    # The same library as the check's: a process's locks are not seen by another one inside it.
    writer = dbapi2.connect(str(sales), isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")

    found = await run(f"sqlite:///{sales}", attempts=1)

    assert found.message == f"SQLite {sales} is locked by a writer"
    writer.close()


@pytest.mark.case("wrong")
async def test_a_file_that_is_no_database_is_critical(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("not a database" * 100)

    found = await run(f"sqlite:///{tmp_path}/x.db")

    assert found.message.endswith("file is not a database")


@pytest.mark.case("timeout")
async def test_a_postgres_query_that_never_ends_is_cancelled_on_the_server(
    postgres_url: str,
) -> None:
    found = await run(postgres_url, timeout_s=0.5, query="SELECT pg_sleep(3600)")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)'"
    async with (
        asyncio.timeout(PATIENCE_S),
        await psycopg.AsyncConnection.connect(postgres_url) as asking,
    ):
        await asking.set_autocommit(True)
        while (await (await asking.execute(running)).fetchone()) != (0,):
            await asyncio.sleep(0.02)


@pytest.mark.case("hostile")
async def test_a_query_without_limit_does_not_read_everything(postgres_url: str) -> None:
    found = await run(postgres_url, query="SELECT * FROM generate_series(1, 3000000)")

    assert found.status is Status.HEALTHY, found.message
    assert "sql.value" not in found.metrics


@pytest.mark.case("refused")
async def test_a_refused_postgres_is_tried_three_times(free_port: int) -> None:
    found = await run(f"postgresql://ada:secret@127.0.0.1:{free_port}/sales")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == f"Connection refused by 127.0.0.1:{free_port}"
    assert found.details["attempts"] == 3


@pytest.mark.case("timeout")
async def test_a_postgres_that_accepts_and_says_nothing_is_a_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        start = asyncio.get_running_loop().time()

        found = await run(f"postgresql://ada:secret@127.0.0.1:{port}/sales", timeout_s=0.5)

    assert asyncio.get_running_loop().time() - start < PATIENCE_S
    assert found.cause is Cause.TIMEOUT
    # What is told is what was left of the budget when it began to connect.
    said = rf"No answer from database sales at 127\.0\.0\.1:{port} within ([1-4]?\d?\d|500) ms"
    assert re.fullmatch(said, found.message), found.message


async def test_a_host_that_does_not_exist_is_not_resolved() -> None:
    found = await run("postgresql://no-such-host.invalid/sales", attempts=1)

    assert found.cause is Cause.NAME_NOT_RESOLVED


@pytest.mark.case("wrong")
async def test_a_database_that_does_not_exist_is_missing(postgres_url: str) -> None:
    found = await run(postgres_url.replace("?", "_not_there?"))

    assert found.cause is Cause.MISSING, found.message


@pytest.mark.case("healthy")
async def test_an_answer_as_expected_is_healthy(sales: Path) -> None:
    url = f"sqlite:///{sales}"

    for query, expected in (("SELECT 2.0", 2), ("SELECT 'a'", "a"), ("SELECT 1", True)):
        found = await run(url, query=query, expect_value=expected, expect_rows=1)
        assert found.status is Status.HEALTHY, found.message
    nothing = await run(url, query="SELECT * FROM orders", expect_rows=0)
    assert nothing.status is Status.HEALTHY, nothing.message


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("query", "fields", "answered"),
    [
        ("SELECT 3", {"expect_value": 0}, "3, expected 0"),
        ("SELECT 'a\nb'", {"expect_value": "a"}, '"a\\nb", expected "a"'),
        ("SELECT NULL", {"expect_value": 1}, "NULL, expected 1"),
        ("SELECT 1 WHERE 0", {"expect_value": 1}, "nothing, expected 1"),
        ("SELECT 1 WHERE 0", {"expect_rows": 2}, "0 rows, expected 2"),
        ("SELECT 1", {"expect_rows": 2}, "1 row, expected 2"),
        ("SELECT 1 UNION SELECT 2", {"expect_rows": 1}, "more than 1 row, expected 1"),
        (COUNT_FOR_EVER.replace("count(*)", "n"), {"expect_rows": 500}, "more than 500 rows,"),
    ],
)
async def test_an_answer_other_than_expected_is_critical_and_shown(
    sales: Path, query: str, fields: dict[str, float | str], answered: str
) -> None:
    found = await run(f"sqlite:///{sales}", 5, query=query, **fields)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message.startswith(f"Query on sales answered {answered}")


async def test_a_library_that_is_not_installed_is_told_and_not_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    found = await run("postgresql://127.0.0.1:1/sales")

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message == 'psycopg is not installed here: pip install "nocturne[postgres]"'


# ── MariaDB ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.case("healthy")
@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+aiomysql", "mysql+pymysql"])
async def test_a_mariadb_that_answers_is_healthy(maria: MariaDb, scheme: str) -> None:
    found = await run(
        maria.url("?charset=utf8mb4").replace("mysql", scheme),
        tables=["orders", "sales.orders"],
        query="SELECT sum(total) FROM orders",
        expect_value=11.5,
    )

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["sql.value"] == 11.5
    assert found.metrics["sql.connections.limit"] == 10
    assert found.metrics["sql.connections.percent"] >= 10


@pytest.mark.case("healthy")
async def test_a_mariadb_answers_over_its_unix_socket_and_in_the_clear(maria: MariaDb) -> None:
    for more in (f"?unix_socket={maria.socket}", "?ssl_mode=disabled"):
        found = await run(maria.url(more), query="SELECT note FROM orders WHERE id = 3")
        assert found.status is Status.HEALTHY, found.message


@pytest.mark.case("healthy")
async def test_the_certificate_of_a_mariadb_is_verified_with_a_file(
    maria: MariaDb, tmp_path: Path
) -> None:
    right = await run(maria.url(), ca_file=str(maria.certificate))
    refused = await run(maria.url(), verify=True)
    unusable = await run(maria.url(), ca_file=str(tmp_path / "none"))

    assert right.status is Status.HEALTHY, right.message
    assert (refused.status, refused.cause) == (Status.CRITICAL, Cause.TLS)
    assert "failed: self" in refused.message
    assert (unusable.status, unusable.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)


async def test_a_mariadb_does_not_count_a_run_as_an_aborted_client(maria: MariaDb) -> None:
    def aborted() -> int:
        with maria.connected() as cursor:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")
            return int(cursor.fetchone()[1])

    before = aborted()

    for mode in ("required", "disabled"):
        await run(maria.url(f"?ssl_mode={mode}"))

    with maria.connected() as cursor:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                cursor.execute("SHOW PROCESSLIST")
                if not any("ada" in row for row in cursor.fetchall()):
                    break
                await asyncio.sleep(0.01)
    assert aborted() == before


@pytest.mark.case("wrong")
async def test_a_mariadb_names_missing_tables(maria: MariaDb) -> None:
    found = await run(maria.url(), tables=["orders", "quotations", "x') OR 1=1 -- "])

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == ('Tables "quotations", "x\') OR 1=1 -- " are missing in database sales')


@pytest.mark.case("wrong")
@pytest.mark.parametrize("query", ["DELETE FROM orders", "CREATE TABLE evil (id INT)"])
async def test_a_mariadb_cannot_be_written_by_a_query(maria: MariaDb, query: str) -> None:
    found = await run(maria.url(), query=query)

    assert "READ ONLY" in found.message


@pytest.mark.case("wrong")
async def test_a_wrong_query_password_or_database_of_a_mariadb_is_critical(maria: MariaDb) -> None:
    query = await run(maria.url(), query="SELECT x FROM nowhere")
    password = await run(maria.url(user="ada:wr0ng"))
    database = await run(maria.url(user="root").replace("/sales", "/nowhere"))

    assert query.message.endswith("Table 'sales.nowhere' doesn't exist")
    assert password.message == f"Login refused by database sales at 127.0.0.1:{maria.port}"
    assert (database.cause, "nowhere" in database.message) == (Cause.MISSING, True)


@pytest.mark.case("timeout")
async def test_a_mariadb_query_that_never_ends_is_ended_on_the_server(maria: MariaDb) -> None:
    found = await run(maria.url(), timeout_s=0.4, query="SELECT SLEEP(3600)")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    with maria.connected() as cursor:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                cursor.execute("SHOW PROCESSLIST")
                if not any("SLEEP" in str(row) for row in cursor.fetchall()):
                    break
                await asyncio.sleep(0.02)


@pytest.mark.case("hostile")
async def test_of_a_mariadb_neither_many_rows_nor_wide_ones_are_read(maria: MariaDb) -> None:
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c"
    many = await run(maria.url(), timeout_s=PATIENCE_S, query=f"{endless} LIMIT 100000")
    wide = await run(maria.url(), query="SELECT repeat('x', 5000000)")

    assert many.status is Status.HEALTHY, many.message
    assert "sql.value" not in many.metrics
    assert wide.message.endswith("a row has more than 1 MB")


@pytest.mark.case("refused")
async def test_a_mariadb_without_a_connection_left_is_degraded(maria: MariaDb) -> None:
    with ExitStack() as stack:
        held = 0
        async with asyncio.timeout(PATIENCE_S):
            while held < 10:
                try:
                    stack.enter_context(maria.connected("ada", "secret"))
                    held += 1
                except OperationalError:  # connections of earlier runs may end a little later
                    await asyncio.sleep(0.05)

        found = await run(maria.url(), attempts=1)

    assert (found.status, found.cause) == (Status.DEGRADED, Cause.THRESHOLD)
    assert found.message == (
        f"No connection left at database sales at 127.0.0.1:{maria.port}: its limit is reached"
    )


@pytest.mark.case("refused")
async def test_a_refused_mariadb_is_critical(free_port: int) -> None:
    found = await run(f"mysql://ada:secret@127.0.0.1:{free_port}/sales", attempts=1)

    assert (found.cause, found.message) == (
        Cause.REFUSED,
        f"Connection refused by 127.0.0.1:{free_port}",
    )


# ── Servers that are none ───────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def turned_away_once(port: int) -> AsyncIterator[int]:
    """A way to a port that hangs up on the first client."""
    clients = 0

    async def talk(reader: asyncio.StreamReader, writer: Writer) -> None:
        nonlocal clients
        clients += 1
        if clients == 1:
            return
        there, back = await asyncio.open_connection("127.0.0.1", port)

        async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        await asyncio.gather(pass_on(reader, back), pass_on(there, writer.stream))

    async with talking(talk) as talker:
        yield talker.port
        await hung_up(talker)


@pytest.mark.case("healthy")
async def test_a_connection_that_works_at_the_second_attempt_says_so(maria: MariaDb) -> None:
    async with turned_away_once(maria.port) as port:
        found = await run(maria.url().replace(str(maria.port), str(port)))

    assert found.status is Status.HEALTHY, found.message
    assert found.message.endswith("ms, reconnected at attempt 2")
    assert (found.details["attempts"], found.details["reconnected"]) == (2, True)


async def drip(_: asyncio.StreamReader, writer: Writer) -> None:
    await writer.drip()


async def drip_greeting(_: asyncio.StreamReader, writer: Writer) -> None:
    await writer.say(b"\xff\xff\x0f\x00")
    await writer.drip()


async def drip_login(reader: asyncio.StreamReader, writer: Writer) -> None:
    await reader.read(65536)
    await writer.say(b"N")
    await reader.read(65536)
    await writer.say(b"R\0\0\0\xff")
    await writer.drip()


async def flood(_: asyncio.StreamReader, writer: Writer) -> None:
    await writer.flood()


async def silent_in_tls(reader: asyncio.StreamReader, writer: Writer) -> None:
    """A MySQL that offers TLS, and says nothing more."""
    greeting = b"\x0a8.0.40\0\x07\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15" + b"\0" * 10
    greeting += b"ijklmnopqrst\0caching_sha2_password\0"
    await writer.say(len(greeting).to_bytes(3, "little") + b"\0" + greeting)
    await silent(reader, writer)


async def garbage(_: asyncio.StreamReader, writer: Writer) -> None:
    await writer.say(b"HTTP/1.1 400 Bad Request\r\n\r\n\x00\x1b[31m")


async def flood_rows(reader: asyncio.StreamReader, writer: Writer) -> None:
    """A Postgres that lets anybody in, and answers with one row that does not end."""
    head = await reader.readexactly(8)
    if head[4:] == b"\x04\xd2\x16\x2f":  # the wish for TLS
        await writer.say(b"N")
    await reader.read(65536)
    await writer.say(b"R\0\0\0\x08\0\0\0\0" + b"Z\0\0\0\x05I")
    await reader.read(65536)
    column = b"n\0" + b"\0\0\0\0" + b"\0\0" + b"\0\0\0\x19" + b"\xff\xff\xff\xff\xff\xff" + b"\0\0"
    await writer.say(
        b"C\0\0\0\x08SET\0" + b"T" + (6 + len(column)).to_bytes(4) + b"\0\x01" + column
    )
    await writer.say(b"D" + (2**29).to_bytes(4) + b"\0\x01" + (2**29 - 10).to_bytes(4))
    await writer.flood()


@pytest.mark.case("hostile")
@pytest.mark.parametrize("scheme", ["mysql", "postgresql"])
@pytest.mark.parametrize(
    "talk", [silent, drip, drip_greeting, drip_login, silent_in_tls, garbage, flood, flood_rows]
)
async def test_a_server_that_is_none_ends_the_run_in_time_and_fills_no_memory(
    scheme: str, talk: Talk
) -> None:
    async with talking(talk) as talker:
        start = asyncio.get_running_loop().time()

        found = await run(f"{scheme}://ada:s3cret@127.0.0.1:{talker.port}/sales", timeout_s=0.3)

        assert asyncio.get_running_loop().time() - start < PATIENCE_S
        await hung_up(talker)

    assert found.status is Status.CRITICAL
    assert found.cause in (Cause.TIMEOUT, Cause.WRONG_ANSWER, Cause.REFUSED), found.message
    assert "s3cret" not in str(found)
    assert found.message.isprintable()
    assert sum(writer.sent for writer in talker.writers) < FLOOD_BYTES / 4


@pytest.mark.case("hostile")
async def test_a_mysql_that_wants_the_password_itself_does_not_get_it_in_the_clear() -> None:
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: Writer) -> None:
        greeting = b"\x0a8.0.40\0" + b"\x07\0\0\0" + b"12345678\0" + b"\x00\x82\x2d\x02\0\x08\0\x15"
        greeting += b"\0" * 10 + b"123456789012\0" + b"caching_sha2_password\0"
        await writer.say(len(greeting).to_bytes(3, "little") + b"\0" + greeting)
        heard.append(await reader.read(65536))
        await writer.say(b"\x02\0\0\x02\x01\x04")
        heard.append(await reader.read(65536))

    async with talking(talk) as talker:
        clear = await run(f"mysql://ada:s3cret@127.0.0.1:{talker.port}/sales", attempts=1)
        must = await run(
            f"mysql://ada:s3cret@127.0.0.1:{talker.port}/sales", attempts=1, verify=True
        )

    assert b"s3cret" not in b"".join(heard)
    assert clear.message.endswith("it asks for the password itself, which needs TLS")
    assert must.message.endswith("failed: the server offers no TLS")


@pytest.mark.case("hostile")
@pytest.mark.parametrize(
    "url", ["mysql://169.254.169.254/x", "postgresql:///x?host=169.254.169.254"]
)
async def test_an_address_that_the_network_policy_refuses_is_not_connected_to(url: str) -> None:
    found = await run(url)

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message.startswith("169.254.169.254 may not be connected to: ")
    assert found.details["attempts"] == 1


@pytest.mark.parametrize(
    ("scheme", "talk", "heard"),
    [("mysql", silent, 0), ("mysql", silent_in_tls, 100), ("postgresql", silent, 8)],
)
async def test_a_cancelled_run_closes_its_connection(scheme: str, talk: Talk, heard: int) -> None:
    async with talking(talk) as talker:
        task = asyncio.create_task(run(f"{scheme}://ada@127.0.0.1:{talker.port}/sales"))
        async with asyncio.timeout(PATIENCE_S):
            while not talker.writers or talker.writers[0].heard < heard:
                await asyncio.sleep(0.01)

        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        await hung_up(talker)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("oracle://ada:secret@host/db", "a database that is not supported here: use sqlite:///"),
        ("mysql://ada:secret@host/db?ssl_mode=secret", "an unknown ssl_mode: use one of disabled"),
        ("mysql://ada:secret@host/db?ssl=secret", r"not known here \(ssl\): use ssl_mode"),
        ("postgresql://ada:secret@host/db?hostaddr=secret", "can't hold hostaddr here"),
        ("postgresql:///db?host=a,secret", "names several hosts"),
        ("postgresql:///db?host=a&port=secret", "a port that is none"),
        ("sqlite://", "not supported"),
        ("sqlite://host/path", "not supported"),
        ("postgresql://ada:secret@host:port/db", "not a valid database address"),
        ("secret", "not supported"),
    ],
)
def test_a_url_that_cannot_work_is_refused_without_repeating_it(url: str, reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason) as refused:
        msgspec.convert({"url": url}, SqlCheck)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("postgresql://ada:secret@h/sales?password=secret", "database sales at h:5432"),
        ("postgresql://ada:secret@[::1]:1/sales", "database sales at [::1]:1"),
        ("postgresql:///sales?host=/run/postgresql", "database sales"),
        ("postgresql:///sales?host=h&port=1&user=secret", "database sales at h:1"),
        ("mysql://ada:secret@h/sales", "database sales at h:3306"),
        ("mariadb://ada:secret@h:1", "MySQL at h:1"),
        ("mysql://ada:secret@/sales?unix_socket=/run/s", "database sales at /run/s"),
        ("sqlite:////var/lib/sales.db", "SQLite /var/lib/sales.db"),
    ],
)
def test_neither_target_nor_repr_shows_the_password(url: str, target: str) -> None:
    check = SqlCheck(url=url)

    assert check.target() == target
    assert "secret" not in repr(check)


@pytest.mark.parametrize(
    "mode", ["postgresql://h/db?sslmode=require", "mysql://h/db?ssl_mode=disabled"]
)
def test_a_url_that_contradicts_verify_is_refused(mode: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="which verify and ca_file contradict"):
        msgspec.convert({"url": mode, "verify": True}, SqlCheck)


def test_verifying_a_file_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="are for servers"):
        msgspec.convert({"url": "sqlite:///x", "verify": True}, SqlCheck)
