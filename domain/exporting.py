"""What may be exported and how it is asked for, over HTTP or on the command line. Pure.

Hierarchy: ValueError ← NotExportable ← NothingSuch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias, TypeVar

from domain.ladder import DAY, HOUR, SAMPLES, TEN_MINUTES
from domain.tabular import Form

Given: TypeAlias = "Mapping[str, Sequence[str]]"
E = TypeVar("E", bound=StrEnum)

USUAL_HOURS = 24.0
LONGEST = timedelta(days=366 * 5)
# Before it nothing was measured, and the arithmetic of dates ends somewhere.
YEARS = range(1971, 2201)
LONGEST_TEXT = 300
MOST_CHECKS = 1_000
LATEST = "must be a time with its zone, like 2026-11-21T13:00:00Z"


class NotExportable(ValueError):
    """What was asked for can't be exported; the message begins with the field."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class NothingSuch(NotExportable):
    """The field names what is not there."""


class What(StrEnum):
    """What can be exported."""

    RESULTS = "results"
    SERIES = "series"
    INCIDENTS = "incidents"
    ALERTS = "alerts"
    AVAILABILITY = "availability"


class Period(StrEnum):
    """By which stretches (UTC) availability is told; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    RANGE = "range"


class Resolution(StrEnum):
    """At which resolution a series is told: the samples, or what was rolled up of them."""

    SAMPLES = "samples"
    TEN_MINUTES = "10m"
    HOUR = "1h"
    DAY = "1d"

    @property
    def step_s(self) -> int:
        """The length of a step in seconds; 0 for samples."""
        return STEPS[self]


STEPS = {
    Resolution.SAMPLES: SAMPLES,
    Resolution.TEN_MINUTES: TEN_MINUTES,
    Resolution.HOUR: HOUR,
    Resolution.DAY: DAY,
}
EVERY = frozenset({"format", "start", "end", "hours", "check"})
FIELDS: Mapping[What, frozenset[str]] = {
    What.RESULTS: EVERY,
    What.SERIES: EVERY | {"metric", "label", "resolution"},
    What.INCIDENTS: EVERY,
    What.ALERTS: EVERY,
    What.AVAILABILITY: EVERY | {"period"},
}
# Those that may be given more than once.
MANY = frozenset({"check", "label"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An export: of `start` ≤ time < `end`, of these checks (none: of all), in this form.

    `metric` and `labels` choose series, `resolution` how fine they are; `period` is of availability.
    """

    what: What
    form: Form
    start: datetime
    end: datetime
    checks: tuple[str, ...] = ()
    metric: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    resolution: Resolution = Resolution.SAMPLES
    period: Period = Period.RANGE

    @property
    def file_name(self) -> str:
        """A name for the file, of letters and digits that stand in any header and file system."""
        return f"nocturne-{self.what}-{self.start:%Y%m%d}-{self.end:%Y%m%d}.{self.form}"


def asked(what: What, given: Given, now: datetime) -> Asked:
    """What the fields ask for. Raises NotExportable with the name of the first that can't be."""
    _check_names(what, given)
    start, end = _range(given, now)
    metric = _one(given, "metric")
    checks = tuple(dict.fromkeys(_text("check", each) for each in given.get("check", ())))
    if len(checks) > MOST_CHECKS:
        raise NotExportable("check", f"there are more than {MOST_CHECKS:,}")
    if what is What.SERIES and metric is None and not checks:
        raise NotExportable("metric", "it is missing, and no check is named either")
    return Asked(
        what=what,
        form=_choice(given, "format", Form, Form.CSV),
        start=start,
        end=end,
        checks=checks,
        metric=None if metric is None else _text("metric", metric),
        labels=_labels(given.get("label", ())),
        resolution=_choice(given, "resolution", Resolution, Resolution.SAMPLES),
        period=_choice(given, "period", Period, Period.RANGE),
    )


def _check_names(what: What, given: Given) -> None:
    for name, values in given.items():
        if name not in FIELDS[what]:
            known = ", ".join(sorted(FIELDS[what]))
            raise NotExportable(_shown(name), f"there is no such field here, only {known}")
        if len(values) > 1 and name not in MANY:
            raise NotExportable(name, "it is given twice")


def _range(given: Given, now: datetime) -> tuple[datetime, datetime]:
    """From when to when; what is still to come is left out."""
    end = min(_moment(given, "end") or now, now)
    start = _moment(given, "start")
    if start is not None and "hours" in given:
        raise NotExportable("hours", "it stands beside a start, and only one of them can count")
    if start is None:
        start = end - timedelta(hours=_hours(_one(given, "hours")))
    if start >= end:
        raise NotExportable("start", "must be before the end, and before now")
    if end - start > LONGEST:
        raise NotExportable("start", f"must be {LONGEST.days} days before the end at most")
    return start, end


def _hours(given: str | None) -> float:
    try:
        hours = USUAL_HOURS if given is None else float(given)
    except ValueError:
        hours = math.nan
    longest = LONGEST / timedelta(hours=1)
    if not 0 < hours <= longest:
        raise NotExportable("hours", f"must be a number more than 0 and up to {longest:.0f}")
    return hours


def _moment(given: Given, field: str) -> datetime | None:
    text = _one(given, field)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        plus = " (a + in an address is written %2B)" if " " in text else ""
        raise NotExportable(field, LATEST + plus) from None
    if moment.tzinfo is None or moment.year not in YEARS:
        raise NotExportable(field, LATEST)
    return moment.astimezone(UTC)


def _labels(given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    labels: dict[str, str] = {}
    for text in given:
        label, equals, value = _text("label", text).partition("=")
        if not label or not equals:
            raise NotExportable("label", "write it like host=web-1")
        if label in labels:
            raise NotExportable("label", "one label is given twice")
        labels[label] = value
    return tuple(sorted(labels.items()))


def _choice(given: Given, field: str, choices: type[E], usual: E) -> E:
    text = _one(given, field)
    try:
        return usual if text is None else choices(text)
    except ValueError:
        known = ", ".join(each.value for each in choices)
        raise NotExportable(field, f"must be one of {known}") from None


def _one(given: Given, field: str) -> str | None:
    values = given.get(field, ())
    return values[0] if values else None


def _text(field: str, text: str) -> str:
    """A name that something could have. Raises NotExportable."""
    if not text or len(text) > LONGEST_TEXT:
        raise NotExportable(field, f"must have 1 to {LONGEST_TEXT} characters")
    # Some databases can't even be asked for NUL or half a character.
    if any(sign < " " or "\ud800" <= sign <= "\udfff" for sign in text):
        raise NotExportable(field, "it has control characters in it")
    return text


def _shown(name: str) -> str:
    return ascii(name[:50]).strip("'")
