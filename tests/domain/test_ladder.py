"""Which resolution a chart is read at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.ladder import DAY, HOUR, SAMPLES, TEN_MINUTES, Level, choose, ladder

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAILY = 8_640.0


def test_the_default_ladder_is_thirty_days_ninety_days_a_year_and_five() -> None:
    assert ladder(30, 365) == (
        Level(step_s=SAMPLES, days=30),
        Level(step_s=TEN_MINUTES, days=90),
        Level(step_s=HOUR, days=365),
        Level(step_s=DAY, days=1825),
    )


@pytest.mark.parametrize(("raw", "aggregates"), [(1, 1), (400, 30), (36500, 36500), (7, 10)])
def test_no_level_is_kept_for_less_long_than_a_finer_one(raw: int, aggregates: int) -> None:
    days = [level.days for level in ladder(raw, aggregates)]

    assert days == sorted(days)
    assert days[0] == raw


@pytest.mark.parametrize(
    ("days_ago", "length_days", "step"),
    [
        (1, 1, SAMPLES),
        (30, 30, SAMPLES),
        (31, 1, TEN_MINUTES),
        (90, 90, TEN_MINUTES),
        (91, 7, HOUR),
        (365, 365, HOUR),
        (366, 1, DAY),
        (4000, 4000, DAY),
    ],
)
def test_the_finest_level_that_still_holds_the_start_is_read(
    days_ago: int, length_days: int, step: int
) -> None:
    start = NOW - timedelta(days=days_ago)
    end = start + timedelta(days=length_days)

    assert choose(ladder(30, 365), start, end, NOW, DAILY).step_s == step


def test_samples_by_the_second_over_a_month_are_too_many_to_read() -> None:
    start = NOW - timedelta(days=30)

    assert choose(ladder(30, 365), start, NOW, NOW, 86_400).step_s == TEN_MINUTES
    assert choose(ladder(30, 365), NOW - timedelta(days=4), NOW, NOW, 86_400).step_s == SAMPLES
