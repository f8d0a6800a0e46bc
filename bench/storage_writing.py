"""The store, written: batches beside the bare drivers, and a minute of load beside sealing."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from bench import storage_locks, stores
from bench.figures import Figures
from bench.stores import LEVELS, NOW
from monitor.storekeeper_child import Locks, locks_of
from storage import bulk, sealing, uptimes
from storage.engine import open_engine, reader, to_ms
from storage.journal import Journal
from storage.leadership import Lease
from storage.readings import Readings
from storage.retention import retain
from storage.sealing import Sealed
from storage.series import BUCKET_MS
from storage.series_query import query
from storage.slices import Slices

BATCH = 1_000
RAW_TABLE = """
    CREATE TABLE samples (bucket INTEGER NOT NULL, series_id INTEGER NOT NULL, at BIGINT NOT NULL,
    value FLOAT NOT NULL, PRIMARY KEY (bucket, series_id, at)) WITHOUT ROWID
"""
Rows = list[tuple[int, int, int, float]]


def write(figures: Figures, folder: Path, server: str | None, quick: bool) -> None:
    figures.head(f"Writing, {BATCH:,} samples a batch, one transaction a batch")
    rounds, count = (3, 40) if quick else (7, 100)
    samples = stores.batches(BATCH, rounds * count, NOW, 30.0)
    engine, lease, journal = stores.opened(stores.sqlite_url(folder))
    journal.commit(lease, [], stores.batches(BATCH, 1, NOW - timedelta(hours=1), 1.0)[0])
    raw = raw_sqlite(folder / "raw.db")
    ours, theirs = [], []
    for number in range(rounds):
        part = samples[number * count : (number + 1) * count]
        rows = [as_rows(batch) for batch in part]
        ours.append(rate(part, lambda batch: journal.commit(lease, [], batch)))
        theirs.append(rate(rows, raw))
    engine.dispose()
    share = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    figures.at_least("journal on SQLite", statistics.median(ours), "samples/s", 100_000)
    figures.plain("raw sqlite3 (executemany of the same rows)", statistics.median(theirs), "rows/s")
    figures.at_least("journal on SQLite beside raw sqlite3", share, "of raw", 0.6)
    if server is not None:
        write_postgres(figures, server, samples, rounds, count)


def write_postgres(
    figures: Figures, server: str, samples: Sequence[Any], rounds: int, count: int
) -> None:
    import psycopg

    engine, lease, journal = stores.opened(stores.database(server))
    journal.commit(lease, [], stores.batches(BATCH, 1, NOW - timedelta(hours=1), 1.0)[0])
    ours, theirs = [], []
    with psycopg.connect(stores.database(server)) as connection:
        connection.execute(
            RAW_TABLE.replace("FLOAT", "double precision").replace("WITHOUT ROWID", "")
        )
        connection.commit()
        for number in range(rounds):
            part = samples[number * count : (number + 1) * count]
            made = [bulk.binary(as_rows(x)) for x in part]
            ours.append(rate(part, lambda batch: journal.commit(lease, [], batch)))
            theirs.append(BATCH * rate(made, partial(raw_copy, connection)))
    engine.dispose()
    figures.at_least("journal on Postgres (COPY)", statistics.median(ours), "samples/s", 150_000)
    figures.plain("bare COPY, binary, made beforehand", statistics.median(theirs), "rows/s")
    share = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    figures.plain("journal on Postgres beside bare COPY", share, "of bare")


def raw_copy(connection: Any, made: bytes) -> None:
    with connection.cursor() as cursor, cursor.copy(bulk.COPY) as copy:
        copy.write(made)
    connection.commit()


def raw_sqlite(path: Path) -> Callable[[Rows], None]:
    import pysqlite3.dbapi2

    connection = pysqlite3.dbapi2.connect(str(path), isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -1000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(RAW_TABLE)

    def put(rows: Rows) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(bulk.SQLITE, rows)
        connection.execute("COMMIT")

    return put


def as_rows(batch: Sequence[Any]) -> Rows:
    moments = [to_ms(each.at) for each in batch]
    return [
        (at // BUCKET_MS, number, at, each.value)
        for number, (at, each) in enumerate(zip(moments, batch, strict=True))
    ]


def rate(batches: Sequence[Any], put: Callable[[Any], object]) -> float:
    """Rows a second; a batch of bytes counts as BATCH rows."""
    begun = time.perf_counter()
    for batch in batches:
        put(batch)
    took = time.perf_counter() - begun
    rows = sum(1 if isinstance(batch, bytes) else len(batch) for batch in batches)
    return rows / took


def sustained(figures: Figures, folder: Path, server: str | None, quick: bool) -> None:
    seconds = 10 if quick else 60
    urls = [("SQLite", stores.sqlite_url(folder))]
    urls += [("Postgres", stores.database(server))] if server is not None else []
    for name, url in urls:
        figures.head(f"10,000 samples/s for {seconds} s on {name}, beside sealing and two readers")
        took, sealed = under_load(url, seconds)
        p99 = statistics.quantiles(took, n=100)[98]
        figures.at_most(f"commit of {BATCH:,} samples, p99", p99, "ms", 100)
        figures.plain("the same, median", statistics.median(took), "ms")
        figures.plain("the same, longest", max(took), "ms")
        samples, locks = sealed
        figures.plain("sealed meanwhile", samples, "samples")
        storage_locks.show(figures, locks)


def under_load(url: str, seconds: int) -> tuple[list[float], tuple[int, dict[str, Locks]]]:
    """How long each commit took (ms); how many samples were sealed, and how upkeep locked the store."""
    engine, lease, journal = stores.opened(url)
    old_windows(engine, 1_000, 24)
    stores.with_checks(engine, lease, journal, 200, 2)
    stores.analyze(engine)
    processes = multiprocessing.get_context("spawn")
    stop, told = processes.Event(), processes.Queue()
    others = [
        processes.Process(target=keep_sealing, args=(url, lease, stop, told)),
        *(processes.Process(target=keep_reading, args=(url, number, stop)) for number in (1, 2)),
    ]
    for each in others:
        each.start()
    try:
        took = pour(journal, lease, seconds)
    finally:
        stop.set()
        report = told.get(timeout=60)
        for each in others:
            each.join(30)
        engine.dispose()
    return took, report


def pour(journal: Journal, lease: Lease, seconds: int) -> list[float]:
    """Ten batches a second, on time; how long each commit took (ms)."""
    for batch in stores.batches(10 * BATCH, 1, NOW - timedelta(seconds=1), 1.0):
        journal.commit(lease, [], batch)
    took, due = [], time.perf_counter()
    for second in range(seconds):
        (tick,) = stores.batches(10 * BATCH, 1, NOW + timedelta(seconds=second), 1.0)
        for part in range(10):
            batch = tick[part * BATCH : (part + 1) * BATCH]
            due = max(due + 0.1, time.perf_counter())
            time.sleep(max(0.0, due - time.perf_counter()))
            begun = time.perf_counter()
            journal.commit(lease, [], batch)
            took.append((time.perf_counter() - begun) * 1000)
    return took


def old_windows(engine: Engine, count: int, windows: int) -> None:
    """Hot samples of so many series every 2 min, in windows that can be sealed."""
    with engine.begin() as connection:
        ids = stores.name_series(connection, 10 * BATCH)[:count]
    start = to_ms(NOW) - (windows + 2) * 7_200_000
    for at in range(start, start + windows * 7_200_000, 120_000):
        value = at // 120_000 % 97 * 0.31
        with engine.begin() as connection:
            bulk.write(
                connection, [(at // BUCKET_MS, key, at, round(value + key, 2)) for key in ids]
            )


def keep_sealing(url: str, lease: Lease, stop: Any, told: Any) -> None:
    """What the storekeeper's child does, again and again; what it did in all is told at the end."""
    engine, found = open_engine(url), list[Sealed]()
    uptime, old = Slices(engine, lease), Slices(engine, lease)
    series = sealing.sliced(engine, lease)
    while not stop.is_set():
        # Window after window becomes due, so that there is something to do until the end.
        now = NOW - timedelta(hours=48) + timedelta(hours=2 * len(found))
        uptimes.roll(uptime, now)
        found.append(sealing.seal(series, now, now - timedelta(days=30)))
        retain(old, now, LEVELS)
        time.sleep(0.2)
    engine.dispose()
    locks = {"uptime": uptime, "sealing": series, "retention": old}
    told.put(
        (
            sum(each.samples for each in found),
            {kind: locks_of(each) for kind, each in locks.items()},
        )
    )


def keep_reading(url: str, number: int, stop: Any) -> None:
    """A screen that asks for all checks and for a day of one series."""
    engine = open_engine(url)
    readings = Readings(engine)
    while not stop.is_set():
        readings.board(NOW)
        with reader(engine).connect() as connection:
            query(connection, number, NOW - timedelta(days=1), NOW, 1_000, LEVELS, NOW)
        time.sleep(0.05)
    engine.dispose()
