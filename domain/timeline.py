"""The timeline of what a check read: stretches between transitions, and the ticks drawn of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.facts import Change, Mark, Status, Transition

NOT_MEASURED = "-"
LETTERS = {
    Status.HEALTHY: "h",
    Status.WARNING: "w",
    Status.DEGRADED: "d",
    Status.UNKNOWN: "u",
    Status.CRITICAL: "c",
}
MARKED = {
    Mark.PENDING: NOT_MEASURED,
    Mark.STALE: NOT_MEASURED,
    Mark.PAUSED: "p",
    Mark.BLOCKED: "b",
    Mark.MAINTENANCE: "m",
}
# Of several letters in one tick the one that matters most is drawn.
WORST_FIRST = "cudwbmph-"
RANKS = {letter: rank for rank, letter in enumerate(WORST_FIRST)}
LEAST = RANKS[NOT_MEASURED]
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """From `start` to `end` the check read `status` with `mark`; `measured` is False in a gap."""

    start: datetime
    end: datetime
    status: Status
    mark: Mark = Mark.NONE
    reason: str = ""
    message: str = ""
    measured: bool = True

    @property
    def letter(self) -> str:
        """One letter for it: h w d u c by status, b p by mark, `-` where nothing was measured."""
        if not self.measured:
            return NOT_MEASURED
        return MARKED.get(self.mark, LETTERS[self.status])

    @property
    def length_s(self) -> float:
        """Its length in seconds."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch in which nothing at all was measured, and why."""

    started: datetime
    ended: datetime
    reason: str


def stretches(
    rows: Sequence[Transition],
    now_reads: Status,
    now_mark: Mark,
    start: datetime,
    end: datetime,
    gaps: Sequence[Gap] = (),
) -> tuple[Stretch, ...]:
    """The stretches from `start` to `end`, oldest first. `rows` are the transitions in between.

    Without any, the check has read all the time what it reads now.
    """
    told = [row for row in rows if row.change is not Change.FLAPPING and start <= row.at < end]
    first = told[0] if told else None
    status = first.before if first else now_reads
    mark = first.mark_before if first else now_mark
    found = []
    since, reason, message = start, "", ""
    for row in told:
        found.append(_stretch(since, row.at, status, mark, reason, message))
        since, status, mark, reason, message = row.at, row.after, row.mark, row.reason, row.message
    found.append(_stretch(since, end, status, mark, reason, message))
    whole = [each for each in found if each.end > each.start]
    return tuple(part for each in whole for part in _without(each, gaps))


def ticks(parts: Sequence[Stretch], start: datetime, end: datetime, count: int) -> str:
    """`count` letters from `start` to `end`: in each the worst of what the check read in it."""
    width = (end - start) / count
    worst = [LEAST] * count
    for part in parts:
        rank = RANKS[part.letter]
        first = max(0, int((part.start - start) / width))
        last = min(count - 1, int((part.end - start - INSTANT) / width))
        for index in range(first, last + 1):
            if rank < worst[index]:
                worst[index] = rank
    return "".join([WORST_FIRST[rank] for rank in worst])


def _stretch(
    start: datetime, end: datetime, status: Status, mark: Mark, reason: str, message: str
) -> Stretch:
    return Stretch(start=start, end=end, status=status, mark=mark, reason=reason, message=message)


def _without(part: Stretch, gaps: Sequence[Gap]) -> list[Stretch]:
    """The stretch with all gaps cut out of it. Of thousands of checks most meet few or none."""
    pieces = [part]
    for gap in gaps:
        if gap.started >= part.end or gap.ended <= part.start:
            continue
        # Gaps come in the order of time: what lies before one is cut no more, as a rule.
        *before, last = pieces
        if gap.started >= last.start:
            pieces = [*before, *_cut(last, gap)]
        else:
            pieces = [piece for each in pieces for piece in _cut(each, gap)]
    return pieces


def _cut(part: Stretch, gap: Gap) -> list[Stretch]:
    """The stretch with the gap's share of it marked as not measured."""
    start, end = max(part.start, gap.started), min(part.end, gap.ended)
    if start >= end:
        return [part]
    pieces = [
        _piece(part, part.start, start),
        Stretch(start=start, end=end, status=Status.UNKNOWN, reason=gap.reason, measured=False),
        _piece(part, end, part.end),
    ]
    return [each for each in pieces if each.end > each.start]


def _piece(part: Stretch, start: datetime, end: datetime) -> Stretch:
    return Stretch(
        start=start,
        end=end,
        status=part.status,
        mark=part.mark,
        reason=part.reason,
        message=part.message,
        measured=part.measured,
    )
