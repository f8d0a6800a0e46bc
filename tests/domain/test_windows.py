"""When maintenance windows begin and end, on ordinary days and on those of a clock that is set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.matching import Match, Subject
from domain.windows import (
    LAST_DAY,
    Occurrence,
    Recurrence,
    Window,
    covers,
    following,
    is_in_gap,
    moment_of,
    next_edge,
    occurrence,
)

SHOP = Subject(name="shop-api", kind="http", tags=frozenset({"shop"}))
OTHER = Subject(name="mail", kind="smtp")
MINUTE = timedelta(minutes=1)
# Clocks set by half an hour, by two hours, at midnight, over midnight, and days that never were.
ODD_WEEKS = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Antarctica/Troll", date(2026, 3, 29)),
    ("Antarctica/Troll", date(2026, 10, 25)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/St_Johns", date(2010, 11, 7)),
    ("America/Scoresbysund", date(2026, 3, 28)),
    ("America/Scoresbysund", date(2026, 10, 24)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
    ("Pacific/Kiritimati", date(1995, 1, 1)),
]
# Before, some zones were minutes and seconds apart from others.
DATES = st.dates(date(1973, 1, 1), date(2090, 12, 31))
TIMES = st.builds(time, st.integers(0, 23), st.integers(0, 59))
ZONES = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"}))
PLACES = st.tuples(ZONES, DATES) | st.sampled_from(ODD_WEEKS)


def window(start: str, minutes: float = 30, **fields: Any) -> Window:
    at = datetime.fromisoformat(start) if "-" in start else time.fromisoformat(start)
    given: dict[str, Any] = {
        "name": "w",
        "match": Match(tags=("shop",)),
        "start": at,
        "duration": timedelta(minutes=minutes),
        "recurrence": Recurrence.ONCE if "-" in start else Recurrence.DAILY,
        "timezone": "Europe/Berlin",
    }
    return Window(**(given | fields))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def begins(window: Window, since: str, until: str) -> list[str]:
    """When the window begins, as clocks of its zone show it."""
    zone = ZoneInfo(window.timezone)
    found, now = [], utc(since)
    while (later := following(window, now)) is not None and later.start < utc(until):
        found.append(f"{later.start.astimezone(zone):%Y-%m-%d %H:%M}")
        now = later.start
    return found


def test_a_daily_window_covers_from_its_start_until_before_its_end() -> None:
    nightly = window("02:00")
    tonight = Occurrence(start=utc("2026-11-30 01:00"), end=utc("2026-11-30 01:30"))

    assert occurrence(nightly, utc("2026-11-30 00:59:59")) is None
    assert occurrence(nightly, utc("2026-11-30 01:00")) == tonight
    assert occurrence(nightly, utc("2026-11-30 01:29:59")) == tonight
    assert occurrence(nightly, utc("2026-11-30 01:30")) is None


def test_the_next_occurrence_is_one_that_has_not_begun() -> None:
    nightly = window("02:00")

    later = following(nightly, utc("2026-11-30 01:00"))

    assert later is not None
    assert later.start == utc("2026-12-01 01:00")


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    friday = window("23:00", 180, recurrence=Recurrence.WEEKLY, days=(4,), timezone="UTC")

    late = occurrence(friday, utc("2026-11-28 01:00"))

    assert late == Occurrence(start=utc("2026-11-27 23:00"), end=utc("2026-11-28 02:00"))


def test_a_window_that_comes_once_never_comes_again() -> None:
    once = window("2026-11-30 22:00")

    assert following(once, utc("2026-11-30 20:59")) is not None
    assert occurrence(once, utc("2026-11-30 21:00")) is not None
    assert following(once, utc("2026-11-30 21:00")) is None
    assert occurrence(once, utc("2026-11-30 21:30")) is None
    assert next_edge([once], utc("2026-11-30 21:30")) is None


def test_a_disabled_window_covers_nothing_and_has_no_edges() -> None:
    off = window("02:00", enabled=False)
    now = utc("2026-11-30 01:10")

    assert occurrence(off, now) is None
    assert following(off, now) is None
    assert next_edge([off], now) is None
    assert covers(off, SHOP, now, now) is None


def test_a_weekly_window_comes_on_its_days_only() -> None:
    weekly = window("02:00", recurrence=Recurrence.WEEKLY, days=(5, 0))

    found = begins(weekly, "2026-11-23 12:00", "2026-12-02 00:00")

    assert found == ["2026-11-28 02:00", "2026-11-30 02:00"]


def test_a_month_without_its_31st_is_left_out() -> None:
    monthly = window("02:00", recurrence=Recurrence.MONTHLY, days=(31,))

    found = begins(monthly, "2026-01-01", "2026-08-01")

    assert found == ["2026-01-31 02:00", "2026-03-31 02:00", "2026-05-31 02:00", "2026-07-31 02:00"]


def test_a_day_that_february_lacks_is_found_across_it_in_both_directions() -> None:
    thirtieth = window("02:00", recurrence=Recurrence.MONTHLY, days=(30,))
    longest = window("02:00", 59 * 24 * 60, recurrence=Recurrence.MONTHLY, days=(31,))

    assert begins(thirtieth, "2026-01-30 12:00", "2026-04-01") == ["2026-03-30 02:00"]
    assert occurrence(longest, utc("2026-03-30 12:00")) == Occurrence(
        start=utc("2026-01-31 01:00"), end=utc("2026-03-31 01:00")
    )


def test_the_last_day_is_that_of_each_month() -> None:
    monthly = window("02:00", recurrence=Recurrence.MONTHLY, days=(LAST_DAY,))

    found = begins(monthly, "2028-01-15", "2028-05-01")

    assert found == ["2028-01-31 02:00", "2028-02-29 02:00", "2028-03-31 02:00", "2028-04-30 02:00"]


def test_a_day_that_is_also_the_last_one_counts_once() -> None:
    monthly = window("02:00", recurrence=Recurrence.MONTHLY, days=(LAST_DAY, 30, 1))

    found = begins(monthly, "2026-04-02", "2026-06-01")

    assert found == ["2026-04-30 02:00", "2026-05-01 02:00", "2026-05-30 02:00", "2026-05-31 02:00"]


def test_a_start_that_the_clock_jumps_over_moves_to_the_end_of_the_gap() -> None:
    assert begins(window("02:30"), "2026-03-28 12:00", "2026-03-30 12:00") == [
        "2026-03-29 03:00",
        "2026-03-30 02:30",
    ]
    assert begins(
        window("02:10", timezone="Australia/Lord_Howe"), "2026-10-03", "2026-10-04 12:00"
    ) == ["2026-10-04 02:30"]


def test_a_window_that_comes_once_also_moves_out_of_a_gap() -> None:
    once = window("2026-03-29 02:30")

    assert occurrence(once, utc("2026-03-29 01:00")) is not None
    assert occurrence(once, utc("2026-03-29 00:59:59")) is None


def test_of_a_start_that_comes_twice_the_first_counts() -> None:
    night = following(window("02:30"), utc("2026-10-24 12:00"))

    assert night == Occurrence(start=utc("2026-10-25 00:30"), end=utc("2026-10-25 01:00"))
    assert occurrence(window("02:30"), utc("2026-10-25 01:30")) is None


def test_a_window_that_comes_once_can_mean_the_second_of_two_equal_times() -> None:
    second = window("2026-10-25 02:30")
    assert isinstance(second.start, datetime)
    second = replace(second, start=second.start.replace(fold=1))

    assert following(second, utc("2026-10-24 12:00")) == Occurrence(
        start=utc("2026-10-25 01:30"), end=utc("2026-10-25 02:00")
    )


@pytest.mark.parametrize("start", ["2026-03-29 00:00", "2026-10-25 00:00"])
def test_a_duration_is_elapsed_time_also_when_the_clock_is_set(start: str) -> None:
    once = window(start, 240)

    found = following(once, utc("2026-01-01"))

    assert found is not None
    assert found.end - found.start == timedelta(hours=4)


def test_a_day_that_a_zone_left_out_has_no_window() -> None:
    found = begins(window("02:00", timezone="Pacific/Apia"), "2011-12-28 13:00", "2012-01-01 00:00")

    assert found == ["2011-12-29 02:00", "2011-12-31 02:00", "2012-01-01 02:00"]


def test_a_start_in_a_gap_over_midnight_moves_to_midnight_of_the_next_day() -> None:
    late = window("23:30", timezone="America/Scoresbysund")

    found = begins(late, "2026-03-28 12:00", "2026-03-30 12:00")

    assert found == ["2026-03-29 00:00", "2026-03-29 23:30"]


def test_a_window_of_a_day_that_the_clock_has_left_again_still_covers() -> None:
    """At 00:01 clocks of Newfoundland went back to 23:01 of the day before."""
    midnight = window("00:00", 30, timezone="America/St_Johns")

    covering = occurrence(midnight, utc("2010-11-07 02:45"))

    assert covering is not None
    assert covering.start == utc("2010-11-07 02:30")
    later = following(midnight, utc("2010-11-07 02:45"))
    assert later is not None
    assert later.start == utc("2010-11-08 03:30")


def test_windows_longer_than_their_period_cover_throughout() -> None:
    always = window("02:00", 30 * 60)
    now = utc("2026-11-30 01:00")

    for minute in range(0, 3 * 24 * 60, 7):
        at = now + minute * MINUTE
        covering = occurrence(always, at)
        assert covering is not None
        assert covering.end - at > timedelta(hours=6)


def test_the_next_edge_is_the_first_of_all_windows() -> None:
    windows = [window("02:00", 90), window("03:00", 60), window("05:00", enabled=False)]
    edges: list[str] = []
    now = utc("2026-11-30 00:00")
    while (edge := next_edge(windows, now)) is not None and len(edges) < 5:
        edges.append(f"{edge:%d %H:%M}")
        now = edge

    assert edges == ["30 01:00", "30 02:00", "30 02:30", "30 03:00", "01 01:00"]
    assert next_edge([], now) is None


def test_a_window_covers_what_it_matches_and_nothing_else() -> None:
    now = utc("2026-11-30 01:10")

    assert covers(window("02:00"), SHOP, now, None) == occurrence(window("02:00"), now)
    assert covers(window("02:00"), OTHER, now, None) is None


def test_a_flexible_window_covers_from_the_first_failure_in_it() -> None:
    nightly = window("02:00", flexible=timedelta(minutes=10))
    failed = utc("2026-11-30 01:25")
    covered = Occurrence(start=failed, end=utc("2026-11-30 01:35"))

    assert covers(nightly, SHOP, utc("2026-11-30 01:24"), None) is None
    assert covers(nightly, SHOP, failed, failed) == covered
    # Its window ended at 01:30.
    assert covers(nightly, SHOP, utc("2026-11-30 01:34:59"), failed) == covered
    assert covers(nightly, SHOP, utc("2026-11-30 01:35"), failed) is None
    assert covers(nightly, OTHER, failed, failed) is None


def test_a_flexible_window_covers_from_its_start_what_failed_before() -> None:
    nightly = window("02:00", flexible=timedelta(minutes=10))
    failed = utc("2026-11-30 00:10")

    assert covers(nightly, SHOP, utc("2026-11-30 00:59"), failed) is None
    assert covers(nightly, SHOP, utc("2026-11-30 01:05"), failed) == Occurrence(
        start=utc("2026-11-30 01:00"), end=utc("2026-11-30 01:10")
    )
    assert covers(nightly, SHOP, utc("2026-11-30 01:10"), failed) is None


def test_a_flexible_window_does_not_cover_what_fails_after_it() -> None:
    nightly = window("02:00", flexible=timedelta(minutes=10))
    failed = utc("2026-11-30 01:30")

    assert covers(nightly, SHOP, failed, failed) is None
    assert covers(nightly, SHOP, utc("2026-11-30 01:31"), utc("2026-11-30 01:32")) is None


def test_utc_needs_no_database_of_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_database(key: str) -> None:
        raise AssertionError(key)

    monkeypatch.setattr("domain.windows.ZoneInfo", no_database)

    assert following(window("02:00", timezone="UTC"), utc("2026-11-30")) is not None


def _walk(zone: ZoneInfo, around: date, days: int) -> Iterator[tuple[datetime, datetime]]:
    """Each minute around a day, with what clocks of the zone show."""
    first = datetime(around.year, around.month, around.day, tzinfo=UTC) - timedelta(days=days)
    for minute in range(2 * days * 24 * 60):
        at = first + minute * MINUTE
        yield at, at.astimezone(zone).replace(tzinfo=None, fold=0)


def _model(walk: Sequence[tuple[datetime, datetime]], start: time) -> list[datetime]:
    """The first minute of each local day at which the clock shows the time, or has passed it."""
    days = sorted({shown.date() for _, shown in walk})
    wanted = [datetime.combine(day, start) for day in days]
    found: list[datetime] = []
    for at, shown in walk:
        while len(found) < len(wanted) and shown >= wanted[len(found)]:
            found.append(at)
    # On the first day it may have begun before the walk did.
    return found[1:]


def _assert_once_a_day(zone: str, walk: Sequence[tuple[datetime, datetime]], start: time) -> None:
    daily = replace(window("00:00", timezone=zone), start=start)
    second_day = walk[0][0] + timedelta(days=1)

    found, now = [], second_day
    while (later := following(daily, now)) is not None and later.start <= walk[-1][0]:
        found.append(later.start)
        now = later.start

    assert found == [at for at in _model(walk, start) if at > second_day]


@given(ZONES, DATES, TIMES)
@settings(max_examples=40, deadline=None)
def test_a_daily_window_begins_once_on_each_local_day_of_any_zone(
    zone: str, around: date, start: time
) -> None:
    _assert_once_a_day(zone, list(_walk(ZoneInfo(zone), around, 2)), start)


@pytest.mark.parametrize(("zone", "around"), ODD_WEEKS)
def test_a_daily_window_begins_once_on_each_local_day_when_clocks_are_set(
    zone: str, around: date
) -> None:
    walk = list(_walk(ZoneInfo(zone), around, 3))

    for quarter in range(24 * 4):
        _assert_once_a_day(zone, walk, time(quarter // 4, quarter % 4 * 15))


@given(
    st.sampled_from(ODD_WEEKS),
    TIMES,
    st.integers(1, 3000),
    st.sampled_from(
        [
            (Recurrence.DAILY, ()),
            (Recurrence.WEEKLY, (5, 6)),
            (Recurrence.WEEKLY, (0, 3)),
            (Recurrence.MONTHLY, (LAST_DAY, 4)),
            (Recurrence.MONTHLY, (25, 29, 30)),
        ]
    ),
)
@settings(max_examples=15, deadline=None)
def test_occurrences_and_edges_agree_minute_by_minute_when_clocks_are_set(
    place: tuple[str, date], start: time, minutes: int, rhythm: tuple[Recurrence, tuple[int, ...]]
) -> None:
    zone, around = place
    recurrence, days = rhythm
    given = window("00:00", minutes, timezone=zone, recurrence=recurrence, days=days)
    given = replace(given, start=start)
    walk = [at for at, _ in _walk(ZoneInfo(zone), around, 2)]
    current, later = occurrence(given, walk[0]), following(given, walk[0])
    edge = next_edge([given], walk[0])

    for at in walk[1:]:
        if later is not None and at == later.start:
            assert edge == at
            current = later
        elif current is not None and at == current.end:
            assert edge == at
            current = None
        else:
            assert edge is not None and edge > at
        later, edge = following(given, at), next_edge([given], at)
        assert occurrence(given, at) == current
        assert later is not None and later.start > at


@given(PLACES, TIMES, st.booleans())
@settings(deadline=None)
def test_a_local_time_is_shown_at_its_moment_or_was_jumped_over(
    place: tuple[str, date], at: time, second: bool
) -> None:
    zone = ZoneInfo(place[0])
    local = datetime.combine(place[1], at).replace(fold=int(second))

    moment = moment_of(local, zone)

    shown = moment.astimezone(zone).replace(tzinfo=None, fold=0)
    before = (moment - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None, fold=0)
    assert moment.tzinfo is UTC
    if is_in_gap(local, zone):
        assert before < local < shown
    else:
        assert shown == local
