"""What a `[[maintenance]]` table may say, what is refused and why, and the way back to a table."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.matching import Match
from domain.mistakes import ConfigError, Mistake
from domain.windows import LAST_DAY, Recurrence, Window, occurrence
from domain.windowtable import as_table, examine, read_window

MISSING = object()


def table(**fields: Any) -> dict[str, Any]:
    given = {"name": "w", "match": {"tags": ["shop"]}, "start": "02:00", "duration": "30m"}
    return {key: value for key, value in (given | fields).items() if value is not MISSING}


def once(**fields: Any) -> dict[str, Any]:
    return table(**({"start": "2026-11-30 22:00", "timezone": "Europe/Berlin"} | fields))


def mistakes(*tables: object) -> list[str]:
    return [str(mistake) for mistake in examine(tables)[1]]


def reasons(given: object) -> list[str]:
    """What is wrong with the one window of this name, without its label."""
    return [text.removeprefix('maintenance "w" ') for text in mistakes(given)]


def test_the_shortest_table_is_a_daily_window_in_utc() -> None:
    assert read_window(table()) == Window(
        name="w",
        match=Match(tags=("shop",)),
        start=time(2),
        duration=timedelta(minutes=30),
        recurrence=Recurrence.DAILY,
        timezone="UTC",
    )


def test_every_key_is_read() -> None:
    (given,) = tomllib.loads(
        """
        [[maintenance]]
        name = "backup"
        match = { name = "db-*", kind = ["postgres", "mysql"] }
        start = "02:30:15"
        duration = "1h30m"
        recurrence = "weekly"
        timezone = "Europe/Berlin"
        days = ["sat", "mon", "sat"]
        flexible = "10m"
        reason = "Dumps lock tables."
        enabled = false
        author = "ann"
        """
    )["maintenance"]

    assert read_window(given) == Window(
        name="backup",
        match=Match(name=("db-*",), kind=("postgres", "mysql")),
        start=time(2, 30, 15),
        duration=timedelta(minutes=90),
        recurrence=Recurrence.WEEKLY,
        timezone="Europe/Berlin",
        days=(5, 0),
        flexible=timedelta(minutes=10),
        reason="Dumps lock tables.",
        enabled=False,
        author="ann",
    )


def test_days_of_a_month_are_numbers_or_the_last() -> None:
    window = read_window(table(recurrence="monthly", days=[1, 31, "last"]))

    assert window.days == (1, 31, LAST_DAY)


@pytest.mark.parametrize(
    "start",
    [
        "2026-11-30 22:00",
        "2026-11-30T22:00:00",
        "2026-11-30 21:00Z",
        "2026-11-30T16:00-05:00",
        datetime(2026, 11, 30, 22),
        datetime(2026, 11, 30, 21, tzinfo=UTC),
    ],
)
def test_a_start_with_a_date_comes_once_in_any_of_its_forms(start: object) -> None:
    window = read_window(once(start=start))

    assert window.recurrence is Recurrence.ONCE
    assert window.start == datetime(2026, 11, 30, 22)


@pytest.mark.parametrize("start", ["02:00", "02:00:00", time(2)])
def test_a_time_of_day_is_a_text_or_one_of_toml(start: object) -> None:
    assert read_window(table(start=start)).start == time(2)


def test_a_window_that_comes_once_may_say_its_end() -> None:
    window = read_window(once(duration=MISSING, end="2026-12-01 01:30"))

    assert window.duration == timedelta(hours=3, minutes=30)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [("2026-03-29 01:00", "2026-03-29 04:00", 2), ("2026-10-25 01:00", "2026-10-25 04:00", 4)],
)
def test_the_time_until_the_end_is_elapsed_time(start: str, end: str, hours: int) -> None:
    window = read_window(once(start=start, duration=MISSING, end=end))

    assert window.duration == timedelta(hours=hours)


def test_an_offset_tells_two_equal_local_times_apart() -> None:
    for start in ("2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"):
        window = read_window(once(start=start))

        found = occurrence(window, datetime.fromisoformat(start))
        assert found is not None
        assert found.start == datetime.fromisoformat(start)
        again = read_window(as_table(window))
        assert occurrence(again, found.start) == found


def test_everything_has_to_be_asked_for() -> None:
    assert reasons(table(match={})) == [
        "match = {}: covers everything: write everything = true if that is meant"
    ]
    assert read_window(table(match={}, everything=True)).match == Match()
    assert read_window(table(match=MISSING, everything=True)).match == Match()
    assert read_window(table(match={"name": "*"}, everything=True)).match == Match(name=("*",))


def test_everything_beside_a_narrow_match_is_refused() -> None:
    assert reasons(table(everything=True)) == [
        "everything = true: match covers less than everything: leave one of them out"
    ]
    assert reasons(table(everything=False)) == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"name": ""}, 'name = "": must not be empty'),
        ({"match": {"tag": "a"}}, "match = {tag = \"a\"}: has no key 'tag': use name, kind"),
        ({"match": "shop"}, 'match = "shop": must be a table'),
        ({"match": {"severity": "minor"}}, "severity can't be matched"),
        ({"start": "2am"}, 'start = "2am": is no time: write it like "02:00"'),
        ({"start": "25:00"}, 'start = "25:00": there is no such time'),
        ({"start": "2:00"}, "is no time"),
        ({"start": "02:00+01:00"}, "is no time"),
        ({"start": "٠٢:00"}, "is no time"),
        ({"start": 2}, "start = 2: must be a time"),
        ({"start": date(2026, 11, 30)}, "start = 2026-11-30: must be a time"),
        ({"start": time(2, 0, 0, 5)}, "must be a whole second"),
        ({"start": "2026-02-29 02:00"}, "there is no such time"),
        ({"start": "0001-01-01 00:00"}, "must lie in the years 1970 to 2999"),
        ({"start": "9999-12-31 23:59Z"}, "must lie in the years 1970 to 2999"),
        ({"duration": 30}, "duration = 30: must be text, not a whole number"),
        ({"duration": "30"}, "'30' is not a duration"),
        ({"duration": "0s"}, "must be longer than 0 s"),
        ({"duration": "0.0001ms"}, "must be longer than 0 s"),
        ({"duration": "-5m"}, "is not a duration"),
        ({"duration": "367d"}, "must be at most 366 d"),
        ({"duration": "9" * 400 + "d"}, "must be at most 366 d"),
        ({"flexible": "0s"}, 'flexible = "0s": must be longer than 0 s'),
        ({"recurrence": "weekely"}, 'must be one of "once", "daily", "weekly", "monthly", did you'),
        ({"recurrence": "once"}, 'must have a date, like "2026-11-30 22:00": it comes once'),
        ({"recurrence": "weekly"}, 'maintenance "w": days is missing: write a list of weekdays'),
        ({"recurrence": "monthly"}, 'maintenance "w": days is missing: write a list of days'),
        ({"recurrence": "weekly", "days": []}, 'must be a list of weekdays like ["mon", "thu"]'),
        ({"recurrence": "weekly", "days": "mon"}, "must be a list, not text"),
        ({"recurrence": "weekly", "days": ["Mon"]}, 'did you mean "mon"?'),
        ({"recurrence": "weekly", "days": [1]}, "1 is not one of mon, tue, wed"),
        ({"recurrence": "monthly", "days": [32]}, '32 is no day of a month: 1 to 31 or "last"'),
        ({"recurrence": "monthly", "days": [0]}, "0 is no day of a month"),
        ({"recurrence": "monthly", "days": [-1]}, "-1 is no day of a month"),
        ({"recurrence": "monthly", "days": [True]}, "true is no day of a month"),
        ({"recurrence": "monthly", "days": ["mon"]}, '"mon" is no day of a month'),
        ({"days": ["mon"]}, "go with weekly and monthly only, and it comes daily"),
        ({"end": "2026-11-30 22:00"}, "duration says it already: leave one of them out"),
        (
            {"end": "2026-11-30 22:00", "duration": MISSING},
            "only a window that comes once has an end",
        ),
        (
            {"timezone": "europe/berlin"},
            'there is no such time zone, did you mean "Europe/Berlin"?',
        ),
        ({"timezone": "Nowhere"}, "there is no such time zone"),
        ({"timezone": "America"}, "there is no such time zone"),
        ({"timezone": ""}, "there is no such time zone"),
        ({"timezone": "../etc/passwd"}, "there is no such time zone"),
        ({"timezone": "right/Europe/Berlin"}, "there is no such time zone"),
        ({"timezone": "localtime"}, "there is no such time zone"),
        ({"timezone": "\ud800"}, "there is no such time zone"),
        ({"timezone": "x" * 9999}, "there is no such time zone"),
        ({"timezone": 1}, "timezone = 1: must be text"),
        ({"enabled": 1}, "enabled = 1: must be true or false"),
        ({"reason": "a\x00b"}, "must not contain control characters"),
        ({"reason": "x" * 1001}, "must have at most 1000 characters"),
        ({"author": 5}, "author = 5: must be text"),
        ({"reccurence": "daily"}, 'unknown key, did you mean "recurrence"?'),
        ({"name": MISSING}, "name is missing"),
        ({"match": MISSING}, 'maintenance "w": match is missing: say what it covers'),
        ({"start": MISSING}, 'maintenance "w": start is missing'),
        ({"duration": MISSING}, 'maintenance "w": duration is missing'),
    ],
)
def test_what_can_not_be_is_refused_with_one_reason(given: dict[str, Any], reason: str) -> None:
    found = mistakes(table(**given))

    assert len(found) == 1
    assert reason in found[0]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"start": "2026-03-29 02:30"}, "there is no such time in Europe/Berlin: clocks are set"),
        ({"end": "2026-11-30 21:00", "duration": MISSING}, "must come after the start"),
        ({"end": "2026-11-30 22:00", "duration": MISSING}, "must come after the start"),
        ({"end": "2028-01-01 00:00", "duration": MISSING}, "must come 366 days after the start at"),
        ({"end": "2027-03-28 02:30", "duration": MISSING}, "there is no such time in Europe/Berl"),
        ({"end": "23:00", "duration": MISSING}, 'must have a date, like "2026-11-30 22:00"'),
        ({"recurrence": "daily"}, 'must be a time of day, like "02:00": it comes daily'),
        ({"days": [1]}, "go with weekly and monthly only, and it comes once"),
        # Nothing is said of an end that only another mistake makes wrong.
        ({"end": "2026-11-30 21:00", "duration": MISSING, "timezone": "X/Y"}, "no such time zone"),
        (
            {"start": "2026-03-29 02:30", "end": "2026-01-01 00:00", "duration": MISSING},
            "there is no such time in Europe/Berlin",
        ),
    ],
)
def test_a_window_that_comes_once_is_refused_with_one_reason(
    given: dict[str, Any], reason: str
) -> None:
    found = mistakes(once(**given))

    assert len(found) == 1
    assert reason in found[0]


def test_all_mistakes_are_told_at_once_with_the_places_of_their_keys() -> None:
    tables = [
        table(name="nightly", timezone="Nowhere/At-all", duration="0s"),
        "nightly",
        {"start": "02:00", "duration": "5m", "match": {"name": "a"}, "enabeld": True},
    ]

    windows, found = examine(tables)

    assert windows == ()
    assert found == (
        Mistake(
            key='maintenance "nightly" duration',
            given='"0s"',
            reason="must be longer than 0 s",
            path=("maintenance", 0, "duration"),
        ),
        Mistake(
            key='maintenance "nightly" timezone',
            given='"Nowhere/At-all"',
            reason='there is no such time zone, write it like "Europe/Berlin"',
            path=("maintenance", 0, "timezone"),
        ),
        Mistake(
            key="maintenance 2",
            given='"nightly"',
            reason="must be a table: write [[maintenance]] above its keys",
            path=("maintenance", 1),
        ),
        Mistake(
            key="maintenance 3 enabeld",
            given="true",
            reason='unknown key, did you mean "enabled"?',
            path=("maintenance", 2, "enabeld"),
        ),
        Mistake(key="maintenance 3", reason="name is missing", path=("maintenance", 2, "name")),
    )


def test_windows_without_a_mistake_hold_beside_one_that_is_refused() -> None:
    windows, found = examine([table(name="a"), table(name="b", days=[1]), table(name="c")])

    assert [window.name for window in windows] == ["a", "c"]
    assert len(found) == 1


def test_a_name_is_used_once_and_the_first_window_has_it() -> None:
    windows, found = examine([table(), table(start="03:00")])

    assert [window.start for window in windows] == [time(2)]
    assert [str(mistake) for mistake in found] == [
        'maintenance "w" name = "w": another window has this name: a name can be used once only'
    ]
    assert found[0].path == ("maintenance", 1, "name")


def test_one_window_is_refused_with_all_its_mistakes() -> None:
    with pytest.raises(ConfigError) as refused:
        read_window(table(duration="0s", days=[1]))

    assert [mistake.path[-1] for mistake in refused.value.mistakes] == ["duration", "days"]


def test_a_window_as_a_table_reads_as_people_write_it() -> None:
    weekly = table(recurrence="weekly", days=["sat", "mon"], flexible="90s", timezone="Asia/Tokyo")

    assert as_table(read_window(weekly)) == {
        "name": "w",
        "match": {"tags": ["shop"]},
        "start": "02:00",
        "duration": "30m",
        "recurrence": "weekly",
        "timezone": "Asia/Tokyo",
        "days": ["sat", "mon"],
        "flexible": "1m30s",
        "enabled": True,
    }
    assert as_table(read_window(once()))["start"] == "2026-11-30 22:00"


SPANS = st.timedeltas(timedelta(microseconds=1), timedelta(days=366))
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
RHYTHMS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries(
        {
            "recurrence": st.just(Recurrence.ONCE),
            "start": st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(
                # No clock of a zone below is set at noon.
                lambda at: at.replace(hour=12, microsecond=0)
            ),
        }
    ),
    *(
        st.fixed_dictionaries(
            {
                "recurrence": st.just(recurrence),
                "start": st.times().map(lambda at: at.replace(microsecond=0)),
                "days": days,
            }
        )
        for recurrence, days in (
            (Recurrence.DAILY, st.just(())),
            (
                Recurrence.WEEKLY,
                st.lists(st.integers(0, 6), min_size=1, unique=True).map(tuple),
            ),
            (
                Recurrence.MONTHLY,
                st.lists(
                    st.just(LAST_DAY) | st.integers(1, 31), min_size=1, max_size=5, unique=True
                ).map(tuple),
            ),
        )
    ),
)
WINDOWS = st.builds(
    lambda rhythm, **others: Window(**rhythm, **others),
    RHYTHMS,
    name=st.sampled_from(["w", "größe", "a/b"]),
    match=st.sampled_from([Match(), Match(name=("*",)), Match(name=("a*", "b"), tags=("shop",))]),
    duration=SPANS,
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    flexible=st.none() | SPANS,
    reason=TEXTS,
    enabled=st.booleans(),
    author=TEXTS,
)


@given(WINDOWS)
def test_a_window_and_its_table_say_the_same(window: Window) -> None:
    assert read_window(as_table(window)) == window


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.times()
    | st.datetimes(timezones=st.none() | st.just(UTC))
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
NEARLY = {
    "name": st.just("w"),
    "match": st.sampled_from([{}, {"name": "*"}, {"tags": ["a"]}, {"severity": "minor"}]),
    "everything": st.booleans(),
    "start": st.sampled_from(
        ["02:00", "24:00", "2026-03-29 02:30", "2026-10-25T02:30+01:00", "2026-01-01 00:00+99:00"]
    ),
    "end": st.sampled_from(["2026-03-29 02:30", "2026-12-01 00:00", "2999-12-31 23:59-12:00"]),
    "duration": st.sampled_from(["30m", "0s", "1e9s", "366d", "0.0000001s"]),
    "recurrence": st.sampled_from(["once", "daily", "weekly", "monthly", "yearly"]),
    "timezone": st.sampled_from(["UTC", "Europe/Berlin", "X", "Europe", "a\x00b"]),
    "days": st.lists(st.sampled_from(["mon", "Mon", "last", 0, 1, 31, 32, -1, True, None])),
    "flexible": st.sampled_from(["10m", "0s"]),
    "reason": TEXTS,
    "enabled": st.booleans(),
    "author": TEXTS,
}


@given(
    st.fixed_dictionaries({}, optional={key: each | JUNK for key, each in NEARLY.items()}),
    st.dictionaries(st.text(max_size=8) | st.integers(), JUNK, max_size=1),
)
@settings(deadline=None, max_examples=300)
def test_no_junk_table_raises_anything_but_a_config_error(
    nearly: dict[str, Any], junk: dict[Any, Any]
) -> None:
    windows, found = examine([{**nearly, **junk}])

    assert len(windows) == (not found)
    assert all(mistake.path[:2] == ("maintenance", 0) for mistake in found)
    for window in windows:
        assert read_window(as_table(window)) == window
    if found:
        with pytest.raises(ConfigError):
            read_window({**nearly, **junk})
