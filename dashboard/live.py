"""One view of the store for all viewers: read at most twice a second, kept in memory between.

Everything that is polled (`/health`, the snapshot, probes) is answered from the moment held here,
also while the store is away: then the last one stands and its age tells.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from dashboard.viewing import REMADE, Viewed, Viewing
from domain.facts import Mark
from domain.incidents import Incident, reads_as
from domain.reading import Freshness, Reading, freshness
from storage.incident_readings import Alert, IncidentReadings, PagingHealth
from storage.readings import Board, Pulse, Readings
from storage.room import Obstacle

log = structlog.get_logger()

HELD_S = 0.5
# What the store tells of is read at the next look, but not more often than this.
TOLD_S = 0.1
# What is held no longer than this is good enough for who asks while it is read anew.
AHEAD_S = 1.0
# What is held longer than this would look like a silent monitor, though nobody merely asked.
FRESH_S = 1.5
OLD_WAIT_S = 1.0
FIRST_WAIT_S = 10.0


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
    """Holds the newest moment; safe to be asked from many threads, one of which reads the store.

    After `keep_ahead` that is a thread of its own, as long as others ask all the time: a view of a
    thousand checks takes longer to read than anybody's request may.
    """

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
        self._viewing = Viewing(readings)
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
        self._is_ahead = False
        self._wanted = threading.Event()

    def keep_ahead(self) -> None:
        """Read for those who ask all the time in a thread of its own, until the process ends."""
        self._is_ahead = True
        threading.Thread(target=self._read_ahead, daemon=True, name="live").start()

    def look(self) -> Sight:
        """The newest sight. One caller at a time reads the store; the others get what is held.

        After a quiet spell what is held is old: then they wait for the one who reads, for a moment.
        """
        if self._is_due():
            if self._is_ahead and self._is_young():
                self._wanted.set()
            elif self._lock.acquire(timeout=self._patience_s()):
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

    def _is_young(self) -> bool:
        """Whether what is held will do until it is read anew; never after a change from here."""
        asked, answered = self._asked, self._answered
        if asked is None or answered is None:
            return False
        return self._monotonic() - answered <= AHEAD_S

    def _read_ahead(self) -> None:
        while self._wanted.wait():
            self._wanted.clear()
            try:
                with self._lock:
                    self._refresh()
            except Exception:
                # Whoever asks next reads by itself, and is told what is wrong.
                log.exception("the view could not be made ahead")

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
        checks = self._viewing.of(board.checks, now)
        standing = self._incidents.open()
        generation = self._moment.generation + 1 if self._moment else 1
        return Moment(
            at=now,
            generation=generation,
            board=board,
            checks=checks,
            incidents=standing,
            alerts=self._incidents.alerts(standing),
            paging=self._incidents.paging(),
        )


def alert_reading(alert: Alert) -> Reading:
    """What an alert reads: the status of its severity, since it was opened."""
    incident = alert.incident
    status = reads_as(incident.severity)
    return Reading(status=status, mark=Mark.NONE, since=incident.opened_at)
