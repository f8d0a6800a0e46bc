"""A composite: a status that is made of the hard states of other checks, by how many are well.

The rule is that of Icinga's `MIN n` in business processes: the status that the n best members
have at least. So one that is in a warning still serves, and passes the warning on where it is
needed; one that is unknown is neither well nor down, and what hangs on it alone is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.facts import Mark, Status
from domain.matching import Match, Subject, matches

KIND = "composite"
SHOWN = 5
# Sums of weights such as 0.1 may miss what they are compared with by a hair.
HAIR = 1e-9
WORDS = {Mark.PENDING: "not measured yet", Mark.STALE: "stale", Mark.BLOCKED: "blocked"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What one member reads now. `planned` says that a maintenance window covers it."""

    name: str
    status: Status
    mark: Mark
    planned: bool = False

    @property
    def is_left_out(self) -> bool:
        """Whether it counts for nothing, on purpose: paused, or not well in a maintenance window."""
        return self.mark is Mark.PAUSED or (self.planned and self.status is not Status.HEALTHY)

    @property
    def words(self) -> str:
        """The member as messages name it: `shop-b critical`, `shop-c blocked`."""
        if self.mark is Mark.PAUSED:
            return f"{self.name} paused"
        if self.planned and self.is_left_out:
            return f"{self.name} in maintenance"
        if self.status is Status.UNKNOWN:
            return f"{self.name} {WORDS.get(self.mark, self.status.word)}"
        return f"{self.name} {self.status.word}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """How much must be well: by number or weight, or in per cent of the weight that counts.

    Less than `at_least` is as bad as what is missing; less than `warn_below` is a warning.
    """

    at_least: float
    warn_below: float | None = None
    in_percent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What the members amount to. `healthy` and `total` are weights, `percent` their ratio.

    `percent` is None when nothing counts.
    """

    status: Status
    message: str
    healthy: float
    total: float
    percent: float | None


def weigh(members: Sequence[Member], weights: Mapping[str, float], needs: Needs) -> Weighed:
    """What the members amount to. Who has no weight given weighs 1.

    Who is left out sinks what is needed to what is left at most: pausing a member that is
    down makes nothing worse.
    """
    counted = [each for each in members if not each.is_left_out]
    aside = _listed([each.words for each in members if each.is_left_out])
    total = sum(weights.get(each.name, 1.0) for each in counted)
    if not counted:
        message = f"Nothing counts: {aside}" if members else "It has no members"
        return Weighed(status=Status.UNKNOWN, message=message, healthy=0, total=0, percent=None)
    healthy = sum(weights.get(each.name, 1.0) for each in counted if _is_well(each))
    status = _reached(counted, weights, _weight(needs.at_least, needs, total))
    bound = needs.at_least
    warned = needs.warn_below
    if not status and warned is not None and healthy < _weight(warned, needs, total) - HAIR:
        status, bound = Status.WARNING, warned
    found = _found(healthy, total, needs, weighted=bool(weights))
    expected = f", expected at least {_bound(bound, needs, total)}" if status else ""
    worst = sorted((each for each in counted if not _is_well(each)), key=lambda each: -each.status)
    listed = _listed([each.words for each in worst])
    message = f"{found}{expected}{f': {listed}' if listed else ''}"
    return Weighed(
        status=status,
        message=f"{message}; left out: {aside}" if aside else message,
        healthy=healthy,
        total=total,
        percent=100 * healthy / total,
    )


def selected(
    of: Sequence[str], match: Match | None, subjects: Sequence[Subject], own: str
) -> tuple[str, ...]:
    """The members by name, then those that match, in their order.

    Composites are members by name only: else two that match alike would contain each other.
    """
    matching = (
        subject.name
        for subject in subjects
        if match is not None and subject.kind != KIND and matches(match, subject)
    )
    return tuple(dict.fromkeys([*of, *(name for name in matching if name != own)]))


def _is_well(member: Member) -> bool:
    return member.status is Status.HEALTHY


def _reached(counted: Sequence[Member], weights: Mapping[str, float], needed: float) -> Status:
    """The status that the best members of so much weight have at least."""
    sum_ = 0.0
    for member in sorted(counted, key=lambda each: each.status):
        sum_ += weights.get(member.name, 1.0)
        if sum_ >= needed - HAIR:
            return member.status
    return Status.CRITICAL


def _weight(bound: float, needs: Needs, total: float) -> float:
    """A bound as a weight, of what counts at most."""
    return total * bound / 100 if needs.in_percent else min(bound, total)


def _bound(bound: float, needs: Needs, total: float) -> str:
    return f"{bound:g} %" if needs.in_percent else f"{_weight(bound, needs, total):g}"


def _found(healthy: float, total: float, needs: Needs, *, weighted: bool) -> str:
    how = " by weight" if weighted else ""
    if needs.in_percent:
        return f"{100 * healthy / total:.3g} %{how} healthy"
    return f"{healthy:g} of {total:g}{how} healthy"


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
