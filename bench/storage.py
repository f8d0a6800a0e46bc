"""The store: writing, size on disk, reading, and the work of a day, beside its targets.

`python -m bench.storage [--quick] [--only write,sustained,disk,read,growth,upkeep]`. Everything lies
in a temporary folder. What is compared is measured in turns, in one run.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Engine, select

from bench import prometheus, stores
from bench.figures import Figures, median_ms, side_by_side, times_ms
from bench.stores import NOW
from domain.ladder import ladder
from launch.demo import numbers
from launch.demo.filling import CHUNK_COLUMNS, Scale, fill
from launch.demo.scenery import DAY, Watched, checks
from launch.demo.target import open_demo
from monitor.storekeeper_child import Orders, Report
from storage import bulk, sealing, uptimes
from storage.chunks import Times, Values
from storage.engine import open_engine, reader, to_ms
from storage.journal import Journal, Published
from storage.leadership import Lease
from storage.readings import Readings
from storage.retention import retain
from storage.schema import check_state
from storage.sealing import Sealed
from storage.series import BUCKET_MS
from storage.series_query import query, read
from storage.series_readings import Named, SeriesReadings

BATCH = 1_000
LEVELS = ladder(30, 365)
RAW_TABLE = """
    CREATE TABLE samples (bucket INTEGER NOT NULL, series_id INTEGER NOT NULL, at BIGINT NOT NULL,
    value FLOAT NOT NULL, PRIMARY KEY (bucket, series_id, at)) WITHOUT ROWID
"""
Rows = list[tuple[int, int, int, float]]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="smaller stores, shorter runs")
    options.add_argument("--only", default="", help="some of the parts, with commas between them")
    given = options.parse_args()
    chosen = given.only.split(",") if given.only else list(PARTS)
    figures = Figures()
    with (
        tempfile.TemporaryDirectory(prefix="nocturne-bench-") as folder,
        stores.postgres() as server,
    ):
        if server is None:
            figures.note(stores.NO_POSTGRES)
        for name in chosen:
            place = Path(folder) / name
            place.mkdir()
            PARTS[name](figures, place, server, given.quick)
    print(f"\n{len(figures.missed)} missed" + "".join(f"\n  {each}" for each in figures.missed))
    return 0


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────


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
            texts = ["".join(f"{a}\t{b}\t{c}\t{d!r}\n" for a, b, c, d in as_rows(x)) for x in part]
            ours.append(rate(part, lambda batch: journal.commit(lease, [], batch)))
            theirs.append(BATCH * rate(texts, partial(raw_copy, connection)))
    engine.dispose()
    figures.at_least("journal on Postgres (COPY)", statistics.median(ours), "samples/s", 150_000)
    figures.plain("bare COPY of text made beforehand", statistics.median(theirs), "rows/s")
    share = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    figures.plain("journal on Postgres beside bare COPY", share, "of bare")


def raw_copy(connection: Any, text: str) -> None:
    with connection.cursor() as cursor, cursor.copy(bulk.COPY) as copy:
        copy.write(text)
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
    """Rows a second; a batch of text counts as BATCH rows."""
    begun = time.perf_counter()
    for batch in batches:
        put(batch)
    took = time.perf_counter() - begun
    rows = sum(1 if isinstance(batch, str) else len(batch) for batch in batches)
    return rows / took


# ── Sustained ───────────────────────────────────────────────────────────────────────────────────


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
        samples, longest_ms = sealed
        figures.plain("sealed meanwhile", samples, "samples")
        figures.at_most("the longest that sealing held the lock", longest_ms, "ms", 50)


def under_load(url: str, seconds: int) -> tuple[list[float], tuple[int, float]]:
    """How long each commit took (ms); how many samples were sealed, and the longest lock (ms)."""
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
    # As the storekeeper's child does: the checks go first.
    os.nice(10)
    engine, found = open_engine(url), list[Sealed]()
    while not stop.is_set():
        # Window after window becomes due, so that there is something to do until the end.
        now = NOW - timedelta(hours=48) + timedelta(hours=2 * len(found))
        uptimes.roll(engine, lease, now)
        found.append(sealing.seal(engine, lease, now, now - timedelta(days=30)))
        retain(engine, lease, now, LEVELS)
        time.sleep(0.2)
    engine.dispose()
    told.put((sum(each.samples for each in found), 1000 * max(each.longest_s for each in found)))


def orders_of(url: str, lease: Lease) -> Orders:
    """The storekeeper's orders; the day's backup, which is a copy of the file, is left out."""
    return Orders(
        url=url,
        boot_id=lease.boot_id,
        epoch=lease.epoch,
        raw_days=30,
        aggregate_days=365,
        backup_days=0,
        backup_folder="",
        parent=os.getpid(),
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


# ── Disk ────────────────────────────────────────────────────────────────────────────────────────


def disk(figures: Figures, folder: Path, server: str | None, quick: bool) -> None:
    count, days = (50, 2) if quick else (200, 4)
    figures.head(f"Disk, {count} series at 30 s for {days} days, ticks aligned")
    engine, lease, journal = stores.opened(stores.sqlite_url(folder, "hot"))
    found = history(count, days)
    before = stores.used_bytes(engine)
    written = write_hot(engine, found, 6 * BUCKET_MS * 2)
    figures.at_most("hot", (stores.used_bytes(engine) - before) / written, "B/sample", 21)
    before = stores.used_bytes(engine)
    sealed = write_sealed(engine, found)
    a_sample = (stores.used_bytes(engine) - before) / sealed
    figures.at_most("sealed", a_sample, "B/sample", 2.7)
    if prometheus.is_installed():
        (folder / "prometheus").mkdir()
        block = prometheus.blocks(folder / "prometheus", found) / sealed
        figures.plain("Prometheus blocks of the same data", block, "B/sample")
        figures.at_most("sealed beside Prometheus blocks", a_sample / block, "of theirs", 0.5)
    else:
        figures.note(prometheus.MISSING)
    write_results(figures, engine, lease, journal)
    engine.dispose()


def history(count: int, days: int) -> dict[str, tuple[Times, Values]]:
    """The series of a demo of so many days before NOW, without trouble."""
    end = to_ms(NOW) // 7_200_000 * 7_200_000
    ticks = np.arange(end - days * DAY, end, 30_000, dtype=np.int64)
    draw = np.random.default_rng(1)
    found: Sequence[Watched] = checks(count, 1)
    return {each.name: numbers.measured(each.course, ticks, (), (), draw) for each in found}


def write_hot(engine: Engine, found: dict[str, tuple[Times, Values]], span_ms: int) -> int:
    """The last so many ms as they come, tick by tick."""
    columns = [(key, at, values) for key, (at, values) in enumerate(found.values(), 1)]
    ticks = columns[0][1]
    first = int(np.searchsorted(ticks, ticks[-1] - span_ms))
    for index in range(first, len(ticks)):
        at = int(ticks[index])
        rows = [(at // BUCKET_MS, key, at, float(values[index])) for key, _, values in columns]
        with engine.begin() as connection:
            bulk.write(connection, rows)
    return (len(ticks) - first) * len(columns)


def write_sealed(engine: Engine, found: dict[str, tuple[Times, Values]], first: int = 1) -> int:
    """All of it in chunks, window by window, as sealing writes them."""
    rows = [
        row
        for key, (at, values) in enumerate(found.values(), first)
        for row in numbers.sealed(at, values, key)
    ]
    rows.sort(key=lambda row: (row[1], row[0]))
    with engine.begin() as connection:
        for begin in range(0, len(rows), 100):
            bulk.load(connection, "chunks", CHUNK_COLUMNS, rows[begin : begin + 100])
    return sum(row[2] for row in rows)


def write_results(figures: Figures, engine: Engine, lease: Lease, journal: Journal) -> None:
    """Two days of the 11 checks of the shipped configuration; one result in 100 tells of trouble."""
    published = [
        Published(name=f"check-{number:02}", kind="http", about=stores.ABOUT)
        for number in range(11)
    ]
    states = journal.publish(lease, published)
    journal.commit(lease, stores.entries(states, NOW))
    before = stores.used_bytes(engine)
    for tick in range(1, 2 * 2880 + 1):
        journal.commit(lease, stores.entries(states, NOW + timedelta(seconds=30 * tick)))
    used = (stores.used_bytes(engine) - before) / 2
    figures.at_most("results, 1 in 100 with its text", used / (2880 * 11), "B/row", 30)
    figures.at_most("check history of the shipped configuration", used / 1e6, "MB/day", 1)


# ── Reading ─────────────────────────────────────────────────────────────────────────────────────


def reading(figures: Figures, folder: Path, server: str | None, quick: bool) -> None:
    count = 20 if quick else 200
    urls = [("SQLite", stores.sqlite_url(folder))]
    urls += [("Postgres", stores.database(server))] if server is not None else []
    made: list[tuple[str, Engine, Engine]] = []
    for name, url in urls:
        begun = time.monotonic()
        engine = open_demo(url, "sqlite:////nowhere", NOW)
        filled = fill(engine, Scale(days=365, checks=count, seed=1, end=NOW))
        took = time.monotonic() - begun
        stores.analyze(engine)
        figures.head(f"{name}: {filled.samples:,} samples, filled in {took:.0f} s")
        other = (
            stores.sqlite_url(folder, "checks")
            if name == "SQLite"
            else stores.database(server or "")
        )
        board, lease, journal = stores.opened(other)
        stores.with_checks(board, lease, journal, 500, 30)
        stores.analyze(board)
        read_checks(figures, board)
        read_series(figures, engine)
        made.append((name, engine, board))
    if prometheus.is_installed():
        beside_prometheus(figures, folder, [(name, engine) for name, engine, _ in made], quick)
    else:
        figures.note(prometheus.MISSING)
    for _, engine, board in made:
        engine.dispose()
        board.dispose()


def read_checks(figures: Figures, engine: Engine) -> None:
    start = NOW - timedelta(days=30)
    with reader(engine).connect() as connection:
        statement = select(check_state.c.id, check_state.c.name, check_state.c.state).where(
            check_state.c.present
        )
        text = str(statement.compile(engine, compile_kwargs={"literal_binds": True}))
        cold = times_ms(lambda: connection.exec_driver_sql(text).all(), 1)[0]
        sql = median_ms(lambda: connection.exec_driver_sql(text).all(), 50)
        figures.at_most("latest state of 500 checks, SQL", sql, "ms", 1)
        figures.plain("the same, the first time", cold, "ms")
        first, last = to_ms(start) // 3_600_000, to_ms(NOW) // 3_600_000
        part = partial(uptimes._rolled, connection, first, last)
        figures.plain("uptime of 500 checks over 30 days, the rows", median_ms(part, 30), "ms")
    readings = Readings(engine)
    figures.plain("Readings.board of 500 checks", median_ms(lambda: readings.board(NOW), 20), "ms")
    whole = median_ms(lambda: uptimes.read(engine, start, NOW), 20)
    figures.at_most("uptime of 500 checks over 30 days, whole", whole, "ms", 5)


def read_series(figures: Figures, engine: Engine) -> None:
    shown = SeriesReadings(engine, LEVELS)
    named = Named(metric="ping.avg_ms", labels=(("check", "shop-host"),))
    year = partial(shown.course, named, NOW - timedelta(days=365), NOW, NOW)
    with reader(engine).connect() as connection:
        cold = times_ms(partial(query_year, connection), 1)[0]
        sql = median_ms(partial(query_year, connection), 20)
    figures.at_most("a year at 1 h", median_ms(year, 20), "ms", 10)
    figures.plain("the same without making tuples of it", sql, "ms")
    figures.plain("the same, the first time", cold, "ms")


def query_year(connection: Any) -> object:
    return query(connection, 1, NOW - timedelta(days=365), NOW, 1_000, LEVELS, NOW)


def beside_prometheus(
    figures: Figures, folder: Path, engines: Sequence[tuple[str, Engine]], quick: bool
) -> None:
    """The same series in Prometheus, which answers JSON on loopback; ours answers the same JSON."""
    count = 3 if quick else 20
    fast = Named(metric="system.cpu.percent", labels=())
    slow = Named(metric="ping.avg_ms", labels=(("check", "shop-host"),))
    found = {}
    with reader(engines[0][1]).connect() as connection:
        for number in range(1, count + 1):
            found[f"series-{number}"] = read(connection, number, 0, to_ms(NOW))
    points = Readings(engines[0][1]).points(fast.metric, {}, NOW - timedelta(days=30), NOW)
    found["fast"] = (
        np.array([to_ms(at) for at in points.at], np.int64),
        np.array(points.values),
    )
    place = folder / "prometheus"
    place.mkdir()
    prometheus.blocks(place, found)
    end = NOW.timestamp()
    day, month = end - 86_400, end - 30 * 86_400 + 3_600
    with prometheus.serve(place) as server:
        one, all_ = (
            f'{prometheus.METRIC}{{check="series-1"}}',
            f'{prometheus.METRIC}{{check="fast"}}',
        )
        # Blocks of two hours are put together in the background, as they would have been in earnest.
        settled(place)
        figures.head(
            f"Beside Prometheus, {len(found)} series, {len(list(place.glob('01*')))} blocks; "
            f"{server.points(one, day, end, 30):,} and {server.points(all_, month, end, 2_592):,} points"
        )
        for name, engine in engines:
            shown = SeriesReadings(engine, LEVELS)
            ours = partial(answered, shown, slow, NOW - timedelta(days=1), 100_000)
            theirs = partial(server.query_range, one, day, end, 30)
            compare(figures, f"{name}: 24 h of one series, all points", ours, theirs, 1.5)
            ours = partial(answered, shown, slow, NOW - timedelta(days=1), 1_000)
            theirs = partial(server.query_range, one, day, end, 86.4)
            compare(figures, f"{name}: 24 h of one series to 1,000 points", ours, theirs, 1.5)
            ours = partial(answered, shown, fast, NOW - timedelta(days=30, hours=-1), 1_000)
            theirs = partial(server.query_range, all_, month, end, 2_592)
            compare(figures, f"{name}: 30 days at 10 s to 1,000 points", ours, theirs, 1.25)
            peaks = f"max_over_time({all_}[2592s])"
            theirs = partial(server.query_range, peaks, month, end, 2_592)
            compare(figures, f"{name}: the same, peaks of theirs kept too", ours, theirs, 1.25)


def answered(shown: SeriesReadings, named: Named, start: datetime, width: int) -> bytes:
    return msgspec.json.encode(shown.course(named, start, NOW, NOW, width))


def compare(
    figures: Figures,
    what: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    target: float,
) -> None:
    mine, other = side_by_side(ours, theirs, 15)
    figures.at_most(f"{what}: {mine:.1f} ms, {other:.1f} ms", mine / other, "of theirs", target)


def settled(place: Path, patience_s: float = 90.0) -> None:
    """Wait until Prometheus has stopped to put blocks together."""
    limit, before, since = time.monotonic() + patience_s, -1, time.monotonic()
    while time.monotonic() < limit:
        now = len(list(place.glob("01*")))
        if now != before:
            before, since = now, time.monotonic()
        if time.monotonic() - since > 5:
            return
        time.sleep(0.5)


# ── Growth ──────────────────────────────────────────────────────────────────────────────────────


def growth(figures: Figures, folder: Path, server: str | None, quick: bool) -> None:
    count = 10 if quick else 40
    figures.head(f"Ten times the history of the same {count} series and checks")
    for name in ("SQLite", "Postgres"):
        if name == "Postgres" and server is None:
            continue
        for few, many in ((3, 30), (36, 360)):
            engines = []
            for days in (few, many):
                url = (
                    stores.sqlite_url(folder, f"d{days}")
                    if name == "SQLite"
                    else stores.database(server or "")
                )
                engine = open_demo(url, "sqlite:////nowhere", NOW)
                fill(engine, Scale(days=days, checks=count, seed=1, end=NOW))
                stores.analyze(engine)
                engines.append(engine)
            short, long = engines
            for what, work in queries(few).items():
                a, b = side_by_side(partial(work, short), partial(work, long), 25)
                text = f"{name}: {what}, {few} → {many} days: {a:.2f} → {b:.2f} ms"
                figures.at_most(text, b / a, "times", 1.5)
            for engine in engines:
                engine.dispose()


def queries(days: int) -> dict[str, Callable[[Engine], object]]:
    """What is asked of both stores: never for more than the shorter one has."""
    named = Named(metric="ping.avg_ms", labels=(("check", "shop-host"),))
    start = NOW - timedelta(days=days) + timedelta(hours=12)

    def course(engine: Engine, since: datetime) -> object:
        return SeriesReadings(engine, LEVELS).course(named, since, NOW, NOW)

    found: dict[str, Callable[[Engine], object]] = {
        "all checks": lambda engine: Readings(engine).board(NOW),
        "uptime": lambda engine: uptimes.read(engine, start, NOW),
        "all of a series": lambda engine: course(engine, start),
    }
    if days < 30:
        found["1 h of a series"] = lambda engine: course(engine, NOW - timedelta(hours=1))
        found["24 h of a series"] = lambda engine: course(engine, NOW - timedelta(days=1))
    return found


# ── Upkeep ──────────────────────────────────────────────────────────────────────────────────────


def upkeep(figures: Figures, folder: Path, server: str | None, quick: bool) -> None:
    count = 20 if quick else 200
    urls = [("SQLite", stores.sqlite_url(folder))]
    urls += [("Postgres", stores.database(server))] if server is not None else []
    for name, url in urls:
        figures.head(f"{name}: a day of {count} checks and series at 30 s comes, another goes")
        engine, lease, journal = stores.opened(url)
        states = stores.with_checks(engine, lease, journal, count, 2)
        with engine.begin() as connection:
            stores.name_series(connection, count)
        # What is 31 days old goes: its chunks, its results; the roll-ups of it stay.
        late = NOW + timedelta(days=31)
        write_sealed(engine, history(count, 1))
        put_results(engine, len(states), NOW - timedelta(days=1))
        put_hot(engine, count, late)
        stores.analyze(engine)
        report, cpu_s, rounds = a_day(url, lease, late)
        engine.dispose()
        scale = 10 if quick else 1
        figures.note(
            f"{rounds} rounds: {report.samples:,} samples sealed, {report.deleted:,} rows deleted, "
            f"{report.hours} hours of uptime rolled up"
        )
        text = "CPU of the child, its starts included" + (", times 10" if quick else "")
        figures.at_most(text, cpu_s * scale, "s/day", 864)
        figures.plain("that is of one core", cpu_s * scale / 864, "%")
        figures.at_most("the longest that the store was locked", report.longest_lock_ms, "ms", 50)


def put_results(engine: Engine, count: int, day: datetime) -> None:
    """A day of results that are past their days."""
    columns = ("check_id", "at", "status", "attempt", "response_ms")
    start = to_ms(day)
    for check in range(1, count + 1):
        rows = [(check, start + tick * 30_000, 0, 1, 112.25) for tick in range(2880)]
        with engine.begin() as connection:
            bulk.load(connection, "results", columns, rows)


def put_hot(engine: Engine, count: int, now: datetime) -> None:
    """A day of samples as they arrived, up to `now`."""
    shift = to_ms(now) - to_ms(NOW)
    write_hot(engine, {k: (at + shift, v) for k, (at, v) in history(count, 1).items()}, DAY)


def a_day(url: str, lease: Lease, now: datetime) -> tuple[Report, float, int]:
    """The 24 rounds of the day before `now`, each in a process of its own, as in earnest."""
    orders = orders_of(url, lease)
    reports, cpu_s = [], 0.0
    for hour in range(24):
        at = now - timedelta(hours=23 - hour)
        ended = subprocess.run(
            [sys.executable, "-c", ROUND, str(to_ms(at))],
            input=msgspec.json.encode(orders),
            capture_output=True,
            check=True,
        )
        report, used = msgspec.json.decode(ended.stdout, type=tuple[Report, float])
        reports.append(report)
        cpu_s += used
    total = msgspec.structs.replace(
        reports[-1],
        samples=sum(each.samples for each in reports),
        deleted=sum(each.deleted for each in reports),
        hours=sum(each.hours for each in reports),
        longest_lock_ms=max(each.longest_lock_ms for each in reports),
    )
    return total, cpu_s, len(reports)


# What the child's main() does, at another time than now.
ROUND = """
import os, sys, time, msgspec
os.nice(10)
from monitor.storekeeper_child import Orders, keep
from storage.engine import from_ms
report = keep(msgspec.json.decode(sys.stdin.buffer.read(), type=Orders), from_ms(int(sys.argv[1])))
sys.stdout.buffer.write(msgspec.json.encode((report, time.process_time())))
"""

PARTS: dict[str, Callable[[Figures, Path, str | None, bool], None]] = {
    "write": write,
    "sustained": sustained,
    "disk": disk,
    "read": reading,
    "growth": growth,
    "upkeep": upkeep,
}

if __name__ == "__main__":
    sys.exit(main())
