"""What a rule says of a series: holding, clearing, missing data, rates, absence, and its sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alertrules import AlertRule
from domain.facts import Status
from domain.rulestate import RuleState, elapse, next_moment, observe, resume
from domain.ruletable import read_rule

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
H, W, U, C = Status.HEALTHY, Status.WARNING, Status.UNKNOWN, Status.CRITICAL


def rule(**keys: Any) -> AlertRule:
    keys = {"for" if key == "hold" else key: value for key, value in keys.items()}
    table = {"id": "cpu", "title": "CPU", "metric": "cpu.percent", "operator": "gt", **keys}
    if not keys.keys() & {"warning", "critical", "kind"}:
        table |= {"warning": 70, "critical": 85}
    return read_rule({key: value for key, value in table.items() if value is not None})


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def fed(
    a_rule: AlertRule, values: Iterable[float], start: float = 0, state: RuleState | None = None
) -> RuleState:
    """The state after values that come every 10 s."""
    state = state or RuleState(rule=a_rule.id)
    for index, value in enumerate(values):
        state = observe(a_rule, state, at(start + 10 * index), value)
    return state


def levels(a_rule: AlertRule, values: Iterable[float]) -> list[Status]:
    """The level after each of the values that come every 10 s."""
    state, found = RuleState(rule=a_rule.id), []
    for index, value in enumerate(values):
        state = observe(a_rule, state, at(10 * index), value)
        found.append(state.level)
    return found


def test_a_series_that_was_never_seen_is_healthy_and_says_no_data_yet() -> None:
    state = RuleState(rule="cpu")

    assert (state.level, state.message, state.since) == (H, "no data yet", None)
    assert next_moment(rule(), state) is None
    assert elapse(rule(), state, at(10_000)) == state


def test_without_a_duration_a_level_fires_at_once_and_ends_at_once() -> None:
    assert levels(rule(), [50, 75, 90, 75, 50]) == [H, W, C, W, H]


def test_a_level_fires_once_it_has_held_for_its_time() -> None:
    assert levels(rule(hold="30s"), [75, 75, 75, 75]) == [H, H, H, W]


def test_one_good_value_begins_the_time_anew() -> None:
    assert levels(rule(hold="20s"), [75, 75, 50, 75, 75, 75]) == [H, H, H, H, H, W]


def test_warning_and_critical_both_count_towards_the_time_of_a_warning() -> None:
    assert levels(rule(hold="30s"), [75, 90, 75, 90]) == [H, H, H, W]


def test_a_critical_needs_its_own_time_also_while_a_warning_fires() -> None:
    assert levels(rule(hold="20s"), [75, 75, 75, 90, 90, 90]) == [H, H, W, W, W, C]


def test_it_is_known_since_when_it_is_at_least_a_warning_and_since_when_critical() -> None:
    state = fed(rule(hold="5m"), [50, 75, 75, 90, 90])

    assert (state.warning_since, state.critical_since) == (at(10), at(30))
    assert (state.pending, state.pending_since, state.is_pending) == (C, at(30), True)


def test_a_firing_level_ends_only_when_it_has_been_clear_long_enough() -> None:
    a_rule = rule(keep_firing_for="20s")

    assert levels(a_rule, [90, 50, 50, 90, 50, 50, 50]) == [C, C, C, C, C, C, H]


def test_a_critical_falls_to_a_warning_by_the_same_time() -> None:
    assert levels(rule(keep_firing_for="20s"), [90, 75, 75, 75]) == [C, C, C, W]


def test_it_is_known_since_when_it_is_clearing() -> None:
    state = fed(rule(keep_firing_for="5m"), [90, 90, 50, 50])

    assert (state.level, state.clearing_since) == (C, at(20))


def test_time_alone_ends_what_has_been_clear_long_enough() -> None:
    a_rule = rule(keep_firing_for="15s")
    state = fed(a_rule, [90, 50])

    assert next_moment(a_rule, state) == at(25)
    assert elapse(a_rule, state, at(24)).level is C
    assert elapse(a_rule, state, at(26)).level is H
    assert elapse(a_rule, state, at(26)).since == at(25)


def test_a_level_that_fires_stays_between_its_clear_level_and_itself() -> None:
    a_rule = rule(clear_warning=60, clear_critical=80)

    assert levels(a_rule, [65, 75, 65, 60]) == [H, W, W, H]
    assert levels(a_rule, [90, 82, 80]) == [C, C, W]


def test_a_level_that_is_only_pending_has_no_clear_level_yet() -> None:
    assert levels(rule(clear_warning=60, hold="20s"), [75, 65, 75, 75]) == [H, H, H, H]


def test_nan_never_compares_true_but_counts_as_data() -> None:
    a_rule = rule(operator="ne", critical=1, warning=None)
    state = fed(a_rule, [2, math.nan])

    assert state.level is H
    assert state.last_at == at(10)
    assert "is not a number" in state.message
    assert next_moment(a_rule, state) == at(30)


def test_data_is_missing_after_two_intervals_and_not_after_one() -> None:
    state = fed(rule(), [50])

    assert next_moment(rule(), state) == at(20)
    assert elapse(rule(), state, at(19.9)).level is H
    gone = elapse(rule(), state, at(20))
    assert (gone.level, gone.since) == (U, at(20))
    assert gone.message == "CPU: no data since 2026-03-01 12:00:00 UTC"
    assert next_moment(rule(), gone) is None


def test_a_single_lost_sample_is_no_gap() -> None:
    state = fed(rule(hold="30s"), [75])
    state = observe(rule(hold="30s"), state, at(20), 75)

    assert state.pending_since == START


@pytest.mark.parametrize(("policy", "level"), [("unknown", U), ("ignore", W), ("alert", C)])
def test_missing_data_says_what_the_policy_says_of_a_warning(policy: str, level: Status) -> None:
    a_rule = rule(missing=policy)

    gone = elapse(a_rule, fed(a_rule, [75]), at(3600))

    assert gone.level is level


def test_ignored_missing_data_keeps_its_sentence() -> None:
    a_rule = rule(missing="ignore")

    assert elapse(a_rule, fed(a_rule, [75]), at(3600)).message == "CPU 75 %, expected ≤ 70 %"


@pytest.mark.parametrize("policy", ["unknown", "ignore", "alert"])
def test_data_that_comes_back_ends_what_was_missing(policy: str) -> None:
    a_rule = rule(missing=policy)
    gone = elapse(a_rule, fed(a_rule, [50]), at(3600))

    back = observe(a_rule, gone, at(3600), 50)

    assert (back.level, back.course.silent) == (H, False)


def test_a_gap_breaks_what_was_held() -> None:
    a_rule = rule(hold="20s")

    state = fed(a_rule, [75, 75])
    state = observe(a_rule, state, at(60), 75)

    assert (state.level, state.pending_since) == (H, at(60))


def test_a_gap_does_not_end_what_fires() -> None:
    a_rule = rule(hold="20s", keep_firing_for="30s")
    fires = fed(a_rule, [90, 90, 90])

    gone = elapse(a_rule, fires, at(300))
    back = observe(a_rule, gone, at(300), 90)

    assert [fires.level, gone.level, back.level] == [C, C, C]


def test_unmeasured_time_does_not_count_as_clear() -> None:
    a_rule = rule(keep_firing_for="1m")
    clearing = fed(a_rule, [90, 50])

    back = observe(a_rule, clearing, at(300), 50)

    assert (back.level, back.clearing_since) == (C, at(300))


def test_late_samples_change_nothing() -> None:
    state = fed(rule(), [50, 75])

    assert observe(rule(), state, at(10), 99) is state
    assert observe(rule(), state, at(5), 99) is state


def test_a_time_that_is_over_well_before_the_next_sample_fires_by_itself() -> None:
    a_rule = rule(hold="1m", interval="5m")
    state = observe(a_rule, RuleState(rule="cpu"), START, 75)

    assert next_moment(a_rule, state) == at(60)
    assert (elapse(a_rule, state, at(60)).level, elapse(a_rule, state, at(60)).since) == (W, at(60))


def test_a_time_that_ends_with_the_next_sample_waits_for_it() -> None:
    a_rule = rule(hold="10s")
    state = fed(a_rule, [75])

    assert next_moment(a_rule, state) == at(20)
    assert elapse(a_rule, state, at(15)).level is H
    assert observe(a_rule, state, at(10), 50).level is H


@pytest.mark.parametrize("phase", range(10))
@pytest.mark.parametrize("length", [10, 35, 60])
def test_bursts_of_up_to_a_minute_never_fire_a_rule_that_must_hold_for_one(
    phase: int, length: int
) -> None:
    a_rule = rule(hold="1m")

    values = [99.0 if phase <= 10 * index < phase + length else 10.0 for index in range(30)]

    assert set(levels(a_rule, values)) == {H}


def test_evaluation_that_goes_on_after_a_pause_waits_for_data_anew() -> None:
    pending, fires = fed(rule(hold="1m"), [75, 75]), fed(rule(), [90])

    resumed = resume(rule(hold="1m"), pending, at(600))
    still = resume(rule(), fires, at(600))

    assert (resumed.is_pending, still.level) == (False, C)
    assert next_moment(rule(), still) == at(620)
    assert elapse(rule(), still, at(620)).message.endswith("no data since 2026-03-01 12:00:00 UTC")


def test_a_short_pause_breaks_nothing() -> None:
    a_rule = rule(hold="1m")

    assert resume(a_rule, fed(a_rule, [75, 75]), at(20)).pending_since == START


def test_silence_counts_on_after_a_pause_without_the_time_of_the_pause() -> None:
    a_rule = absence(hold="5m")
    before = fed(a_rule, [1])

    # Heard at 0 s, nobody looked from 200 s to 900 s: 100 s of silence are left.
    resumed = resume(a_rule, before, at(900), stopped=at(200))

    assert next_moment(a_rule, resumed) == at(1000)
    assert elapse(a_rule, resumed, at(999)).level is H
    assert elapse(a_rule, resumed, at(1000)).level is C


def test_pauses_one_after_the_other_never_put_an_absence_off_for_good() -> None:
    a_rule = absence(hold="5m")
    state = fed(a_rule, [1])

    for start in range(60, 600, 60):
        state = resume(a_rule, elapse(a_rule, state, at(start)), at(start + 1), stopped=at(start))

    assert state.level is C


def test_going_on_without_a_pause_changes_nothing() -> None:
    for a_rule, values in ((rule(hold="1m"), [75.0, 75.0]), (absence(), [1.0])):
        before = fed(a_rule, values)

        assert resume(a_rule, before, at(600), stopped=at(600)) == before


def test_since_is_when_the_level_began() -> None:
    assert fed(rule(), [50, 75, 75, 75]).since == at(10)
    assert fed(rule(), [50, 75, 90, 95]).since == at(20)


# ── Absence ─────────────────────────────────────────────────────────────────────────────────────


def absence(**keys: Any) -> AlertRule:
    given = {"kind": "absence", "hold": "5m", "operator": None, "title": "Backup", **keys}
    return rule(**given)


def test_an_absence_fires_when_there_is_no_sample_for_its_time() -> None:
    state = fed(absence(), [1])

    assert next_moment(absence(), state) == at(300)
    assert elapse(absence(), state, at(299)).level is H
    gone = elapse(absence(), state, at(300))
    assert (gone.level, gone.message) == (C, "Backup: no data since 2026-03-01 12:00:00 UTC")


def test_an_absence_ends_with_the_first_sample_whatever_its_value() -> None:
    gone = elapse(absence(), fed(absence(), [1]), at(1000))

    back = observe(absence(), gone, at(1000), math.nan)

    assert (back.level, back.message) == (H, "Resolved: Backup: data comes in")


def test_what_never_came_is_absent_once_it_was_waited_for() -> None:
    first = elapse(absence(), RuleState(rule="cpu"), START)

    assert (first.level, first.message) == (H, "no data yet")
    gone = elapse(absence(), first, at(300))
    assert (gone.level, gone.message) == (C, "Backup: no data yet, expected within 5 min")


# ── Rates ───────────────────────────────────────────────────────────────────────────────────────


def rate(**keys: Any) -> AlertRule:
    return rule(**{"kind": "rate", "window": "10m", "title": "Disk", **keys})


def test_a_rate_is_the_change_of_the_metric_in_an_hour() -> None:
    a_rule = rate(warning=5)

    state = fed(a_rule, [10 + 0.1 * index for index in range(40)])

    assert (state.level, state.message) == (W, "Disk 36 %/h, expected ≤ 5 %/h")


def test_a_rate_says_nothing_before_half_its_window_is_there() -> None:
    a_rule = rate(warning=5)

    state = fed(a_rule, [10.0 + index for index in range(30)])

    assert (state.level, state.is_pending) == (H, False)
    assert state.message == "Disk: not enough data yet to tell where it goes"
    assert fed(a_rule, [10.0 + index for index in range(31)]).level is W


def soon(**keys: Any) -> AlertRule:
    return rate(operator="lt", reaches=100, warning=24, critical=4, **keys)


@pytest.mark.parametrize(
    ("start", "per_hour", "level"), [(50, 1, H), (50, 5, W), (50, 20, C), (50, -20, H), (50, 0, H)]
)
def test_with_a_target_the_hours_until_it_is_reached_are_judged(
    start: float, per_hour: float, level: Status
) -> None:
    state = fed(soon(), [start + per_hour * index / 360 for index in range(61)])

    assert state.level is level


def test_what_is_at_its_target_or_went_past_it_has_reached_it() -> None:
    full = fed(soon(), [100.0] * 61)
    past = fed(rate(operator="lt", reaches=50, critical=4), [45 + index / 6 for index in range(61)])

    assert (full.level, past.level) == (C, C)


def test_the_sentence_of_a_target_tells_hours() -> None:
    state = fed(soon(), [50 + index / 18 for index in range(61)])
    away = fed(soon(), [50.0] * 61)

    assert state.message == "Disk: it reaches 100 % in 2.3 h, expected ≥ 4 h"
    assert away.message == "Disk: it does not move towards 100 %"


def test_the_points_of_a_rate_are_few_and_lie_within_its_window() -> None:
    a_rule = rate(warning=5, window="1h")

    state = fed(a_rule, [float(index % 7) for index in range(1000)])

    assert len(state.points) <= 61
    assert state.last_at is not None
    assert min(state.points)[0] >= (state.last_at - timedelta(hours=1)).timestamp() * 1e6


def test_values_that_are_not_finite_are_no_points_of_a_rate() -> None:
    state = fed(rate(warning=5), [math.nan, math.inf, 1.0])

    assert [value for _, value in state.points] == [1.0]
    assert fed(rate(warning=5), [math.inf]).last_value is None


# ── Sentences ───────────────────────────────────────────────────────────────────────────────────


def test_a_pending_level_says_how_long_it_has_held() -> None:
    message = fed(rule(hold="1m"), [93, 93, 93]).message

    assert message == "CPU 93 %, expected ≤ 85 %, for 20 s of 1 min"


def test_what_clears_says_how_long_it_has_been_clear() -> None:
    message = fed(rule(keep_firing_for="1m"), [93, 40, 40]).message

    assert message == "CPU 40 %, clear for 10 s of 1 min"


def test_what_is_over_says_so() -> None:
    state = fed(rule(), [93, 40])

    assert state.message == "Resolved: CPU 40 %"
    assert observe(rule(), state, at(20), 41).message == "CPU 41 %"


def test_the_rules_own_message_stands_before_the_sentence_while_it_fires() -> None:
    a_rule = rule(message="The shop will be slow")

    assert fed(a_rule, [93]).message == "The shop will be slow: CPU 93 %, expected ≤ 85 %"
    assert fed(a_rule, [40]).message == "CPU 40 %"


def test_the_sentence_names_the_series() -> None:
    state = RuleState(rule="cpu", labels=(("mount", "/home"),))

    assert observe(rule(title="Disk"), state, START, 50).message == "Disk (/home) 50 %"


# ── Properties ──────────────────────────────────────────────────────────────────────────────────

HISTORY = st.lists(
    st.tuples(
        st.sampled_from([1.0, 10.0, 20.0, 20.5, 45.0]),
        st.sampled_from([50.0, 65.0, 75.0, 90.0, math.nan]),
    ),
    max_size=25,
)
RULES = st.builds(
    rule,
    hold=st.sampled_from(["0s", "4s", "20s", "1m"]),
    keep_firing_for=st.sampled_from(["0s", "7s", "40s"]),
    clear_warning=st.sampled_from([None, 60]),
    missing=st.sampled_from(["unknown", "ignore", "alert"]),
    warning=st.just(70),
    critical=st.just(85),
)


@given(a_rule=RULES, history=HISTORY, looks=st.lists(st.floats(0.1, 0.9), max_size=3))
def test_looking_more_often_changes_nothing(
    a_rule: AlertRule, history: list[tuple[float, float]], looks: list[float]
) -> None:
    plain = watched = RuleState(rule="cpu")
    now = 0.0
    for pause, value in history:
        for share in sorted(looks):
            watched = elapse(a_rule, watched, at(now + share * pause))
        now += pause
        plain = observe(a_rule, plain, at(now), value)
        watched = observe(a_rule, watched, at(now), value)

        assert watched == plain


@given(a_rule=RULES, history=HISTORY)
def test_a_state_survives_its_row(a_rule: AlertRule, history: list[tuple[float, float]]) -> None:
    state, now = RuleState(rule="cpu", labels=(("a", "b"),)), 0.0
    for pause, value in history:
        now += pause
        state = observe(a_rule, state, at(now), value)

    assert msgspec.convert(msgspec.to_builtins(state), RuleState) == state
    assert msgspec.json.decode(msgspec.json.encode(state), type=RuleState) == state


@given(a_rule=RULES, history=HISTORY)
def test_the_next_moment_is_always_to_come_and_always_changes_something(
    a_rule: AlertRule, history: list[tuple[float, float]]
) -> None:
    state, now = RuleState(rule="cpu"), 0.0
    for pause, value in history:
        now += pause
        state = observe(a_rule, state, at(now), value)

        due = next_moment(a_rule, state)
        assert due is not None
        assert due > at(now)
        assert elapse(a_rule, state, due).course != state.course
