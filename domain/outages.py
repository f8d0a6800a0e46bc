"""Stretches in which nothing could be received, and how deadlines move by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

# The web says that it receives every ten seconds; one that has not for so long does not.
RECEIVES_WITHIN = timedelta(seconds=30)
MOST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """From `since` to `until` nobody could have been heard."""

    since: datetime
    until: datetime


def outage_between(last: datetime | None, now: datetime) -> Outage | None:
    """The outage between the last sign that somebody receives and now; None for a short pause."""
    if last is None or now - last <= RECEIVES_WITHIN:
        return None
    return Outage(since=last, until=now)


def merged(outages: Iterable[Outage]) -> tuple[Outage, ...]:
    """The same stretches in order, without overlaps; the newest of very many."""
    found: list[Outage] = []
    for each in sorted(outages, key=lambda outage: outage.since):
        if found and each.since <= found[-1].until:
            until = max(found[-1].until, each.until)
            found[-1] = Outage(since=found[-1].since, until=until)
        elif each.since < each.until:
            found.append(each)
    return tuple(found[-MOST:])


def ended_after(outages: Iterable[Outage], moment: datetime) -> tuple[Outage, ...]:
    """Those that may still move a deadline which counts from `moment` on."""
    return tuple(each for each in outages if each.until > moment)


def moved(deadline: datetime, anchor: datetime, outages: Iterable[Outage]) -> datetime:
    """A deadline that counts from `anchor`, later by the outages between the two.

    One that begins after the deadline has passed moves nothing any more.
    """
    for each in merged(outages):
        if each.until > anchor and each.since <= deadline:
            deadline += each.until - max(each.since, anchor)
    return deadline
