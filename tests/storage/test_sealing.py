"""Sealing: samples leave the hot table for chunks and roll-ups, and every reader sees the same."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, update

from domain.facts import Sample, SeriesKind
from domain.ladder import DAY, HOUR, TEN_MINUTES, ladder
from storage import schema, sealing
from storage.engine import to_ms
from storage.leadership import LeadershipLost
from storage.sealing import seal
from storage.series import WINDOW_MS, SeriesIds, append
from storage.series_query import query
from storage.slices import Slices
from tests.storage import sealer
from tests.storage.stores import Store, lead

ROOT = Path(__file__).parents[2]
START = datetime(2026, 3, 1, tzinfo=UTC)
LONG_AGO = START - timedelta(days=30)
LABELS = (("check", "api"),)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def sample(seconds: float, value: float, name: str = "ms", **more: Any) -> Sample:
    return Sample(name=name, at=at(seconds), value=value, labels=LABELS, **more)


def write(store: Store, samples: Iterable[Sample]) -> None:
    with store.engine.begin() as connection:
        append(connection, SeriesIds(), list(samples))


def run(store: Store, now: datetime, oldest: datetime = LONG_AGO) -> sealing.Sealed:
    slices = sealing.sliced(store.engine, store.lease, lambda _: None)
    return seal(slices, now, oldest)


class Interrupted(Slices):
    """Slices before whose lock something else happens: before the first of them, or the first few."""

    def __init__(self, store: Store, befalls: Iterable[Callable[[], object]]) -> None:
        super().__init__(store.engine, store.lease, pause=lambda _: None)
        self._befalls = iter(befalls)

    def lock(self, *more: Any) -> Any:
        next(self._befalls, lambda: None)()
        return super().lock(*more)


def values(store: Store, start: float = 0, end: float = 1e6, name: str = "ms") -> list[float]:
    return list(store.readings.points(name, dict(LABELS), at(start), at(end)).values)


def rolled(engine: Engine, step: int, name: str = "ms") -> dict[int, tuple[Any, ...]]:
    table = schema.rollups
    found = (
        select(table)
        .join(schema.series, schema.series.c.id == table.c.series_id)
        .where(table.c.step == step, schema.series.c.name == name)
    )
    with engine.connect() as connection:
        return {
            row.bucket: (row.count, row.min, row.max, row.sum, row.last)
            for row in connection.execute(found)
        }


def test_a_window_is_sealed_fifteen_minutes_after_its_end_and_reads_as_before(store: Store) -> None:
    write(store, [sample(second, second / 10) for second in range(0, 7200, 30)])
    before = values(store)

    assert run(store, at(7200 + 899)).samples == 0
    assert not sealing.due(store.engine, at(7200 + 899))
    assert sealing.due(store.engine, at(7200 + 900))
    done = run(store, at(7200 + 900))

    assert (done.windows, done.series, done.samples) == (1, 1, 240)
    assert store.count(schema.samples) == 0
    assert store.count(schema.chunks) == 1
    assert values(store) == before


def test_what_is_hot_and_what_is_sealed_is_read_as_one(store: Store) -> None:
    write(store, [sample(second, second) for second in range(0, 3 * 7200, 60)])

    run(store, at(2 * 7200 + 900))

    assert store.count(schema.chunks) == 2
    assert store.count(schema.samples) == 120
    assert values(store) == [float(second) for second in range(0, 3 * 7200, 60)]
    assert values(store, 7140, 7260) == [7140.0, 7200.0]
    assert values(store, 14340, 14460) == [14340.0, 14400.0]


def test_a_late_sample_opens_its_chunk_again_and_is_counted(store: Store) -> None:
    write(store, [sample(0, 1), sample(60, 3)])
    run(store, at(9000))

    write(store, [sample(30, 10)])
    assert values(store) == [1, 10, 3]
    assert run(store, at(9000)).samples == 1

    assert values(store) == [1, 10, 3]
    assert list(rolled(store.engine, HOUR).values()) == [(3, 1, 10, 14, 3)]


def test_a_sample_sent_again_after_its_window_was_sealed_replaces_the_first(store: Store) -> None:
    write(store, [sample(0, 1), sample(60, 3)])
    run(store, at(9000))

    write(store, [sample(60, 4)])
    assert values(store) == [1, 4]
    run(store, at(9000))

    assert values(store) == [1, 4]
    assert list(rolled(store.engine, DAY).values()) == [(2, 1, 4, 5, 4)]


def test_to_seal_twice_changes_nothing(store: Store) -> None:
    write(store, [sample(second, second) for second in range(0, 7200, 60)])
    run(store, at(9000))
    before = [rolled(store.engine, step) for step in (TEN_MINUTES, HOUR, DAY)]

    assert run(store, at(9000)).samples == 0

    assert [rolled(store.engine, step) for step in (TEN_MINUTES, HOUR, DAY)] == before


def test_after_a_downtime_every_window_is_caught_up(store: Store) -> None:
    write(store, [sample(day * DAY + 60, day) for day in range(5)])

    done = run(store, at(6 * DAY))

    assert done.windows == 5
    assert [row[4] for row in rolled(store.engine, DAY).values()] == [0, 1, 2, 3, 4]


def test_a_counter_is_rolled_up_by_how_much_it_rose(store: Store) -> None:
    kind = SeriesKind.COUNTER
    # It rises by 5 across the border of two windows, is reset, and rises to 3.
    told = [(7190, 100.0), (7200, 105.0), (7260, 107.0), (7320, 3.0)]

    write(store, [sample(second, value, "requests", kind=kind) for second, value in told])
    run(store, at(4 * 7200))

    hours = rolled(store.engine, HOUR, "requests")
    first = to_ms(START) // 3_600_000
    assert (hours[first + 1][3], hours[first + 2][3]) == (0, 5 + 2 + 3)


def test_a_late_sample_of_a_counter_corrects_the_window_after_it(store: Store) -> None:
    kind = SeriesKind.COUNTER
    write(store, [sample(60, 10, kind=kind), sample(7260, 50, kind=kind)])
    run(store, at(4 * 7200))
    first = to_ms(START) // 3_600_000
    assert rolled(store.engine, HOUR)[first + 2][3] == 40

    write(store, [sample(7100, 45, kind=kind)])
    run(store, at(4 * 7200))

    assert rolled(store.engine, HOUR)[first + 1][3] == 35
    assert rolled(store.engine, HOUR)[first + 2][3] == 5
    assert rolled(store.engine, DAY)[first // 24][3] == 40


def test_what_is_past_its_days_is_dropped_and_leaves_its_roll_ups_alone(store: Store) -> None:
    write(store, [sample(0, 1), sample(60, 3)])
    run(store, at(9000))
    with store.engine.begin() as connection:
        connection.execute(schema.chunks.delete())
    write(store, [sample(30, 100)])

    run(store, at(9000), oldest=at(7200))

    assert store.count(schema.samples) == 0
    assert list(rolled(store.engine, HOUR).values()) == [(2, 1, 3, 4, 3)]


def test_a_monitor_that_was_succeeded_seals_nothing_more(store: Store) -> None:
    write(store, [sample(0, 1)])
    lead(store.engine, "another")

    with pytest.raises(LeadershipLost):
        run(store, at(9000))

    assert store.count(schema.samples) == 1
    assert store.count(schema.chunks) == 0


def test_no_slice_holds_the_lock_for_long_and_each_is_followed_by_a_pause(store: Store) -> None:
    names = [f"m{number}" for number in range(120)]
    write(store, [sample(second, second, name) for name in names for second in range(0, 7200, 600)])
    pauses: list[float] = []
    # A clock on which every series costs 5 ms.
    spent = iter(range(10**6))
    time = [0.0]

    def clock() -> float:
        if next(spent) % 2:
            time[0] += 0.005 * 8
        return time[0]

    slices = Slices(store.engine, store.lease, first=8, most=500, pause=pauses.append, clock=clock)
    done = seal(slices, at(9000), LONG_AGO)

    assert done.series == 120
    assert sum(pauses) == pytest.approx(time[0])
    assert len(pauses) > 120 / 8


class Stopped(Exception):
    pass


@pytest.mark.parametrize("stop", range(1, 8))
def test_a_crash_between_slices_loses_and_doubles_nothing(store: Store, stop: int) -> None:
    names = [f"m{number}" for number in range(30)]
    write(store, [sample(second, second, name) for name in names for second in (0, 60, 120)])
    slices = iter(range(100))

    def pause(_: float) -> None:
        if next(slices) == stop - 1:
            raise Stopped

    with suppress(Stopped):
        seal(sealing.sliced(store.engine, store.lease, pause), at(9000), LONG_AGO)

    assert [values(store, name=name) for name in names] == [[0, 60, 120]] * 30
    run(store, at(9000))
    assert [values(store, name=name) for name in names] == [[0, 60, 120]] * 30
    assert [rolled(store.engine, DAY, name) for name in names] == (
        [{to_ms(START) // 86_400_000: (3, 0, 120, 180, 120)}] * 30
    )


def test_a_sample_that_comes_while_its_chunk_is_made_is_neither_lost_nor_doubled(
    store: Store,
) -> None:
    write(store, [sample(0, 1), sample(60, 3)])

    done = seal(Interrupted(store, [lambda: write(store, [sample(30, 10)])]), at(9000), LONG_AGO)

    assert done.samples == 3
    assert store.count(schema.samples) == 0
    assert values(store) == [1, 10, 3]
    assert list(rolled(store.engine, HOUR).values()) == [(3, 1, 10, 14, 3)]


@pytest.mark.parametrize("often", [1, 2, 3, 4])
def test_a_sample_that_is_replaced_while_its_chunk_is_made_keeps_what_came_last(
    store: Store, often: int
) -> None:
    write(store, [sample(0, 1), sample(60, 3)])
    came = iter(range(4, 4 + often))
    replaces = [lambda: write(store, [sample(60, next(came))])] * often

    seal(Interrupted(store, replaces), at(9000), LONG_AGO)

    # One that is replaced each time waits for the lock in the end, and loses nothing by that.
    assert values(store) == [1, 3 + often]
    run(store, at(9000))
    assert values(store) == [1, 3 + often]
    assert list(rolled(store.engine, DAY).values()) == [(2, 1, 3 + often, 4 + often, 3 + often)]
    assert store.count(schema.samples) == 0


def test_two_that_seal_the_same_window_at_once_seal_it_once(store: Store) -> None:
    kind = SeriesKind.COUNTER
    write(store, [sample(second, second, kind=kind) for second in range(0, 7200, 60)])

    # The other one seals it, and a late sample comes, between what this one reads and its lock.
    def other() -> None:
        run(store, at(9000))
        write(store, [sample(30, 10, kind=kind)])
        run(store, at(9000))

    seal(Interrupted(store, [other]), at(9000), LONG_AGO)

    assert values(store) == [0.0, 10.0] + [float(second) for second in range(60, 7200, 60)]
    assert [row[0] for row in rolled(store.engine, DAY).values()] == [121]


def test_a_kill_at_any_point_of_a_slice_loses_and_doubles_nothing(store: Store, url: str) -> None:
    names = [f"m{number}" for number in range(12)]
    write(store, [sample(second, second, name) for name in names for second in (0, 60, 120)])

    for point in sealer.POINTS:
        command = [sys.executable, "-m", "tests.storage.sealer", url, str(store.lease.epoch)]
        ended = subprocess.run([*command, str(to_ms(at(9000))), point], cwd=ROOT, check=False)

        assert ended.returncode == -signal.SIGKILL
        assert [values(store, name=name) for name in names] == [[0, 60, 120]] * 12

    # Three series before each of the three kills, and at least one with the last.
    assert store.count(schema.chunks) >= 3 * 3 + 1
    run(store, at(9000))
    assert store.count(schema.samples) == 0
    assert [values(store, name=name) for name in names] == [[0, 60, 120]] * 12
    assert [rolled(store.engine, DAY, name) for name in names] == (
        [{to_ms(START) // 86_400_000: (3, 0, 120, 180, 120)}] * 12
    )


# ── Against a naive recomputation ───────────────────────────────────────────────────────────────


@dataclass
class Naive:
    """Everything that was ever written, and what roll-ups of it are by definition."""

    kind: SeriesKind
    values: dict[int, float]

    def rolled(self, step: int) -> dict[int, tuple[float, ...]]:
        steps: dict[int, list[int]] = defaultdict(list)
        for moment in sorted(self.values):
            steps[moment // (step * 1000)].append(moment)
        return {bucket: self._row(moments) for bucket, moments in steps.items()}

    def _row(self, moments: list[int]) -> tuple[float, ...]:
        found = [self.values[moment] for moment in moments]
        total = sum(found)
        if self.kind is SeriesKind.COUNTER:
            total = sum(self._rise(moment) for moment in moments)
        return len(found), min(found), max(found), total, found[-1]

    def _rise(self, moment: int) -> float:
        # What was more than a window ago says nothing of how much it rose since.
        first = (moment // WINDOW_MS - 1) * WINDOW_MS
        before = [each for each in self.values if first <= each < moment]
        if not before:
            return 0
        last = self.values[max(before)]
        return self.values[moment] - last if self.values[moment] >= last else self.values[moment]


WRITES = st.lists(
    st.lists(st.tuples(st.integers(0, 4 * 7200), st.integers(0, 1000)), min_size=1, max_size=12),
    min_size=1,
    max_size=5,
)


@given(WRITES, st.sampled_from([SeriesKind.GAUGE, SeriesKind.COUNTER]), st.data())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_roll_ups_equal_a_naive_recomputation(
    store: Store, writes: list[list[tuple[int, int]]], kind: SeriesKind, data: st.DataObject
) -> None:
    # Late samples, duplicates, and sealing at any time between.
    name = f"n{store.count(schema.series)}"
    naive = Naive(kind, {})
    for batch in writes:
        write(store, [sample(second, value, name, kind=kind) for second, value in batch])
        naive.values |= {to_ms(at(second)): float(value) for second, value in batch}
        run(store, at(data.draw(st.integers(0, 6 * 7200))))
    run(store, at(10 * 7200))

    for step in (TEN_MINUTES, HOUR, DAY):
        assert rolled(store.engine, step, name) == naive.rolled(step)
    assert values(store, name=name) == [naive.values[each] for each in sorted(naive.values)]


def drop_old(store: Store, oldest: datetime) -> None:
    """What retention does with the details: windows that are past their days go whole."""
    with store.engine.begin() as connection:
        old = schema.chunks.c.window < to_ms(oldest) // WINDOW_MS
        connection.execute(schema.chunks.delete().where(old))


@given(WRITES, st.sampled_from([SeriesKind.GAUGE, SeriesKind.COUNTER]), st.data())
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_roll_ups_equal_a_naive_recomputation_while_the_samples_under_them_go(
    store: Store, writes: list[list[tuple[int, int]]], kind: SeriesKind, data: st.DataObject
) -> None:
    # Late samples into the oldest window that is kept, with nothing left of those before it.
    name = f"n{store.count(schema.series)}"
    naive = Naive(kind, {})
    now = 0
    for batch in writes:
        now += data.draw(st.integers(0, 2 * 7200))
        oldest = at(now - 2 * 7200)
        taken = [(second, value) for second, value in batch if at(second) >= oldest]
        write(store, [sample(second, value, name, kind=kind) for second, value in taken])
        naive.values |= {to_ms(at(second)): float(value) for second, value in taken}
        run(store, at(6 * 7200), oldest)
        drop_old(store, oldest)

    for step in (TEN_MINUTES, HOUR, DAY):
        assert rolled(store.engine, step, name) == naive.rolled(step)


def test_a_late_sample_never_lowers_what_a_counter_rose_by_samples_that_are_gone(
    store: Store,
) -> None:
    kind = SeriesKind.COUNTER
    write(store, [sample(7100, 10, kind=kind), sample(7210, 50, kind=kind)])
    run(store, at(4 * 7200))
    drop_old(store, at(7300))
    with store.engine.begin() as connection:
        # Where roll-ups are kept no longer than samples, the one before is gone as well.
        first = to_ms(START) // 3_600_000
        connection.execute(
            schema.rollups.delete().where(
                schema.rollups.c.step == HOUR, schema.rollups.c.bucket < first + 2
            )
        )
        connection.execute(schema.rollups.delete().where(schema.rollups.c.step == TEN_MINUTES))

    write(store, [sample(7400, 55, kind=kind)])
    run(store, at(4 * 7200), at(7300))

    hours = rolled(store.engine, HOUR)
    assert (hours[first + 2][0], hours[first + 2][3]) == (2, 40)
    assert rolled(store.engine, DAY)[first // 24][0] == 2


def test_roll_ups_of_samples_that_are_gone_are_not_written_over_by_what_is_left(
    store: Store,
) -> None:
    write(store, [sample(0, 1), sample(60, 3), sample(120, 5)])
    run(store, at(9000))
    before = rolled(store.engine, HOUR)
    with store.engine.begin() as connection:
        connection.execute(schema.chunks.delete())

    write(store, [sample(30, 100)])
    run(store, at(9000))

    assert rolled(store.engine, HOUR) == before


# ── Reading for charts ──────────────────────────────────────────────────────────────────────────


def chart(store: Store, start: float, end: float, now: float, width: int = 1000) -> Any:
    with store.reading() as connection:
        [key] = connection.scalars(select(schema.series.c.id))
        return query(connection, key, at(start), at(end), width, ladder(30, 365), at(now))


def test_a_peak_survives_thinning(store: Store) -> None:
    told = [sample(second, 1.0) for second in range(0, 20_000, 10)]
    told[777] = sample(7770, 99.0)
    told[1500] = sample(15_000, -99.0)
    write(store, told)

    found = chart(store, 0, 20_000, 20_000, 200)

    assert len(found.at) <= 200
    assert (found.high.max(), found.low.min()) == (99.0, -99.0)
    assert (found.samples, found.step_ms, found.level_s) == (2000, 10_000, 0)


def test_a_gap_is_an_empty_point(store: Store) -> None:
    write(store, [sample(second, 1.0) for second in (0, 10, 20, 30, 300, 310, 320)])

    found = chart(store, 0, 1000, 1000)

    assert [math.isnan(each) for each in found.low] == [False] * 4 + [True] + [False] * 3
    assert found.at[4] == to_ms(at(165))


def test_an_old_range_is_read_from_roll_ups_with_its_extremes(store: Store) -> None:
    write(store, [sample(second, second % 600) for second in range(0, 7200, 60)])
    run(store, at(9000))
    write(store, [sample(7200, 5)])

    found = chart(store, 0, 7800, 31.5 * DAY)

    assert found.level_s == TEN_MINUTES
    assert set(found.low[:12].tolist()) == {0}
    assert set(found.high[:12].tolist()) == {540}
    # What is not sealed yet is rolled up on the way.
    assert (found.low[-1], found.high[-1], found.samples) == (5, 5, 121)


def test_a_damaged_chunk_is_a_gap_that_is_told_and_spoils_nothing_else(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    write(store, [sample(0, 1), sample(60, 3), sample(7200, 7)])
    run(store, at(4 * 7200))
    before = rolled(store.engine, DAY)
    with store.engine.begin() as connection:
        first = connection.scalar(select(func.min(schema.chunks.c.window)))
        one = update(schema.chunks).where(schema.chunks.c.window == first)
        connection.execute(one.values(data=b"\x09"))

    assert values(store) == [7]
    assert "a chunk is damaged" in capsys.readouterr().out
    write(store, [sample(30, 10)])
    run(store, at(4 * 7200))

    assert values(store) == [10, 7]
    assert rolled(store.engine, DAY) == before


def test_sums_of_huge_values_stay_numbers(store: Store) -> None:
    huge = [(second, 1e308) for second in (0, 60, 120)]
    write(store, [sample(second, value) for second, value in huge])
    write(store, [sample(second + 3600, -value) for second, value in huge])

    run(store, at(9000))

    [day] = rolled(store.engine, DAY).values()
    assert (day[0], day[1], day[2]) == (6, -1e308, 1e308)
    assert math.isfinite(day[3])
