"""The monitor's own vital signs: lag, clock steps, sleep."""

from __future__ import annotations

from datetime import datetime, timedelta

from monitor.selfwatch import BEAT_S, SelfWatch, Tick, Vitals, next_beat, vitals
from tests.monitor.stand_ins import START


def tick(wall_s: float, monotonic: float) -> Tick:
    return Tick(wall=START + timedelta(seconds=wall_s), monotonic=monotonic)


def test_a_steady_clock_has_neither_lag_nor_step() -> None:
    found = vitals(tick(0, 100), tick(2, 102))

    assert found == Vitals(lag_ms=0, step_s=0)
    assert not found.stepped
    assert not found.slept


def test_a_clock_set_back_an_hour_is_a_step() -> None:
    assert vitals(tick(0, 100), tick(-3598, 102)).stepped


def test_a_frozen_process_slept_and_its_clock_did_not_step() -> None:
    found = vitals(tick(0, 100), tick(60, 160))

    assert found.slept
    assert not found.stepped
    assert found.lag_ms == 58_000


def test_each_tick_beats_and_a_step_is_told_once() -> None:
    looks = iter([tick(0, 0), tick(2, 2), tick(3604, 4), tick(3606, 6)])
    beats: list[datetime] = []
    steps: list[Vitals] = []
    watch = SelfWatch(
        lambda: next(looks), beat=lambda at, lag: beats.append(at), stepped=steps.append
    )

    for _ in range(4):
        watch.tick()

    assert len(beats) == 4
    assert [round(step.step_s) for step in steps] == [3600]


def test_a_process_that_is_late_because_it_has_too_much_to_do_did_not_sleep() -> None:
    busy = Tick(wall=START + timedelta(seconds=60), monotonic=160, cpu_s=30)

    assert not vitals(tick(0, 100), busy).slept


def test_a_beat_lies_ahead_and_all_that_asked_since_the_last_one_are_given_the_same() -> None:
    assert next_beat(100.0) == next_beat(101.5) == 100.0 + BEAT_S
    # One that comes a moment too early does not come twice.
    assert next_beat(101.999_999) == 104.0


def test_a_loop_that_is_always_as_late_lags_though_its_ticks_are_evenly_apart() -> None:
    looks = iter([tick(0, 101.5), tick(2, 103.5)])
    lags: list[float] = []
    watch = SelfWatch(
        lambda: next(looks),
        beat=lambda at, found: lags.append(found.lag_ms),
        stepped=lambda _: None,
    )

    watch.tick()
    watch.tick(due=102.0)

    assert lags == [0, 1_500]
