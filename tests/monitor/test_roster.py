"""Slots, phases and the opening order of checks."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.facts import CheckState
from monitor.roster import Roster, Watch, next_slot, opening_order, phase, slots
from tests.monitor.stand_ins import START, watched


def watch(name: str, age_s: float | None = None) -> Watch:
    last = None if age_s is None else START - timedelta(seconds=age_s)
    return Watch(watched=watched(name), state=CheckState(check=name, last_at=last))


@given(st.text(min_size=1), st.integers(1, 86_400), st.integers(0, 10**9))
def test_the_next_slot_lies_ahead_by_at_most_one_interval(
    name: str, interval: int, offset: int
) -> None:
    now = START + timedelta(seconds=offset)

    slot = next_slot(name, interval, now)

    assert timedelta(0) < slot - now <= timedelta(seconds=interval)
    assert next_slot(name, interval, slot) == slot + timedelta(seconds=interval)


def test_the_phase_of_a_check_is_the_same_in_every_process() -> None:
    assert phase("shop-db", 30) == 7


def test_checks_of_one_interval_and_phase_share_one_timer() -> None:
    found = slots([watch(f"check-{number}") for number in range(300)])

    assert len(found) <= 30
    assert sum(len(names) for names in found.values()) == 300


def test_after_a_start_the_stalest_check_runs_first() -> None:
    order = opening_order([watch("fresh", 1), watch("old", 500), watch("never")], 10)

    assert [name for _, name in order] == ["never", "old", "fresh"]


def test_a_large_roster_opens_within_the_spread_and_not_at_once() -> None:
    order = opening_order([watch(f"check-{number}") for number in range(2_000)], 10)

    assert order[-1][0] < 10
    assert order[1_000][0] > 4


def test_a_very_large_roster_opens_no_faster_than_the_loop_can_follow() -> None:
    order = opening_order([watch(f"check-{number}") for number in range(10_000)], 10)

    assert 30 < order[-1][0] < 60


def test_a_parent_that_is_paused_or_stale_is_idle_to_its_children() -> None:
    paused = Watch(watched=watched("a", enabled=False), state=CheckState(check="a"))
    stale = watch("b")
    stale.due = START - timedelta(minutes=2)
    child = Watch(watched=watched("c", depends_on=(("a",), ("b",))), state=CheckState(check="c"))

    views = Roster([paused, stale, child]).parents(child, START)

    assert views["a"].idle
    assert views["b"].idle
