"""Uptime: for how long a check read what, and which share of the measured time it was up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import lru_cache

from domain.facts import Mark, Status
from domain.timeline import Stretch

MILLISECOND = timedelta(milliseconds=1)
BY_STATUS = {status: status.word for status in Status}
BY_MARK = {
    Mark.PENDING: "unmeasured",
    Mark.STALE: "unmeasured",
    Mark.PAUSED: "paused",
    Mark.BLOCKED: "blocked",
    Mark.INCONCLUSIVE: "blocked",
    Mark.MAINTENANCE: "maintenance",
}


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds by what was read in them. Blocked is also what could not be judged from here."""

    healthy: int = 0
    warning: int = 0
    degraded: int = 0
    unknown: int = 0
    critical: int = 0
    blocked: int = 0
    maintenance: int = 0
    paused: int = 0
    unmeasured: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(*(getattr(self, name) + getattr(other, name) for name in COLUMNS))

    @property
    def up_ms(self) -> int:
        """Time in which it worked, if not well."""
        return self.healthy + self.warning + self.degraded

    @property
    def down_ms(self) -> int:
        """Time in which it was critical and nothing excused it."""
        return self.critical

    @property
    def percent(self) -> float | None:
        """The share of up in up and down; None when neither was measured.

        Unknown, blocked, maintenance, paused and unmeasured time counts neither way.
        """
        measured = self.up_ms + self.down_ms
        return 100 * self.up_ms / measured if measured else None


COLUMNS = tuple(field.name for field in fields(Spent))


@lru_cache(maxsize=100)
def steady(status: Status, mark: Mark, start: datetime, end: datetime) -> Spent:
    """All the time from `start` to `end` in one column."""
    column = BY_MARK.get(mark, BY_STATUS[status])
    return Spent(**{column: round((end - start) / MILLISECOND)})


def spent(parts: Iterable[Stretch]) -> Spent:
    """How long the stretches took, by what was read in them."""
    found = dict.fromkeys(COLUMNS, 0)
    for part in parts:
        found[_column(part)] += round((part.end - part.start) / MILLISECOND)
    return Spent(**found)


def of_row(row: Mapping[str, int]) -> Spent:
    """The times that stand in a row."""
    return Spent(*(int(row[name]) for name in COLUMNS))


def _column(part: Stretch) -> str:
    return BY_MARK.get(part.mark, BY_STATUS[part.status]) if part.measured else "unmeasured"
