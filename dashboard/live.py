"""One view of the store for all viewers: read at most twice a second, kept in memory between.

Everything that is polled (`/health`, the snapshot, probes) is answered from the moment held here,
also while the store is away: then the last one stands and its age tells.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from domain.facts import Mark, Status, Transition
from domain.incidents import Incident, reads_as
from domain.reading import Freshness, Reading, freshness, reading
from domain.timeline import Stretch, stretches
from storage.incident_readings import Alert, IncidentReadings, PagingHealth
from storage.readings import Board, CheckRow, Pulse, Readings
from storage.room import Obstacle

log = structlog.get_logger()

HELD_S = 0.5
# What the store tells of is read at the next look, but not more often than this.
TOLD_S = 0.1
# What is held longer than this would look like a silent monitor, though nobody merely asked.
FRESH_S = 1.5
OLD_WAIT_S = 1.0
FIRST_WAIT_S = 10.0
WINDOW = timedelta(hours=24)
# Ticks and stale marks move with time alone, so the view is made anew now and then.
REMADE = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed:
    """One check as it is shown: its row, what it reads now, its last 24 hours."""

    row: CheckRow
    reading: Reading
    day: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """All that is shown, at one moment. `generation` counts up whenever it was made anew.

    `incidents` are those that stand, worst and oldest first; `alerts` those of rules among them.
    """

    at: datetime
    generation: int
    board: Board
    checks: tuple[Viewed, ...]
    incidents: tuple[Incident, ...]
    alerts: tuple[Alert, ...]
    paging: PagingHealth

    @property
    def readings(self) -> tuple[Reading, ...]:
        """All that the overall status is made of: the checks, and the alert rules that fire."""
        checks = tuple(each.reading for each in self.checks)
        return (*checks, *(alert_reading(each) for each in self.alerts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the web sees now: the moment (None before the first), the pulse, how long ago the store answered.

    `store_age_s` is infinite before the store answered once. `database` names it with its version;
    None while it does not answer. `obstacle` is what keeps the monitor from storing, if that is known.
    """

    now: datetime
    moment: Moment | None
    pulse: Pulse | None
    store_age_s: float
    database: str | None = None
    obstacle: Obstacle | None = None

    @property
    def beat(self) -> datetime | None:
        """The monitor's last beat that was seen."""
        return self.pulse.beat if self.pulse else None


class Live:
    """Holds the newest moment; safe to be asked from many threads, one of which reads the store."""

    def __init__(
        self,
        readings: Readings,
        incidents: IncidentReadings,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        obstacle: Callable[[], Obstacle | None] = lambda: None,
    ) -> None:
        self._readings = readings
        self._incidents = incidents
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._asked: float | None = None
        self._is_told = False
        self._answered: float | None = None
        self._pulse: Pulse | None = None
        self._database: str | None = None
        self._find_obstacle = obstacle
        self._obstacle: Obstacle | None = None
        self._moment: Moment | None = None

    def look(self) -> Sight:
        """The newest sight. One caller at a time reads the store; the others get what is held.

        After a quiet spell what is held is old: then they wait for the one who reads, for a moment.
        """
        if self._is_due() and self._lock.acquire(timeout=self._patience_s()):
            try:
                self._refresh()
            finally:
                self._lock.release()
        return self._sight()

    def renew(self) -> None:
        """Let the next look read the store: something was just changed from here."""
        self._asked = None

    def told(self) -> None:
        """Let the next look read the store: it told that what is shown has changed."""
        self._is_told = True

    def _is_due(self) -> bool:
        asked = self._asked
        held_s = TOLD_S if self._is_told else HELD_S
        return asked is None or self._monotonic() - asked >= held_s

    def _is_silent(self) -> bool:
        """Whether there is a reason to look for what keeps the monitor from storing."""
        beat = self._pulse.beat if self._pulse else None
        return freshness(beat, self._clock()) == Freshness.STALE

    def _patience_s(self) -> float:
        if self._moment is None:
            return FIRST_WAIT_S
        answered = self._answered
        old = answered is None or self._monotonic() - answered > FRESH_S
        return OLD_WAIT_S if old else 0

    def _sight(self) -> Sight:
        answered = self._answered
        age = float("inf") if answered is None else self._monotonic() - answered
        return Sight(
            now=self._clock(),
            moment=self._moment,
            pulse=self._pulse,
            store_age_s=age,
            database=self._database,
            obstacle=self._obstacle,
        )

    def _refresh(self) -> None:
        if not self._is_due():
            return
        # Before it is read: what is told meanwhile may not be in it.
        self._is_told = False
        try:
            pulse = self._readings.pulse()
            now = self._clock()
            if self._is_outdated(pulse, now):
                self._moment = self._make(now)
            self._pulse = pulse
            self._database = self._database or self._readings.database()
            self._answered = self._monotonic()
        except DBAPIError as error:
            # It may come back in another version.
            self._database = None
            log.warning("the store cannot be read", error=str(error.orig))
        finally:
            self._obstacle = self._find_obstacle() if self._is_silent() else None
            # Set after the store answered or failed: a slow store is not asked in a tight row.
            self._asked = self._monotonic()

    def _is_outdated(self, pulse: Pulse, now: datetime) -> bool:
        held = self._moment
        if held is None or held.board.revision != pulse.revision:
            return True
        return not timedelta(0) <= now - held.at < REMADE

    def _make(self, now: datetime) -> Moment:
        board = self._readings.board(now)
        lines = self._readings.timeline(now - WINDOW)
        gaps = self._readings.gaps(now - WINDOW)
        steady: dict[tuple[Status, Mark], tuple[Stretch, ...]] = {}

        def day(told: Sequence[Transition], shown: Reading) -> tuple[Stretch, ...]:
            """The last 24 hours; one for all that have read the same all the time, as most have."""
            reads = (shown.status, shown.mark)
            if told or reads not in steady:
                made = stretches(told, *reads, now - WINDOW, now, gaps)
                return made if told else steady.setdefault(reads, made)
            return steady[reads]

        checks = tuple(
            Viewed(
                row=row, reading=(shown := read(row, now)), day=day(lines.get(row.id, ()), shown)
            )
            for row in board.checks
        )
        generation = self._moment.generation + 1 if self._moment else 1
        return Moment(
            at=now,
            generation=generation,
            board=board,
            checks=checks,
            incidents=self._incidents.open(),
            alerts=self._incidents.alerts(),
            paging=self._incidents.paging(),
        )


def alert_reading(alert: Alert) -> Reading:
    """What an alert reads: the status of its severity, since it was opened."""
    incident = alert.incident
    status = reads_as(incident.severity)
    return Reading(status=status, mark=Mark.NONE, since=incident.opened_at)


def read(row: CheckRow, now: datetime) -> Reading:
    """What a check reads at `now`, pausing and staleness included."""
    return reading(
        row.state,
        enabled=row.enabled,
        due=row.due,
        interval_s=float(row.about["interval_s"]),
        now=now,
    )
