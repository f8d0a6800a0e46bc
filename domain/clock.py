"""Whether the wall clock can be trusted with what can't be undone: deleting, sealing, rolling up.

It is compared with a clock that counts on steadily and can't be set. One that says what it should is
trusted. One that jumped is doubted: until it is back where it should be, or has gone on evenly for a
day, in which somebody would have noticed. After a start nobody knows how long the machine was off:
up to a week is believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.units import span

# How far the clock may be ahead of where it should be, and behind it. Time services slew what is
# less than a second; by hand or after a pause of a virtual machine it is minutes.
AHEAD = timedelta(minutes=30)
BEHIND = timedelta(minutes=5)
# Who was off for longer than that proves by a day of steady running what time it is.
AWAY = timedelta(days=7)
SETTLES = timedelta(hours=24)
# By how much what is deleted may catch up with the clock in one hourly round.
MOST_A_ROUND = timedelta(days=1)


class Trust(StrEnum):
    """What one look at the clock says."""

    STEADY = "steady"
    AHEAD = "ahead"
    BEHIND = "behind"
    RETURNED = "returned"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What is known of the wall clock: what it said last, and what it should say.

    `doubted` is when it jumped, as it said itself afterwards; None while it is trusted. `slack` is by
    how much it may be ahead of `expected`: it grows by the time that nobody measured.
    """

    expected: datetime
    seen: datetime
    doubted: datetime | None = None
    slack: timedelta = AHEAD

    @property
    def settles_at(self) -> datetime | None:
        """When a doubted clock will be taken as right, should it go on evenly; None for no doubt."""
        return None if self.doubted is None else self.doubted + SETTLES


def look(before: Clock, now: datetime, elapsed: timedelta | None) -> tuple[Clock, Trust]:
    """What is known after one more look at the wall clock, and the reason.

    `elapsed` is what a steady clock counted since the last look; None after a start.
    """
    expected = before.expected + (elapsed or timedelta())
    slack = before.slack if elapsed is not None else max(before.slack, AWAY)
    if expected - BEHIND <= now <= expected + slack:
        trust = Trust.STEADY if before.doubted is None else Trust.RETURNED
        return Clock(expected=now, seen=now), trust
    doubted = now if _jumped(before, now, elapsed) else before.doubted
    if doubted is not None and now - doubted >= SETTLES:
        return Clock(expected=now, seen=now), Trust.CONFIRMED
    after = Clock(expected=expected, seen=now, doubted=doubted, slack=slack)
    return after, Trust.AHEAD if now > expected else Trust.BEHIND


def retained_until(before: datetime | None, now: datetime) -> datetime:
    """Up to what time "now" counts for what is deleted: it follows the clock a day a round at most.

    `before` is what it was in the round before; None for the first one. So a clock that is wrong for
    so long that it is believed takes a few days of history, not all of it.
    """
    return now if before is None else min(now, before + MOST_A_ROUND)


def doubts(clock: Clock, trust: Trust) -> str:
    """What people are told of a doubted clock, and what follows from it."""
    gap = abs(clock.seen - clock.expected)
    settles = clock.settles_at or clock.seen
    return (
        f"The clock of this machine jumped: it says {_text(clock.seen)}, {span(gap.total_seconds())} "
        f"{'more' if trust is Trust.AHEAD else 'less'} than it should. If that is wrong, set it right. "
        f"If it goes on like that it is taken as right from {_text(settles)} on. Until then nothing "
        "is deleted, sealed or rolled up."
    )


def _jumped(before: Clock, now: datetime, elapsed: timedelta | None) -> bool:
    """Whether the clock did not go on evenly since the last look; the first doubt is a jump too."""
    if before.doubted is None:
        return True
    gone = now - before.seen
    if elapsed is None:
        return not timedelta() <= gone <= AWAY
    return abs(gone - elapsed) > BEHIND


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
