"""Who needs a check, and whom it needs: which of them are drawn, and what they read now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.viewing import read
from domain.reading import Reading
from domain.units import show
from storage.check_rows import CheckRow
from storage.readings import Board, Readings

# So many are drawn beside a check, of those that it needs and of those that need it.
DRAWN = 12
# The names of those that need a check, by its name.
Needed = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """A check that this one needs or is needed by. `reading` is None when it is not known."""

    name: str
    reading: Reading | None
    note: str


def needed_by(board: Board) -> Needed:
    """Who needs whom, out of all checks."""
    found: dict[str, list[str]] = {}
    for row in board.checks:
        for parent in dict.fromkeys(name for group in row.about["depends_on"] for name in group):
            found.setdefault(parent, []).append(row.name)
    return {name: tuple(children) for name, children in found.items()}


def drawn(parents: int, children: int) -> tuple[int, int]:
    """How many of each are drawn: what one side leaves free of its half the other may take."""
    half = DRAWN // 2
    above = min(parents, max(half, DRAWN - children))
    return above, min(children, DRAWN - above)


def relatives(readings: Readings, names: Sequence[str], now: datetime) -> tuple[Relative, ...]:
    """The named checks with what they read now, and their number or their trouble."""
    return tuple(_relative(name, readings.check(name), now) for name in names)


def _relative(name: str, row: CheckRow | None, now: datetime) -> Relative:
    if row is None:
        return Relative(name=name, reading=None, note="not known")
    value = row.metrics.get(row.about["headline"])
    note = "" if value is None else show(value, row.about["unit"])
    return Relative(name=name, reading=read(row, now), note=note)
