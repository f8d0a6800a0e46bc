"""The monitor watches itself: its beat, the lag of its loop, and steps of the wall clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

BEAT_S = 2.0
# Slewing by NTP stays far below this; a step, a resumed laptop or a thawed VM lies above it.
STEP_S = 1.5
BUSY = 0.25
EARLY_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One look at both clocks, wall (UTC) and monotonic (seconds), and the CPU used so far (s)."""

    wall: datetime
    monotonic: float
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What two ticks say: how late the loop was, and by how much the wall clock was moved.

    `busy` is the share of the time in which the process had the CPU.
    """

    lag_ms: float
    step_s: float
    busy: float = 0.0

    @property
    def stepped(self) -> bool:
        """Whether the wall clock was set, so that due times must be laid anew."""
        return abs(self.step_s) > STEP_S

    @property
    def slept(self) -> bool:
        """Whether the process was stopped for a while (suspended, frozen), and not just busy.

        One that has more to do than it can would have even more if all checks were begun anew.
        """
        return self.lag_ms > 1000 * 2 * BEAT_S and self.busy < BUSY


def next_beat(now: float) -> float:
    """The next time to beat on a clock in seconds; all that is done every 2 s is done then.

    To wake the process once for three things costs less than to wake it three times.
    """
    # A timer may come by the clock's resolution too early, and must not come twice.
    return ((now + EARLY_S) // BEAT_S + 1) * BEAT_S


# Before there is anything to compare with.
FIRST = Vitals(lag_ms=0.0, step_s=0.0)


def vitals(before: Tick, now: Tick, planned_s: float = BEAT_S) -> Vitals:
    """Compare two ticks that were planned `planned_s` apart."""
    elapsed = now.monotonic - before.monotonic
    wall = (now.wall - before.wall).total_seconds()
    return Vitals(
        lag_ms=max(0.0, (elapsed - planned_s) * 1000),
        step_s=wall - elapsed,
        busy=(now.cpu_s - before.cpu_s) / elapsed if elapsed > 0 else 0.0,
    )


class SelfWatch:
    """Beats from the loop that runs the checks; tells of clock steps and of time slept."""

    def __init__(
        self,
        look: Callable[[], Tick],
        *,
        beat: Callable[[datetime, Vitals], None],
        stepped: Callable[[Vitals], None],
    ) -> None:
        self._look = look
        self._beat = beat
        self._stepped = stepped
        self._last: Tick | None = None

    def tick(self, due: float | None = None) -> None:
        """One beat. To be called by the loop at `next_beat`; `due` is when that was, if it was planned."""
        now = self._look()
        found = FIRST
        if self._last is not None:
            planned_s = BEAT_S if due is None else due - self._last.monotonic
            found = vitals(self._last, now, planned_s)
            if found.stepped or found.slept:
                self._stepped(found)
        self._last = now
        self._beat(now.wall, found)


def look() -> Tick:
    """Both clocks now, and the CPU used so far."""
    return Tick(wall=utc_now(), monotonic=time.monotonic(), cpu_s=time.process_time())


def utc_now() -> datetime:
    """The wall clock, aware, in whole milliseconds: what the store keeps of a time."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
