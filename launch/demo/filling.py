"""Fills an empty demo store with history: the newest two hours as they arrive, the rest as it is kept.

What grows with time is written in bulk, as the storekeeper would have left it: samples of the last
weeks in sealed chunks, older ones as roll-ups only, results of the last day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, delete, insert, select, update

from domain.configuration import Configuration
from domain.facts import Status
from domain.ladder import Level, ladder
from domain.settings import Settings
from domain.units import unit_of
from domain.uptime import COLUMNS
from launch.demo import numbers, tales, uptimes
from launch.demo.scenery import (
    DAY,
    GAP_REASON,
    HOUR,
    INTERVAL_MS,
    MACHINE,
    OWN,
    SECOND,
    Course,
    Episode,
    Span,
    Watched,
    checks,
    episodes,
    gaps,
)
from monitor.definitions import WatchedCheck
from monitor.inforce import InForce
from monitor.publishing import published
from storage import bulk, counters, series, uptime_totals
from storage import uptimes as stored_uptimes
from storage.chunks import Times, Values
from storage.engine import from_ms, to_ms, upsert
from storage.journal import Journal
from storage.leadership import Lease, Process, claim
from storage.schema import (
    affected,
    check_state,
    incident_lines,
    incident_numbers,
    incidents,
    leadership,
)
from storage.schema import gaps as gap_rows
from storage.sealing import GRACE
from storage.series import BUCKET_MS, WINDOW_MS
from storage.series_tables import series as series_rows
from storage.slices import Slices

RAW_DAYS, AGGREGATE_DAYS = Settings().storage.raw_days, Settings().storage.aggregate_days
RESULTS_MS = DAY
# How often the machine's own metrics are sampled.
MACHINE_MS = 10 * SECOND
SOURCE = "demo"
# The uptime of so many days takes about as long as one check.
UPTIME_DAYS = 8
# Room for the pages of a filling in memory, in kB.
CACHE_KB = 64_000

ROLLUP_COLUMNS = ("step", "series_id", "bucket", "count", "min", "max", "sum", "last")
CHUNK_COLUMNS = ("series_id", "window", "count", "data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much history a demo has: `end` is when it ends, `seed` what it is drawn from."""

    days: int
    checks: int
    seed: int
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What a filling wrote."""

    checks: int
    series: int
    samples: int
    incidents: int


@dataclass(slots=True)
class _Times:
    """The times (ms) of a filling, from the first to the last thing that is told of."""

    start: int
    end: int
    levels: Sequence[Level]
    sealed_to: int = field(init=False)
    sampled_from: int = field(init=False)

    def __post_init__(self) -> None:
        grace = GRACE // timedelta(milliseconds=1)
        self.sealed_to = (self.end - grace) // WINDOW_MS * WINDOW_MS
        oldest = (self.end - self.levels[0].days * DAY) // WINDOW_MS * WINDOW_MS
        self.sampled_from = max(self.start, oldest)

    def kept_from(self, step_s: int) -> int:
        """The first bucket of a step that is still kept."""
        days = next(level.days for level in self.levels if level.step_s == step_s)
        return (self.end - days * DAY) // (step_s * 1000)


def fill(engine: Engine, scale: Scale, advance: Callable[[], None] = lambda: None) -> Filled:
    """Fill an empty, migrated store; `advance` is called so often as `steps` says."""
    return _Filling(engine, scale, advance).run()


def steps(scale: Scale) -> int:
    """How often `fill` calls `advance`."""
    return scale.checks + len(MACHINE) + scale.days // UPTIME_DAYS


class _Filling:
    def __init__(self, engine: Engine, scale: Scale, advance: Callable[[], None]) -> None:
        self._engine = engine
        self._seed = scale.seed
        self._advance = advance
        end = to_ms(scale.end) // SECOND * SECOND
        start = (end - scale.days * DAY) // HOUR * HOUR
        self._times = _Times(start, end, ladder(RAW_DAYS, AGGREGATE_DAYS))
        self._watched = checks(scale.checks, scale.seed)
        self._gaps = gaps(start, end, scale.seed)
        self._befell = episodes(self._watched, start, end, scale.seed)
        self._hot: list[tuple[int, int, int, float]] = []
        self._samples = 0

    def run(self) -> Filled:
        built = self._publish()
        with self._engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KB}")
                connection.rollback()
            with connection.begin():
                ids = dict(connection.execute(select(check_state.c.name, check_state.c.id)).all())
            keys = [ids[each.name] for each in self._watched]
            for each, made in zip(self._watched, built, strict=True):
                with connection.begin():
                    self._write_check(connection, each, made, ids[each.name])
                self._advance()
            for number, (resource, course) in enumerate(MACHINE):
                with connection.begin():
                    self._write_machine(connection, resource, course, number)
                self._advance()
            with connection.begin():
                self._hot.sort()
                bulk.write(connection, self._hot)
                self._write_uptime(connection, keys)
            self._add_up()
            with connection.begin():
                told = self._write_incidents(connection)
                self._end(connection)
                count = len(connection.execute(select(series_rows.c.id)).all())
        return Filled(
            checks=len(self._watched), series=count, samples=self._samples, incidents=told
        )

    def _publish(self) -> tuple[WatchedCheck, ...]:
        """Publish the checks as a monitor does that starts with them."""
        began = from_ms(self._times.start)
        process = Process(boot_id=SOURCE, host=SOURCE, pid=0, process_start=began)
        lease = claim(self._engine, process, began, lambda _: False)
        assert isinstance(lease, Lease), "nobody leads in an empty store"
        journal = Journal(self._engine)
        configuration = Configuration(
            settings=Settings(),
            checks=tuple(dict(each.table) for each in self._watched),
            channels=(),
            rules=(),
            maintenance=(),
            source=SOURCE,
        )
        force = InForce(self._engine, journal, {})
        force.publish(lease, configuration, began)
        by_name = {each.definition.name: each for each in force.load(configuration, began)}
        built = tuple(by_name[each.name] for each in self._watched)
        shown = [published(each, place) for place, each in enumerate(built)]
        journal.publish(lease, shown)
        self._lease = lease
        return built

    def _write_check(
        self, connection: Connection, each: Watched, made: WatchedCheck, check_id: int
    ) -> None:
        headline, befell = made.check.headline(), self._befell[each.index]
        phase = each.index * 7 % (INTERVAL_MS // SECOND) * SECOND
        labels = (("check", each.name),)
        at, values = self._write_series(
            connection, each.course, headline, labels, INTERVAL_MS, phase, befell, each.index
        )
        since = max(self._times.start, self._times.end - RESULTS_MS)
        ticks = _ticks(since, self._times.end, INTERVAL_MS, phase)
        runs = tales.runs(ticks, at, values, befell, self._gaps)
        bulk.load(connection, "results", tales.RESULT_COLUMNS, tales.results(check_id, runs))
        oldest = self._times.end - RAW_DAYS * DAY
        lines = tales.timeline(check_id, self._times.start, befell, oldest)
        bulk.load(connection, "transitions", tales.LINE_COLUMNS, lines)
        unit, ran = unit_of(headline), (self._times.end - self._times.start) // INTERVAL_MS
        lost = sum(one.end - one.start for one in befell if one.status is not Status.HEALTHY)
        state = tales.state(each, unit, runs, ran, lost // INTERVAL_MS)
        mine = check_state.c.id == check_id
        row = tales.check_row(runs[-1], state, headline, unit)
        connection.execute(update(check_state).where(mine).values(row))

    def _write_machine(
        self, connection: Connection, resource: str, course: Course, number: int
    ) -> None:
        """The metrics of the monitor's own machine, which belong to no check."""
        from monitor.machine.resources import HEADLINES

        self._write_series(
            connection, course, HEADLINES[resource], (), MACHINE_MS, 0, (), -1 - number
        )

    def _write_series(
        self,
        connection: Connection,
        course: Course,
        name: str,
        labels: series.Labels,
        every_ms: int,
        phase_ms: int,
        befell: Sequence[Episode],
        stream: int,
    ) -> tuple[Times, Values]:
        """One series: hot samples, chunks and roll-ups. Returns the samples."""
        times = self._times
        # Streams of random numbers are counted from 0.
        draw = np.random.default_rng((self._seed, OWN, abs(stream) * 2 + (stream < 0), 2))
        key = _series(connection, name, labels)
        ticks = _ticks(times.sampled_from, times.end, every_ms, phase_ms)
        at, values = numbers.measured(course, ticks, befell, self._gaps, draw)
        first, last = times.start // BUCKET_MS, times.sampled_from // BUCKET_MS
        old = numbers.remembered(course, first, last, every_ms, befell, self._gaps, draw)
        split = int(np.searchsorted(at, times.sealed_to))
        chunks = numbers.sealed(at[:split], values[:split], key)
        bulk.load(connection, "chunks", CHUNK_COLUMNS, chunks)
        tens = numbers.joined(old, numbers.rolled(at[:split], values[:split]))
        for step, factor in numbers.STEPS:
            rows = tens.coarser(factor).rows(step, key, times.kept_from(step))
            bulk.load(connection, "rollups", ROLLUP_COLUMNS, rows)
        self._hot += [
            (moment // BUCKET_MS, key, moment, value)
            for moment, value in zip(at[split:].tolist(), values[split:].tolist(), strict=True)
        ]
        self._samples += len(at)
        return at, values

    def _write_uptime(self, connection: Connection, keys: Sequence[int]) -> None:
        first, last = self._times.start // HOUR, self._last_hour()
        grids = [
            uptimes.hours(self._befell[each.index], self._gaps, first, last)
            for each in self._watched
        ]
        columns = ("step", "bucket", "check_id", *COLUMNS)
        kept = AGGREGATE_DAYS * DAY // HOUR
        for day, rows in enumerate(uptimes.rows(grids, keys, first, kept), 1):
            bulk.load(connection, "uptime", columns, rows)
            if day % UPTIME_DAYS == 0:
                self._advance()

    def _add_up(self) -> None:
        """Running totals of the uptime; nobody else writes here who would need pauses."""
        slices = Slices(self._engine, self._lease, pause=lambda _: None)
        uptime_totals.bring_up_to(slices, self._last_hour())

    def _last_hour(self) -> int:
        grace = stored_uptimes.GRACE // timedelta(milliseconds=1)
        return (self._times.end - grace) // HOUR

    def _write_incidents(self, connection: Connection) -> int:
        told = tales.incidents(self._watched, self._befell, self._times.end, self._seed)
        days = [{"day": day, "last": last} for day, last in told.numbers.items()]
        for table, rows in (
            (incidents, told.incidents),
            (incident_lines, told.lines),
            (affected, told.affected),
            (incident_numbers, days),
            (gap_rows, [_gap(each) for each in self._gaps]),
        ):
            if rows:
                connection.execute(insert(table), rows)
        return len(told.incidents)

    def _end(self, connection: Connection) -> None:
        """Nobody leads, so that no page takes the demo for a monitor that runs."""
        connection.execute(delete(leadership))
        counters.bump(connection, counters.REVISION, counters.CHANGES)


def _series(connection: Connection, name: str, labels: series.Labels) -> int:
    row = {"name": name, "labels": series.encode_labels(labels)}
    upsert(connection, series_rows, [row], ("name", "labels"))
    found = series.find(connection, name, dict(labels))
    assert found is not None, "it was written just now"
    return found


def _ticks(start: int, end: int, every_ms: int, phase_ms: int) -> Times:
    """The slots from `start` to the one before `end`."""
    first = -(-(start - phase_ms) // every_ms) * every_ms + phase_ms
    return np.arange(first, end, every_ms, dtype=np.int64)


def _gap(each: Span) -> dict[str, Any]:
    return {"started": from_ms(each.start), "ended": from_ms(each.end), "reason": GAP_REASON}
