"""The `sql` kind against real SQLite files and a real Postgres."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
from pathlib import Path

import msgspec
import psycopg
import pytest
from pysqlite3 import dbapi2

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.sql import SqlCheck

COUNT_FOR_EVER = (
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"
)


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


async def test_a_sqlite_file_that_answers_is_healthy(sales: Path) -> None:
    found = await run(f"sqlite:///{sales}", tables=["orders", "ORDERS"])

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("Query on sales took ")
    assert set(found.metrics) == {"sql.connect_ms", "sql.query_ms", "sql.value"}


async def test_a_postgres_that_answers_is_healthy(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute('CREATE TABLE orders (id int); CREATE TABLE "Mixed" (id int)')

    found = await run(
        postgres_url, tables=["orders", "Orders", "Mixed", "public.orders"], query="SELECT 2.5"
    )

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["sql.value"] == 2.5


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


async def test_a_slow_query_is_degraded(sales: Path) -> None:
    found = await run(f"sqlite:///{sales}", slow_ms=0.0001)

    assert (found.status, found.cause) == (Status.DEGRADED, Cause.THRESHOLD)


async def test_a_sqlite_query_that_never_ends_is_interrupted(sales: Path) -> None:
    url = f"sqlite:///{sales}"

    found = await run(url, timeout_s=0.2, query=COUNT_FOR_EVER)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert found.message == f"No answer from SQLite {sales} within 200 ms"
    async with asyncio.timeout(5):
        while any(thread.name == "blocking call" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)


async def test_a_locked_sqlite_file_is_tried_again_and_named(sales: Path) -> None:
    # The same library as the check's: a process's locks are not seen by another one inside it.
    writer = dbapi2.connect(str(sales), isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")

    found = await run(f"sqlite:///{sales}", attempts=1)

    assert found.message == f"SQLite {sales} is locked by a writer"
    writer.close()


async def test_a_file_that_is_no_database_is_critical(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("not a database" * 100)

    found = await run(f"sqlite:///{tmp_path}/x.db")

    assert found.message.endswith("file is not a database")


async def test_a_postgres_query_that_never_ends_is_cancelled_on_the_server(
    postgres_url: str,
) -> None:
    found = await run(postgres_url, timeout_s=0.5, query="SELECT pg_sleep(3600)")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)'"
    async with asyncio.timeout(5), await psycopg.AsyncConnection.connect(postgres_url) as asking:
        await asking.set_autocommit(True)
        while (await (await asking.execute(running)).fetchone()) != (0,):
            await asyncio.sleep(0.02)


async def test_a_query_without_limit_does_not_read_everything(postgres_url: str) -> None:
    found = await run(postgres_url, query="SELECT * FROM generate_series(1, 3000000)")

    assert found.status is Status.HEALTHY, found.message
    assert "sql.value" not in found.metrics


async def test_a_refused_postgres_is_tried_three_times(free_port: int) -> None:
    found = await run(f"postgresql://ada:secret@127.0.0.1:{free_port}/sales")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == f"Connection refused by 127.0.0.1:{free_port}"
    assert found.details["attempts"] == 3


async def test_a_postgres_that_accepts_and_says_nothing_is_a_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        start = asyncio.get_running_loop().time()

        found = await run(f"postgresql://ada:secret@127.0.0.1:{port}/sales", timeout_s=0.5)

    assert asyncio.get_running_loop().time() - start < 1.5
    assert found.cause is Cause.TIMEOUT
    assert found.message == f"No answer from database sales at 127.0.0.1:{port} within 500 ms"


async def test_a_host_that_does_not_exist_is_not_resolved() -> None:
    found = await run("postgresql://no-such-host.invalid/sales", attempts=1)

    assert found.cause is Cause.NAME_NOT_RESOLVED


async def test_a_database_that_does_not_exist_is_missing(postgres_url: str) -> None:
    found = await run(postgres_url.replace("?", "_not_there?"))

    assert found.cause is Cause.MISSING, found.message


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://ada:secret@host/db", "a database that is not supported here: use sqlite:///path"),
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


def test_neither_target_nor_repr_shows_the_password() -> None:
    check = SqlCheck(url="postgresql://ada:secret@db.example/sales?password=secret")

    assert check.target() == "database sales at db.example:5432"
    assert "secret" not in repr(check)
