"""Dependencies: what the state of a check's parents means for its result.

Parents are required all, unless they share a redundancy group: a group is down when all its
members are. Paused and stale parents do not block. Cycles are refused before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter

from domain.facts import CheckState, Mark, Policy, Status


class ParentVerdict(StrEnum):
    """What the parents say: clear, one is down, not decided yet, or given up waiting."""

    CLEAR = "clear"
    BLOCKED = "blocked"
    WAIT = "wait"
    UNDECIDED = "parent undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parents:
    """The verdict on a check's parents: `by` names the root that blocks, `run` who must run now."""

    verdict: ParentVerdict = ParentVerdict.CLEAR
    by: str | None = None
    run: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """The named reason that stands in the timeline; empty when parents do not matter."""
        if self.verdict is ParentVerdict.BLOCKED:
            return f"blocked by {self.by}"
        return self.verdict.value if self.verdict is ParentVerdict.UNDECIDED else ""


CLEAR = Parents()
# The built-in parent of checks with `scope = "outside"`: see `with_own_network`.
OWN_NETWORK = "own-network"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentView:
    """What a child sees of one parent. `idle` is a paused or stale parent, which does not block.

    `made_of` are the members of a composite, which is decided when they are.
    """

    state: CheckState
    policy: Policy
    idle: bool = False
    made_of: tuple[ParentView, ...] = ()


def root_block(view: ParentView) -> str | None:
    """The name of what blocks through this parent: itself when hard critical, or its own blocker.

    A composite that can't be known blocks for what its members are blocked by.
    """
    if view.idle:
        return None
    if view.made_of and view.state.mark is Mark.INCONCLUSIVE:
        return next((root for each in view.made_of if (root := _behind(each))), None)
    if view.state.mark is Mark.BLOCKED:
        return view.state.blocked_by
    down = view.state.hard is Status.CRITICAL and view.state.mark is not Mark.ANEW
    return view.state.check if down else None


def blocking(groups: Sequence[Sequence[str]], parents: Mapping[str, ParentView]) -> str | None:
    """The root of the first group of which every member is down; None when nothing blocks."""
    for group in groups:
        roots = [root_block(parents[name]) for name in group if name in parents]
        if roots and all(roots):
            return roots[0]
    return None


def consult(
    groups: Sequence[Sequence[str]],
    parents: Mapping[str, ParentView],
    failing_since: datetime | None,
    now: datetime,
) -> Parents:
    """Ask the parents of a check that fails since `failing_since` (None: it does not fail).

    A parent without a result newer than the child's first failure must run at once; the child
    waits for it, and while one is soft-bad, at most failures × (timeout + retry).
    """
    blocker = blocking(groups, parents)
    if blocker is not None:
        return Parents(verdict=ParentVerdict.BLOCKED, by=blocker)
    if failing_since is None:
        return CLEAR
    waiting = [view for group in groups for view in _waiting(group, parents, failing_since)]
    if not waiting:
        return CLEAR
    patience = max(map(_patience_s, waiting))
    if now - failing_since > timedelta(seconds=patience):
        return Parents(verdict=ParentVerdict.UNDECIDED)
    run = dict.fromkeys(name for view in waiting for name in _to_run(view, failing_since))
    return Parents(verdict=ParentVerdict.WAIT, run=tuple(run))


def cycle(parents_of: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A dependency cycle, as the names along it with the first repeated; empty when there is none."""
    try:
        TopologicalSorter(parents_of).prepare()
    except CycleError as error:
        # graphlib names the cycle from parent to child; people read it from child to parent.
        return tuple(reversed(error.args[1]))
    return ()


def _waiting(
    group: Sequence[str], parents: Mapping[str, ParentView], failing_since: datetime
) -> list[ParentView]:
    """The undecided members of a group; none when another member stands, so that it can't block."""
    views = [parents[name] for name in group if name in parents]
    undecided = [view for view in views if _undecided(view, failing_since)]
    stands = any(view not in undecided and root_block(view) is None for view in views)
    return [] if stands else undecided


def _behind(view: ParentView) -> str | None:
    """What a member of a composite is blocked by; a member that is down itself blocks nothing."""
    blocks = view.state.mark is Mark.BLOCKED or bool(view.made_of)
    root = root_block(view) if blocks else None
    return None if root == view.state.check else root


def _to_run(view: ParentView, moment: datetime) -> Iterator[str]:
    """Who has to run for a parent to be decided: of a composite its members, and it after them."""
    for member in view.made_of:
        if not member.idle:
            yield from _to_run(member, moment)
    if _is_older(view, moment):
        yield view.state.check


def _is_older(view: ParentView, moment: datetime) -> bool:
    return view.state.last_at is None or view.state.last_at < moment


def _undecided(view: ParentView, failing_since: datetime) -> bool:
    if view.idle:
        return False
    if any(_undecided(each, failing_since) or _is_ahead(each, view) for each in view.made_of):
        return True
    confirmed = view.state.mark is not Mark.ANEW and view.state.last_status is view.state.hard
    soft_bad = view.state.last_status is not Status.HEALTHY and not confirmed
    return _is_older(view, failing_since) or soft_bad


def _is_ahead(member: ParentView, whole: ParentView) -> bool:
    """Whether a member has turned bad since its composite last looked."""
    since = member.state.since
    return since is not None and _is_older(whole, since)


def _patience_s(view: ParentView) -> float:
    policy = view.policy
    retry = policy.interval_s if policy.retry_interval_s is None else policy.retry_interval_s
    own = policy.failures * (policy.timeout_s + retry)
    return max([own, *map(_patience_s, view.made_of)])
