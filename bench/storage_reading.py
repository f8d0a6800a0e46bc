"""The store, read: beside Prometheus, and at ten times the history."""

from __future__ import annotations

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
from bench.stores import LEVELS, NOW
from launch.demo.filling import Scale, fill
from launch.demo.target import open_demo
from storage import uptimes
from storage.engine import reader, to_ms
from storage.readings import Readings
from storage.schema import check_state
from storage.series_query import query, read
from storage.series_readings import Named, SeriesReadings


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
        part = partial(uptimes.rolled, connection, first, last)
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
