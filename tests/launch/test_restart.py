"""When a process that ended starts again."""

from __future__ import annotations

from launch.restart import Life, next_restart


def delays(*lengths: float) -> list[float]:
    history: list[Life] = []
    found = []
    for length in lengths:
        history.append(Life(0.0, length))
        found.append(next_restart(history, 100.0) - 100.0)
    return found


def test_short_lives_in_a_row_double_the_pause_up_to_thirty_seconds() -> None:
    assert delays(1, 1, 1, 1, 1, 1, 1, 1, 1) == [1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_a_minute_of_life_forgets_what_was_before() -> None:
    assert delays(1, 1, 60, 1, 1) == [1, 2, 1, 1, 2]


def test_a_process_without_a_past_starts_after_one_second() -> None:
    assert next_restart([], 5.0) == 6.0
