"""Back-tests against a replay of the live evaluator, sample by sample and moment by moment."""

from __future__ import annotations

import math
import random
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.alertrules import AlertRule, RuleKind
from domain.backtest import Stretch, backtest
from domain.course import EPOCH, micros
from domain.facts import Status
from domain.rates import judged
from domain.rulestate import RuleState, elapse, next_moment, observe
from domain.ruletable import read_rule

START = datetime(2026, 3, 1, tzinfo=UTC)
W, U, C = Status.WARNING, Status.UNKNOWN, Status.CRITICAL
Series = list[tuple[datetime, float]]
OPERATORS = ("gt", "gte", "lt", "lte", "eq", "ne")


def rule(**keys: Any) -> AlertRule:
    keys = {"for" if key == "hold" else key: value for key, value in keys.items()}
    return read_rule({"id": "cpu", "metric": "cpu.percent", "operator": "gt", **keys})


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def every_10_s(values: list[float]) -> Series:
    return [(at(10 * index), value) for index, value in enumerate(values)]


def replayed(
    rule: AlertRule, samples: Series, start: datetime, end: datetime, *, known: bool = False
) -> list[Stretch]:
    """What `observe` and `elapse` say, written down without any of the back-test's code."""
    state = RuleState(rule=rule.id)
    if known:
        state = replace(state, course=state.course._replace(heard=micros(start)))
    changes: list[tuple[datetime, Status]] = []
    values: Series = []

    def pass_until(when: datetime) -> None:
        nonlocal state
        while (due := next_moment(rule, state)) is not None and due < when:
            state = elapse(rule, state, due)
            changes.append((due, state.level))

    for when, value in samples:
        if when > end or (state.last_at is not None and when <= state.last_at):
            continue
        pass_until(when)
        found = judged(rule, state.points, (when - EPOCH) // timedelta(microseconds=1), value)
        state = observe(rule, state, when, value)
        changes.append((when, state.level))
        values += [] if found is None else [(when, found)]
    pass_until(end)
    return stretches(rule, changes, values, start, end)


def stretches(
    rule: AlertRule,
    changes: list[tuple[datetime, Status]],
    values: Series,
    start: datetime,
    end: datetime,
) -> list[Stretch]:
    """The times between changes in which a level was said, with the worst value in each."""
    found: list[Stretch] = []
    moves = [(START - timedelta(days=1), Status.HEALTHY), *changes]
    edges = [
        move for index, move in enumerate(moves) if not index or move[1] != moves[index - 1][1]
    ]
    for index, (begins, level) in enumerate(edges):
        ends = edges[index + 1][0] if index + 1 < len(edges) else end
        first = max(begins, start)
        if level is Status.HEALTHY or first >= ends:
            continue
        inside = [value for when, value in values if first <= when and begins <= when < ends]
        if ends == end:
            inside += [value for when, value in values if when == end]
        found.append(Stretch(level=level, start=first, end=ends, peak=peak_of(rule, inside)))
    return found


def peak_of(rule: AlertRule, values: list[float]) -> float | None:
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers or rule.kind is RuleKind.ABSENCE:
        return None
    worst = {"gt": max, "gte": max, "lt": min, "lte": min}.get(rule.levels.operator.value)
    return None if worst is None else worst(numbers)


def test_a_back_test_counts_alerts_and_measures_them() -> None:
    samples = every_10_s([50, 75, 75, 90, 50, 50, 95, 50, 50])

    found = backtest(rule(warning=70, critical=85), samples, START, at(80))

    assert found.stretches == (
        Stretch(level=W, start=at(10), end=at(30), peak=75),
        Stretch(level=C, start=at(30), end=at(40), peak=90),
        Stretch(level=C, start=at(60), end=at(70), peak=95),
    )
    assert (found.count, found.total_s, found.longest_s, found.samples) == (2, 40, 30, 9)


def test_milliseconds_and_datetimes_say_the_same() -> None:
    samples = every_10_s([50, 75, 90, 50])
    in_ms = [(when.timestamp() * 1000, value) for when, value in samples]

    a_rule = rule(warning=70)

    assert backtest(a_rule, in_ms, START, at(60)) == backtest(a_rule, samples, START, at(60))


def test_what_still_fires_ends_with_the_time_that_is_asked_for() -> None:
    found = backtest(rule(warning=70), every_10_s([50, 75, 75]), START, at(25))

    assert [(each.start, each.end) for each in found.stretches] == [(at(10), at(25))]


def test_samples_before_the_start_prepare_the_ground_and_are_not_counted() -> None:
    samples = every_10_s([90, 75, 75, 50])

    found = backtest(rule(warning=70), samples, at(15), at(60))

    assert found.stretches[0] == Stretch(level=W, start=at(15), end=at(30), peak=75)
    assert found.samples == 2


def test_missing_data_is_told_as_it_would_have_been() -> None:
    samples = [(at(0), 50.0), (at(100), 50.0)]

    found = backtest(rule(warning=70), samples, START, at(110))

    assert found.stretches == (Stretch(level=U, start=at(20), end=at(100)),)


ABSENCE = read_rule({"id": "b", "metric": "backup", "kind": "absence", "for": "1m"})


def test_an_absence_is_found_between_samples_and_after_the_last_one() -> None:
    found = backtest(ABSENCE, [(at(0), 1.0), (at(90), 1.0)], START, at(200))

    assert [(each.start, each.end) for each in found.stretches] == [
        (at(60), at(90)),
        (at(150), at(200)),
    ]


@pytest.mark.parametrize("a_rule", [ABSENCE, rule(warning=70), rule(warning=70, missing="alert")])
def test_time_before_a_series_began_is_not_judged(a_rule: AlertRule) -> None:
    found = backtest(a_rule, [(at(900), 1.0), (at(910), 1.0)], START, at(920))

    assert (found.stretches, found.judged_from) == ((), at(900))


@pytest.mark.parametrize("a_rule", [ABSENCE, rule(warning=70)])
def test_of_what_was_never_measured_nothing_is_judged(a_rule: AlertRule) -> None:
    found = backtest(a_rule, [], START, at(100))

    assert (found.count, found.stretches, found.judged_from) == (0, (), None)


def test_what_was_measured_earlier_and_stays_away_is_missing_from_the_start() -> None:
    absent = backtest(ABSENCE, [], START, at(100), known=True)
    unknown = backtest(rule(warning=70), [(at(60), 1.0)], START, at(70), known=True)

    assert [(each.level, each.start, each.end) for each in absent.stretches] == [
        (C, at(60), at(100))
    ]
    assert [(each.level, each.start, each.end) for each in unknown.stretches] == [
        (U, at(20), at(60))
    ]
    assert (absent.judged_from, unknown.judged_from) == (START, START)


def test_no_samples_and_no_time_find_nothing() -> None:
    assert backtest(rule(warning=70), [], START, at(100)).count == 0
    assert backtest(rule(warning=70), every_10_s([90]), START, START).count == 0


LEVEL_SETS: list[dict[str, Any]] = [
    {"warning": 70, "critical": 85},
    {"warning": 70},
    {"critical": 85},
    {"warning": 70, "critical": 85, "clear_warning": 60, "clear_critical": 80},
    {"critical": 85, "clear_critical": 62},
    {"warning": 70, "critical": 70, "clear_warning": 60},
]


def oriented(levels: dict[str, Any], operator: str) -> dict[str, Any]:
    """The levels for an operator: mirrored where small values are bad."""
    if operator in ("lt", "lte"):
        return {key: 150 - value for key, value in levels.items()}
    return levels


def generated(seed: int) -> tuple[AlertRule, Series, datetime, datetime]:
    """A rule and a series of everything that happens: noise, bursts, gaps, NaN, late samples."""
    rnd = random.Random(seed)
    operator = rnd.choice(OPERATORS)
    a_rule = rule(
        operator=operator,
        **oriented(rnd.choice(LEVEL_SETS), operator),
        hold=rnd.choice(["0s", "0s", "4s", "20s", "30s", "2m"]),
        keep_firing_for=rnd.choice(["0s", "0s", "7s", "30s", "2m"]),
        missing=rnd.choice(["unknown", "ignore", "alert"]),
        interval=rnd.choice(["10s", "10s", "5s", "1m"]),
    )
    samples: Series = []
    now, value = rnd.uniform(-600, 0), 75.0
    for _ in range(rnd.choice([0, 1, 30, 400])):
        now += rnd.choice([10.0] * 30 + [0.0, -10.0, 3.3, 20.0, 20.000001, 35.0, 200.0])
        steps = [0.0] * 3 + [rnd.gauss(0, 8), rnd.gauss(75, 15) - value]
        value = min(120.0, max(0.0, round(value + rnd.choice(steps))))
        odd = rnd.choice([math.nan, math.inf, -math.inf, 70.0, 85.0, 60.0])
        samples.append((at(now), odd if rnd.random() < 0.08 else value))
    return a_rule, samples, START, at(rnd.choice([600.0, 3000.0, 5000.0]))


@pytest.mark.parametrize("seed", range(200))
def test_a_back_test_equals_a_replay_through_the_live_evaluator(seed: int) -> None:
    a_rule, samples, start, end = generated(seed)

    found = backtest(a_rule, samples, start, end)

    assert list(found.stretches) == replayed(a_rule, samples, start, end)


def test_the_generated_series_hold_what_they_are_meant_to_hold() -> None:
    found = [backtest(*generated(seed)) for seed in range(200)]
    levels = [each.level for one in found for each in one.stretches]

    assert sum(each.count for each in found) > 400
    assert {W, U, C} == set(levels)
    assert min(levels.count(level) for level in (W, U, C)) > 100


VALUES = st.sampled_from([50.0, 61.0, 65.0, 70.0, 75.0, 85.0, 90.0, math.nan])
STEPS = st.sampled_from([10.0, 10.0, 10.0, 5.0, 20.0, 20.5, 90.0, 0.0, -15.0])


@settings(max_examples=200)
@given(
    operator=st.sampled_from(OPERATORS),
    levels=st.sampled_from(LEVEL_SETS),
    hold=st.sampled_from(["0s", "4s", "20s", "1m"]),
    keep=st.sampled_from(["0s", "7s", "40s"]),
    missing=st.sampled_from(["unknown", "ignore", "alert"]),
    history=st.lists(st.tuples(STEPS, VALUES), max_size=60),
    length=st.integers(0, 700),
)
def test_any_history_replays_exactly(
    operator: str,
    levels: dict[str, Any],
    hold: str,
    keep: str,
    missing: str,
    history: list[tuple[float, float]],
    length: int,
) -> None:
    a_rule = rule(
        operator=operator,
        **oriented(levels, operator),
        hold=hold,
        keep_firing_for=keep,
        missing=missing,
    )
    samples, now = [], -60.0
    for step, value in history:
        now += step
        samples.append((at(now), value))

    found = backtest(a_rule, samples, START, at(length))

    assert list(found.stretches) == replayed(a_rule, samples, START, at(length))


@pytest.mark.parametrize("seed", range(20))
def test_rates_and_absences_replay_exactly_too(seed: int) -> None:
    _, samples, start, end = generated(seed)
    rate = read_rule(
        {
            "id": "r",
            "metric": "m.percent",
            "kind": "rate",
            "window": "3m",
            "warning": 100,
            "for": "20s",
        }
    )
    soon = read_rule(
        {
            "id": "s",
            "metric": "m.percent",
            "kind": "rate",
            "window": "3m",
            "reaches": 120,
            "warning": 1,
        }
    )
    absence = read_rule({"id": "a", "metric": "m.percent", "kind": "absence", "for": "25s"})

    for a_rule, known in product((rate, soon, absence), (True, False)):
        found = backtest(a_rule, samples, start, end, known=known)
        assert list(found.stretches) == replayed(a_rule, samples, start, end, known=known)


def test_thirty_days_at_10_s_are_back_tested_quickly() -> None:
    rnd = random.Random(7)
    origin = START.timestamp() * 1000
    daily = [45 + 20 * math.sin(index / 1375) for index in range(259_200)]
    samples = [
        (origin + 10_000 * index, value + rnd.gauss(0, 3)) for index, value in enumerate(daily)
    ]
    a_rule = rule(warning=70, critical=85, clear_warning=65, hold="1m", keep_firing_for="2m")

    began = time.thread_time()
    found = backtest(a_rule, samples, START, START + timedelta(days=30))
    took = time.thread_time() - began

    print(f"30 days at 10 s back-tested in {1000 * took:.0f} ms (limit 300 ms on a quiet machine)")
    assert found.samples == 259_200
    # Wide, for a machine that runs other tests beside this one.
    assert took < 5
