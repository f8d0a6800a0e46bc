"""When cron jobs run, also where clocks are put forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cron import next_run

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
# From here the days with a change of clocks in those zones lie within a year.
YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def runs(expression: str, zone: str, start: datetime, count: int) -> list[datetime]:
    found = []
    for _ in range(count):
        start = next_run(expression, zone, start)
        found.append(start)
    return found


def test_a_time_in_the_gap_is_at_its_end() -> None:
    night = datetime(2026, 3, 28, 12, tzinfo=UTC)

    first, second = runs("30 2 * * *", "Europe/Berlin", night, 2)

    assert first == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert first.astimezone(BERLIN).hour == 3
    assert second == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)


def test_a_time_that_comes_twice_counts_the_first_time() -> None:
    night = datetime(2026, 10, 24, 12, tzinfo=UTC)

    first, second = runs("30 2 * * *", "Europe/Berlin", night, 2)

    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert second == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_a_job_of_every_hour_runs_in_both_hours_of_the_fold() -> None:
    night = datetime(2026, 10, 24, 23, 45, tzinfo=UTC)

    found = runs("30 * * * *", "Europe/Berlin", night, 3)

    assert [later - sooner for sooner, later in pairwise(found)] == [
        timedelta(hours=1),
        timedelta(hours=1),
    ]


@given(
    st.integers(0, 59),
    st.integers(0, 23),
    st.sampled_from(ZONES),
    st.integers(0, 365 * 24 * 60),
)
def test_a_daily_job_runs_once_on_each_day_of_its_zone(
    minute: int, hour: int, zone: str, offset: int
) -> None:
    start = YEAR + timedelta(minutes=offset)

    found = runs(f"{minute} {hour} * * *", zone, start, 3)

    local = [each.astimezone(ZoneInfo(zone)) for each in found]
    assert found[0] > start
    assert [day.date() - local[0].date() for day in local] == [timedelta(days=n) for n in range(3)]
    for each in local:
        wanted = each.replace(hour=hour, minute=minute, fold=0)
        exists = wanted.astimezone(UTC).astimezone(ZoneInfo(zone)).time() == wanted.time()
        before = (each.astimezone(UTC) - timedelta(minutes=1)).astimezone(ZoneInfo(zone))
        # Only a gap moves it, to its end.
        assert exists == ((each.hour, each.minute) == (hour, minute))
        assert exists or before.utcoffset() != each.utcoffset()


@pytest.mark.parametrize(
    "expression", ["", "0 3 * *", "61 * * * *", "a b c d e", "* * * * * *", "0 0 30 2 *", "@daily"]
)
def test_what_is_no_cron_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"cron|five fields|never"):
        next_run(expression, "UTC", YEAR)
