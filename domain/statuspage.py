"""The public status page: what is chosen to be shown there, and what it may say of that.

Nothing reads as working unless that is measured: what is not known is said not to be known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Literal

from msgspec import Meta

from domain.facts import Mark, Status
from domain.fields import Field
from domain.reading import Reading
from domain.uptime import Spent

Access = Literal["public", "token"]
Label = Annotated[str, Meta(min_length=1, max_length=80)]
Labels = Mapping[str, str]
# Of the time of a day that is known of, so much must have been measured for it to count as good.
MEASURED_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPage:
    """`[status]`: whether there is a public page, what it is called, what it shows, and to whom.

    `groups`, `tags` and `checks` hold the label under which each appears: one component each, in
    this order.
    """

    enabled: bool = False
    title: str = "Status"
    access: Access = "public"
    groups: Labels = field(default_factory=dict)
    tags: Labels = field(default_factory=dict)
    checks: Labels = field(default_factory=dict)
    history_days: int = 90


FIELDS: Mapping[str, Field] = {
    "enabled": Field(type=bool),
    "title": Field(type=Label),
    "access": Field(type=Access),
    "groups": Field(type=dict[str, Label]),
    "tags": Field(type=dict[str, Label]),
    "checks": Field(type=dict[str, Label]),
    "history_days": Field(type=Annotated[int, Meta(ge=7, le=90)]),
}


class Public(Enum):
    """How a component, or one of its days, reads to everybody: the word, and the state it is drawn as."""

    WORKING = ("working", "healthy")
    SLOW = ("slow", "warning")
    DEGRADED = ("degraded", "degraded")
    OUTAGE = ("outage", "critical")
    MAINTENANCE = ("maintenance", "maintenance")
    UNKNOWN = ("not known", "unknown")

    @property
    def word(self) -> str:
        """The word shown."""
        return self.value[0]

    @property
    def shape(self) -> str:
        """The state whose shape and colour it has."""
        return self.value[1]


WORST_FIRST = (
    Public.OUTAGE,
    Public.DEGRADED,
    Public.SLOW,
    Public.UNKNOWN,
    Public.MAINTENANCE,
    Public.WORKING,
)
BY_STATUS = {
    Status.HEALTHY: Public.WORKING,
    Status.WARNING: Public.SLOW,
    Status.DEGRADED: Public.DEGRADED,
    Status.UNKNOWN: Public.UNKNOWN,
    Status.CRITICAL: Public.OUTAGE,
}
CANT_TELL = "We can’t tell at the moment"
# Of one component, and of several: what is said of the whole.
SENTENCES = {
    Public.OUTAGE: ("{label} has an outage", "{count} of {all} parts have an outage"),
    Public.DEGRADED: ("{label} is degraded", "{count} of {all} parts are degraded"),
    Public.SLOW: ("{label} is slow", "{count} of {all} parts are slow"),
    Public.UNKNOWN: (
        "We can’t tell about {label} at the moment",
        "We can’t tell about {count} of {all} parts at the moment",
    ),
    Public.MAINTENANCE: (
        "{label} is under maintenance",
        "{count} of {all} parts are under maintenance",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What tells whether a check is meant: its name, group and tags, and its number in the store."""

    id: int
    name: str
    group: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One row of the page: its public label, and the checks behind it, whose names stay inside."""

    label: str
    checks: tuple[Known, ...]


def components(page: StatusPage, known: Sequence[Known]) -> tuple[Component, ...]:
    """The rows of the page. One that no check stands behind (any more) is among them, to read unknown."""

    def rows(labels: Labels, names: Mapping[str, list[Known]]) -> Iterable[Component]:
        return (
            Component(label=label, checks=tuple(names.get(name, ())))
            for name, label in labels.items()
        )

    by_group: dict[str, list[Known]] = {}
    by_tag: dict[str, list[Known]] = {}
    for each in known:
        by_group.setdefault(each.group, []).append(each)
        for tag in each.tags:
            by_tag.setdefault(tag, []).append(each)
    by_name = {each.name: [each] for each in known}
    return (
        *rows(page.groups, by_group),
        *rows(page.tags, by_tag),
        *rows(page.checks, by_name),
    )


def worst(found: Iterable[Public]) -> Public:
    """The one that matters most; unknown when there is none."""
    return min(found, key=WORST_FIRST.index, default=Public.UNKNOWN)


def read_as(readings: Iterable[Reading]) -> Public:
    """What a component reads: the worst of its checks. Paused ones don't count, unless all are."""
    return worst(_public(each) for each in readings if each.mark is not Mark.PAUSED)


def _public(reading: Reading) -> Public:
    if reading.mark is Mark.MAINTENANCE:
        return Public.MAINTENANCE
    return BY_STATUS[reading.status]


def sentence(labels: Sequence[str], states: Sequence[Public]) -> tuple[Public, str]:
    """The state of the whole, and the sentence that says so."""
    state = worst(states)
    if state is Public.WORKING:
        return state, "Everything works"
    said = [label for label, each in zip(labels, states, strict=True) if each is state]
    if state is Public.UNKNOWN and len(said) == len(labels):
        return state, CANT_TELL
    one, several = SENTENCES[state]
    text = one if len(said) == 1 else several
    return state, text.format(label=said[0], count=len(said), all=len(labels))


def day_of(spent: Spent) -> Public | None:
    """What one day of a check was: the worst that was confirmed in it; None when little was measured."""
    if spent.critical:
        return Public.OUTAGE
    if spent.degraded:
        return Public.DEGRADED
    if spent.warning:
        return Public.SLOW
    known = spent.up_ms + spent.down_ms + spent.maintenance
    rest = spent.unknown + spent.blocked + spent.paused + spent.unmeasured
    if not known or known / (known + rest) < MEASURED_SHARE:
        return None
    return Public.MAINTENANCE if spent.maintenance else Public.WORKING


def day_of_all(days: Iterable[Spent]) -> Public | None:
    """What one day of a component was; None unless something was measured of each check that was there."""
    found = [day_of(each) for each in days]
    told = [each for each in found if each is not None]
    state = worst(told) if told else None
    good = state in (Public.WORKING, Public.MAINTENANCE)
    return None if good and None in found else state


def percent_text(percent: float) -> str:
    """A share in % with two digits, never rounded up: 99.996 is not yet 100.00."""
    return f"{int(percent * 100 + 1e-9) / 100:.2f} %"
