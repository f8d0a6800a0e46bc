"""What a check reads right now: its confirmed status, overlaid by pausing and staleness.

Before anything else: a check that measures nothing never reads healthy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.facts import CheckState, Mark, Status
from domain.state import mark_of, reads, stale_at

BEAT_NORMAL_S = 5.0
BEAT_STALE_S = 10.0
LEFT_OUT = (Mark.PAUSED, Mark.MAINTENANCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one check reads: status and the mark beside it, since when (UTC)."""

    status: Status
    mark: Mark
    since: datetime | None


def reading(
    state: CheckState,
    *,
    enabled: bool,
    due: datetime | None,
    interval_s: float,
    now: datetime,
) -> Reading:
    """The status shown for a check. Paused and stale overlay everything and read unknown."""
    if not enabled:
        # Paused while no monitor ran: the state does not know since when.
        since = state.mark_since if state.mark is Mark.PAUSED else None
        return Reading(status=Status.UNKNOWN, mark=Mark.PAUSED, since=since)
    if due is not None and now > stale_at(due, interval_s):
        return Reading(status=Status.UNKNOWN, mark=Mark.STALE, since=stale_at(due, interval_s))
    overlaid = reads(state) is not state.hard
    since = state.mark_since if overlaid else state.since
    return Reading(status=reads(state), mark=mark_of(state), since=since)


class Freshness:
    """Names for the age of the monitor's beat, from fresh to stale."""

    NORMAL = "normal"
    LATE = "late"
    STALE = "stale"


def freshness(beat: datetime | None, now: datetime) -> str:
    """How fresh the data is: `normal` up to 5 s, `late` up to 10 s, `stale` beyond or without a beat.

    A beat that lies ahead by as much is of a clock that was wrong, and no sign of life now.
    """
    if beat is None:
        return Freshness.STALE
    age_s = abs((now - beat).total_seconds())
    if age_s <= BEAT_NORMAL_S:
        return Freshness.NORMAL
    return Freshness.LATE if age_s <= BEAT_STALE_S else Freshness.STALE


def overall(readings: Sequence[Reading]) -> Status:
    """The worst status of all checks that count; unknown when none does.

    Paused checks and those in maintenance do not.
    """
    watched = [each.status for each in readings if each.mark not in LEFT_OUT]
    return max(watched, default=Status.UNKNOWN)


FOLDED = {
    Status.HEALTHY: "healthy",
    Status.WARNING: "degraded",
    Status.DEGRADED: "degraded",
    Status.UNKNOWN: "degraded",
    Status.CRITICAL: "critical",
}


def fold(status: Status, *, stale: bool = False) -> str:
    """The three words of `/health`: healthy, degraded, critical. A stale monitor is critical."""
    return "critical" if stale else FOLDED[status]
