"""From a raw `[[maintenance]]` table to a maintenance window and back, with every mistake in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal

from msgspec import Meta

from domain import matching
from domain.checktable import name as checked_name
from domain.checktable import plain
from domain.fields import Field, duration
from domain.matching import Match, read_match
from domain.mistakes import ConfigError, Mistake, closest, shown, unknown_key
from domain.windows import LAST_DAY, Recurrence, Window, is_in_gap, moment_of, zone_of
from domain.zones import zone_name

ARRAY = "maintenance"
LONGEST = timedelta(days=366)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LAST = "last"
YEARS = range(1970, 3000)
TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
DATE_TIME = re.compile(
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T]{TIME.pattern}(Z|[+-]{TIME.pattern})?"
)
FORMS = 'write it like "02:00", or "2026-11-30 22:00" for one that comes once'
DAYS_OF = {
    Recurrence.WEEKLY: 'a list of weekdays like ["mon", "thu"]',
    Recurrence.MONTHLY: 'a list of days like [1, 15] or ["last"]',
}


def examine(tables: Sequence[object]) -> tuple[tuple[Window, ...], tuple[Mistake, ...]]:
    """The windows that can be, and every mistake in the tables, without file and line."""
    windows: dict[str, Window] = {}
    mistakes: list[Mistake] = []
    for index, table in enumerate(tables):
        if not isinstance(table, Mapping):
            mistakes.append(_no_table(table, index))
            continue
        reading = _Reading(table, index)
        window = reading.read()
        mistakes += reading.mistakes
        if window is not None and window.name in windows:
            reason = "another window has this name: a name can be used once only"
            mistakes.append(key_mistake(table, index, "name", reason))
        elif window is not None:
            windows[window.name] = window
    return tuple(windows.values()), tuple(mistakes)


def read_window(table: Mapping[str, object]) -> Window:
    """The window of one table. Raises ConfigError with every mistake in it."""
    windows, mistakes = examine([table])
    if mistakes:
        raise ConfigError(mistakes)
    return windows[0]


def as_table(window: Window) -> dict[str, Any]:
    """The table that reads as this window, of texts, lists and booleans; empty keys are left out."""
    table = {
        "name": window.name,
        "match": matching.as_table(window.match),
        "everything": window.match.is_everything,
        "start": _start_text(window),
        "duration": _duration_text(window.duration),
        "recurrence": window.recurrence.value,
        "timezone": window.timezone,
        "days": [_day_word(window.recurrence, day) for day in window.days],
        "flexible": window.flexible and _duration_text(window.flexible),
        "reason": window.reason,
        "enabled": window.enabled,
        "author": window.author,
    }
    return {key: value for key, value in table.items() if value or key == "enabled"}


def label(table: Mapping[str, object], index: int) -> str:
    """How a window is called in a mistake: `maintenance "nightly"`, or by its place."""
    given = table.get("name")
    return f"{ARRAY} {shown(given)}" if isinstance(given, str) and given else f"{ARRAY} {index + 1}"


def key_mistake(table: Mapping[str, object], index: int, key: str, reason: str) -> Mistake:
    """The mistake in one key of a window's table; one that is not there is said to be missing."""
    owner, path = label(table, index), (ARRAY, index, key)
    if key not in table:
        return Mistake(key=owner, reason=f"{key} is missing{reason}", path=path)
    return Mistake(key=f"{owner} {key}", given=shown(table[key], key), reason=reason, path=path)


def _no_table(entry: object, index: int) -> Mistake:
    key, reason = f"{ARRAY} {index + 1}", f"must be a table: write [[{ARRAY}]] above its keys"
    return Mistake(key=key, given=shown(entry), reason=reason, path=(ARRAY, index))


def _length(text: str) -> timedelta:
    length = timedelta(seconds=duration(text))
    if not length:
        raise ValueError("must be longer than 0 s")
    return length


def _when(value: object) -> time | datetime:
    """A time of day, or date and time with or without an offset: of TOML, or as text."""
    if isinstance(value, str):
        value = _when_of_text(value)
    if not isinstance(value, time | datetime):
        raise ValueError(f"must be a time: {FORMS}")
    if value.microsecond:
        raise ValueError("must be a whole second")
    if isinstance(value, datetime) and value.year not in YEARS:
        raise ValueError(f"must lie in the years {YEARS[0]} to {YEARS[-1]}")
    return value


def _when_of_text(text: str) -> time | datetime:
    try:
        if TIME.fullmatch(text):
            return time.fromisoformat(text)
        if DATE_TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("there is no such time") from None
    raise ValueError(f"is no time: {FORMS}")


def _date_time(value: object) -> datetime:
    when = _when(value)
    if not isinstance(when, datetime):
        raise ValueError('must have a date, like "2026-11-30 22:00"')
    return when


def _weekday(value: object) -> int:
    if value not in WEEKDAYS:
        meant = closest(str(value), WEEKDAYS)
        hint = f', did you mean "{meant}"?' if meant else ""
        raise ValueError(f"{shown(value)} is not one of {', '.join(WEEKDAYS)}{hint}")
    return WEEKDAYS.index(str(value))


def _day_of_month(value: object) -> int:
    if value == LAST:
        return LAST_DAY
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 31:
        raise ValueError(f'{shown(value)} is no day of a month: 1 to 31 or "{LAST}"')
    return value


def _day_word(recurrence: Recurrence, day: int) -> str | int:
    if recurrence is Recurrence.WEEKLY:
        return WEEKDAYS[day]
    return LAST if day == LAST_DAY else day


def _start_text(window: Window) -> str:
    start = window.start
    if not isinstance(start, datetime):
        return start.isoformat("auto" if start.second else "minutes")
    start = start.replace(tzinfo=zone_of(window.timezone) if start.fold else None)
    return start.isoformat(" ", "auto" if start.second else "minutes")


def _duration_text(length: timedelta) -> str:
    hours, rest = divmod(length.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    fraction = f".{length.microseconds:06}".rstrip("0").rstrip(".")
    parts = [f"{length.days}d" * bool(length.days), f"{hours}h" * bool(hours)]
    parts += [f"{minutes}m" * bool(minutes), f"{seconds}{fraction}s" * bool(seconds or fraction)]
    return "".join(parts)


LENGTH = Field(type=str, then=_length)
READERS: Mapping[str, Callable[[object], Any]] = {
    "name": Field(type=str, then=checked_name).read,
    "match": read_match,
    "start": _when,
    "end": _date_time,
    "duration": LENGTH.read,
    "recurrence": Field(type=Literal["once", "daily", "weekly", "monthly"], then=Recurrence).read,
    "timezone": Field(type=str, then=zone_name).read,
    "days": Field(type=list[Any]).read,
    "flexible": LENGTH.read,
    "reason": Field(type=Annotated[str, Meta(max_length=1000)], then=plain).read,
    "enabled": Field(type=bool).read,
    "everything": Field(type=bool).read,
    "author": Field(type=Annotated[str, Meta(max_length=200)], then=plain).read,
}


class _Reading:
    """One table while it is read. `_values` has the keys without a mistake of their own."""

    def __init__(self, table: Mapping[str, object], index: int) -> None:
        self._table = table
        self._index = index
        self._values: dict[str, Any] = {}
        self.mistakes: list[Mistake] = []

    def read(self) -> Window | None:
        """The window; None when something in its table is wrong."""
        self._read_keys()
        recurrence = self._recurrence()
        start = self._start(recurrence)
        taken = {
            "match": self._match(),
            "start": start,
            "duration": self._duration(recurrence, start),
            "recurrence": recurrence,
            "timezone": self._values.get("timezone", "UTC"),
            "days": self._days(recurrence),
        }
        if self.mistakes:
            return None
        others = {"name", "flexible", "reason", "enabled", "author"} & self._values.keys()
        return Window(**taken, **{key: self._values[key] for key in others})

    def _read_keys(self) -> None:
        for key, value in self._table.items():
            if key not in READERS:
                self._note_unknown(str(key), value)
                continue
            try:
                self._values[key] = READERS[key](value)
            except ValueError as error:
                self._note(key, str(error))
        for key in ("name", "start") if "end" in self._table else ("name", "start", "duration"):
            if key not in self._table:
                self._note(key, "")

    def _recurrence(self) -> Recurrence | None:
        """How often it comes; None when the mistakes in the table leave that open."""
        if "recurrence" in self._table or "start" not in self._values:
            return self._values.get("recurrence")
        dated = isinstance(self._values["start"], datetime)
        return Recurrence.ONCE if dated else Recurrence.DAILY

    def _match(self) -> Match | None:
        everything = self._values.get("everything", False)
        match: Match | None = self._values.get("match")
        if "match" not in self._table:
            if not everything:
                self._note("match", ': say what it covers, like { tags = ["shop"] }')
            return Match()
        if match is None:
            return None
        if match.severity:
            self._note("match", "severity can't be matched: what is covered has no incident yet")
        elif match.is_everything and not everything:
            self._note("match", "covers everything: write everything = true if that is meant")
        elif everything and not match.is_everything:
            self._note("everything", "match covers less than everything: leave one of them out")
        return match

    def _start(self, recurrence: Recurrence | None) -> time | datetime | None:
        start: time | datetime | None = self._values.get("start")
        dated = isinstance(start, datetime)
        if dated and recurrence not in (Recurrence.ONCE, None):
            self._note("start", f'must be a time of day, like "02:00": it comes {recurrence}')
        elif start is not None and not dated and recurrence is Recurrence.ONCE:
            self._note("start", 'must have a date, like "2026-11-30 22:00": it comes once')
        return self._local("start") if dated else start

    def _local(self, key: str) -> datetime | None:
        """The date and time of a key, as clocks of the zone show it; None when they never do."""
        given: datetime | None = self._values.get(key)
        if given is None or ("timezone" in self._table and "timezone" not in self._values):
            return None
        zone = zone_of(timezone := self._values.get("timezone", "UTC"))
        if given.tzinfo is not None:
            return given.astimezone(zone).replace(tzinfo=None)
        if is_in_gap(given, zone):
            self._note(key, f"there is no such time in {timezone}: clocks are set forward over it")
            return None
        return given

    def _duration(
        self, recurrence: Recurrence | None, start: time | datetime | None
    ) -> timedelta | None:
        if "end" not in self._table:
            return self._values.get("duration")
        if "duration" in self._table:
            self._note("end", "duration says it already: leave one of them out")
        elif recurrence not in (Recurrence.ONCE, None):
            self._note("end", "only a window that comes once has an end: write its duration")
        else:
            return self._until_end(start)
        return None

    def _until_end(self, start: time | datetime | None) -> timedelta | None:
        end = self._local("end")
        if end is None or not isinstance(start, datetime):
            return None
        zone = zone_of(self._values.get("timezone", "UTC"))
        length = moment_of(end, zone) - moment_of(start, zone)
        if length <= timedelta():
            self._note("end", "must come after the start")
        elif length > LONGEST:
            self._note("end", f"must come {LONGEST.days} days after the start at most")
        return length

    def _days(self, recurrence: Recurrence | None) -> tuple[int, ...]:
        given: list[object] | None = self._values.get("days")
        if recurrence in DAYS_OF and "days" not in self._table:
            self._note("days", f": write {DAYS_OF[recurrence]}")
        elif recurrence in DAYS_OF and given == []:
            self._note("days", f"must be {DAYS_OF[recurrence]}")
        elif recurrence in DAYS_OF and given is not None:
            return self._days_of(recurrence, given)
        elif recurrence not in (*DAYS_OF, None) and "days" in self._table:
            self._note("days", f"go with weekly and monthly only, and it comes {recurrence}")
        return ()

    def _days_of(self, recurrence: Recurrence, given: Sequence[object]) -> tuple[int, ...]:
        read = _weekday if recurrence is Recurrence.WEEKLY else _day_of_month
        found: dict[int, None] = {}
        for each in given:
            try:
                found[read(each)] = None
            except ValueError as error:
                self._note("days", str(error))
        return tuple(found)

    def _note_unknown(self, key: str, value: object) -> None:
        owner, path = label(self._table, self._index), (ARRAY, self._index, key)
        self.mistakes.append(unknown_key(key, value, READERS, f"{owner} {key}", path))

    def _note(self, key: str, reason: str) -> None:
        self.mistakes.append(key_mistake(self._table, self._index, key, reason))
