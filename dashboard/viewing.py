"""What is shown of each check: made anew for those alone of which something has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.facts import Mark, Status, Transition
from domain.reading import Reading, reading
from domain.score import Component
from domain.state import stale_at
from domain.timeline import Gap, Stretch, stretches
from storage.check_rows import CheckRow
from storage.readings import Readings

WINDOW = timedelta(hours=24)
# Ticks move with time alone, so all is made anew now and then.
REMADE = timedelta(seconds=20)
Told = Sequence[Transition]
NOTHING_TOLD: Told = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed:
    """One check as it is shown: its row, what it reads now, its last 24 hours, its share of the score.

    `told` are the transitions that its day was made of. From `stale_from` on it reads stale.
    """

    row: CheckRow
    reading: Reading
    day: tuple[Stretch, ...]
    component: Component
    told: Told
    stale_from: datetime | None

    def still_holds(self, row: CheckRow, told: Told, now: datetime) -> bool:
        """Whether it would be made the same again: nothing was written, and it is as stale as it was."""
        went_stale = self.stale_from is not None and now > self.stale_from
        was_stale = self.reading.mark is Mark.STALE
        return self.row is row and self.told is told and went_stale is was_stale


class Timelines:
    """The transitions of the last 24 hours by check id. Between two whole reads only new ones are read."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._last = 0
        self._told: dict[int, Told] = {}

    def read(self, now: datetime, *, whole: bool) -> Mapping[int, Told]:
        """What stands now; of a check that nothing new is told of, the same object as before.

        `whole` reads all of it: rows may have been put right, or committed after later ones.
        """
        after = 0 if whole else self._last
        last, found = self._readings.told_after(after, now - WINDOW)
        before = {} if whole else self._told
        news = {
            number: sorted((*before.get(number, ()), *lines), key=lambda line: line.at)
            for number, lines in found.items()
        }
        self._last = max(after, last)
        self._told = {**before, **news} if news or whole else self._told
        return self._told


class Viewing:
    """Makes of what is read what is shown. For one thread at a time."""

    def __init__(self, readings: Readings) -> None:
        self._timelines = Timelines(readings)
        self._readings = readings
        self._begun: datetime | None = None
        self._gaps: tuple[Gap, ...] = ()
        self._held: dict[int, Viewed] = {}
        self._steady: dict[tuple[Status, Mark], tuple[Stretch, ...]] = {}

    def of(self, rows: Iterable[CheckRow], now: datetime) -> tuple[Viewed, ...]:
        """The checks as they are shown at `now`; of one that nothing changed of, the same object."""
        gaps = self._readings.gaps(now - WINDOW)
        anew = self._is_over(gaps, now)
        told = self._timelines.read(now, whole=anew)
        if anew:
            self._begun, self._gaps, self._held, self._steady = now, gaps, {}, {}
        found = tuple(self._viewed(row, told.get(row.id, NOTHING_TOLD), now) for row in rows)
        self._held = {each.row.id: each for each in found}
        return found

    def _is_over(self, gaps: tuple[Gap, ...], now: datetime) -> bool:
        begun = self._begun
        if begun is None or gaps != self._gaps or not timedelta(0) <= now - begun < REMADE:
            return True
        # The minutes of the last hour are whole ones of the clock, for all checks the same.
        return (now.hour, now.minute) != (begun.hour, begun.minute)

    def _viewed(self, row: CheckRow, told: Told, now: datetime) -> Viewed:
        held = self._held.get(row.id)
        if held is not None and held.still_holds(row, told, now):
            return held
        shown = read(row, now)
        interval_s = float(row.about["interval_s"])
        return Viewed(
            row=row,
            reading=shown,
            day=self._day(told, shown, now),
            component=Component(
                check=row.name,
                status=shown.status,
                mark=shown.mark,
                weight=float(row.about["weight"]),
            ),
            told=told,
            stale_from=stale_at(row.due, interval_s) if row.due and row.enabled else None,
        )

    def _day(self, told: Told, shown: Reading, now: datetime) -> tuple[Stretch, ...]:
        """The last 24 hours; one for all that have read the same all the time, as most have."""
        reads = (shown.status, shown.mark)
        if told or reads not in self._steady:
            made = stretches(told, *reads, now - WINDOW, now, self._gaps)
            return made if told else self._steady.setdefault(reads, made)
        return self._steady[reads]


def read(row: CheckRow, now: datetime) -> Reading:
    """What a check reads at `now`, pausing and staleness included."""
    return reading(
        row.state,
        enabled=row.enabled,
        due=row.due,
        interval_s=float(row.about["interval_s"]),
        now=now,
    )
