"""The store: writing, size on disk, reading, and the work of a day, beside its targets.

`python -m bench.storage [--quick] [--only write,sustained,disk,read,growth,upkeep,locks]`. Everything lies
in a temporary folder. What is compared is measured in turns, in one run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
from sqlalchemy import Engine

from bench import prometheus, storage_locks, stores
from bench.figures import Figures
from bench.storage_reading import growth, reading
from bench.storage_writing import sustained, write
from bench.stores import NOW
from launch.demo import numbers
from launch.demo.filling import CHUNK_COLUMNS
from launch.demo.scenery import DAY, Watched, checks
from monitor.storekeeper_child import Orders, Report
from storage import bulk
from storage.chunks import Times, Values
from storage.engine import to_ms
from storage.journal import Journal, Published
from storage.leadership import Lease
from storage.series import BUCKET_MS


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
        storage_locks.show(figures, report.locks)


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
        locks=storage_locks.together([each.locks for each in reports]),
    )
    return total, cpu_s, len(reports)


# What the child's main() does, at another time than now.
ROUND = """
import sys, time, msgspec
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
    "locks": storage_locks.locks,
}

if __name__ == "__main__":
    sys.exit(main())
