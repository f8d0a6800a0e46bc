"""Watches the wall clock beside one that can't be set, and has the store remember what it doubts."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from domain.clock import Clock, Trust, doubts, look
from monitor.orders import Ask
from storage import timekeeping
from storage.journal import Journal
from storage.leadership import Lease
from storage.slices import Slices

log = structlog.get_logger()

NOTICE = "clock"
CONFIRMED = "The clock has gone on evenly for a day: it is taken as right."


def steady_s() -> float:
    """Seconds on a clock that nobody can set and that counts while the machine sleeps."""
    # Linux only; elsewhere a night's sleep looks like a jump of the clock.
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class ClockWatch:
    """Looks at both clocks with each beat; what that changes is written by `settle`."""

    def __init__(
        self,
        engine: Engine,
        lease: Lease,
        journal: Journal,
        ask: Ask,
        steady: Callable[[], float] = steady_s,
    ) -> None:
        self._engine = engine
        self._lease = lease
        self._journal = journal
        self._ask = ask
        self._steady = steady
        self._clock: Clock | None = None
        self._last_s = 0.0
        self._trust = Trust.STEADY
        self._is_stored = True

    @property
    def is_settled(self) -> bool:
        """Whether the store knows what the last look found."""
        return self._is_stored

    async def begin(self, now: datetime) -> None:
        """Recall what the monitor before knew of the clock. To be called before the first beat."""
        if self._clock is not None:
            return
        remembered = await self._ask(lambda: timekeeping.recall(self._engine))
        self._clock = remembered.clock(self._lease.previous_beat, now)
        self._note(now, None)

    def tick(self, now: datetime) -> None:
        """Look at both clocks."""
        if self._clock is not None:
            self._note(now, timedelta(seconds=self._steady() - self._last_s))

    async def settle(self, now: datetime) -> None:
        """Look, and have the store know what was found. Raises the driver's error."""
        self.tick(now)
        if self._is_stored or self._clock is None:
            return
        # In the writer's thread it may change meanwhile: what is written is what was seen here.
        clock, trust = self._clock, self._trust
        await self._ask(lambda: self._store(clock, trust, now))
        self._is_stored = (clock.doubted, trust) == (self._clock.doubted, self._trust)

    def _note(self, now: datetime, elapsed: timedelta | None) -> None:
        assert self._clock is not None, "begin() comes first"
        before = self._clock.doubted
        self._last_s = self._steady()
        self._clock, trust = look(self._clock, now, elapsed)
        if trust is Trust.STEADY or (trust is self._trust and before == self._clock.doubted):
            return
        self._trust, self._is_stored = trust, False
        log.warning("the clock", trust=trust.value, says=now.isoformat())

    def _store(self, clock: Clock, trust: Trust, now: datetime) -> None:
        if trust in (Trust.AHEAD, Trust.BEHIND):
            timekeeping.doubt(self._engine, self._lease, clock)
            self._journal.notify(NOTICE, "warning", doubts(clock, trust), now)
            return
        if trust is Trust.RETURNED:
            timekeeping.put_right(Slices(self._engine, self._lease), now)
        else:
            timekeeping.accept(self._engine, self._lease)
        self._journal.withdraw(NOTICE)
