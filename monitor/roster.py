"""Who is watched: every check with its state in memory, its parents and its children."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from domain.composite import Member
from domain.dependencies import ParentView, blocking
from domain.facts import CheckState, Result
from domain.incidents import Problem, problem_of
from domain.reading import Reading, reading
from domain.state import stale_at
from monitor.definitions import WatchedCheck

# Between two first runs: 250 a second leave the loop of a small machine time for what is due.
SHORTEST_PAUSE_S = 0.004


@dataclass(slots=True, kw_only=True)
class Watch:
    """One watched check as it runs. Only the loop's thread touches it."""

    watched: WatchedCheck
    state: CheckState
    due: datetime | None = None
    running: bool = False
    last_result: Result | None = None
    # Of the alert rules that may feed it, by id: what to do about each.
    runbooks: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The check's name."""
        return self.watched.definition.name

    @property
    def enabled(self) -> bool:
        """Whether it is checked at all."""
        return self.watched.definition.enabled

    @property
    def interval_s(self) -> float:
        """Seconds between two scheduled runs."""
        return self.watched.definition.policy.interval_s

    def problem(self, state: CheckState, at: datetime) -> Problem:
        """What a state of the check means for its incident."""
        definition = self.watched.definition
        return problem_of(
            state,
            definition.kind,
            at,
            enabled=self.enabled,
            tags=definition.tags,
            group=self.watched.group,
            runbook=self._runbook(state),
        )

    def _runbook(self, state: CheckState) -> str:
        """What to do about the worst rule that speaks; empty when none has a text."""
        texts = {**self.runbooks, **{rule.id: rule.runbook for rule in self.watched.rules}}
        firing = {rule: level for rule, level in state.levels.items() if level and texts.get(rule)}
        return texts[max(firing, key=firing.__getitem__)] if firing else ""

    def reading(self, now: datetime) -> Reading:
        """What the check reads now, staleness and pausing included."""
        return reading(
            self.state,
            enabled=self.enabled,
            due=self.due,
            interval_s=self.interval_s,
            now=now,
        )

    def view(self, now: datetime) -> ParentView:
        """The check as its children see it by itself. Paused and stale parents do not block."""
        stale = self.due is not None and now > stale_at(self.due, self.interval_s)
        policy = self.watched.definition.policy
        return ParentView(state=self.state, policy=policy, idle=stale or not self.enabled)

    def member(self, now: datetime) -> Member:
        """The check as those see it that are made of it."""
        read = self.reading(now)
        planned = self.state.maintenance is not None
        return Member(name=self.name, status=read.status, mark=read.mark, planned=planned)


class Roster:
    """All watched checks by name, with what they need and what they are made of."""

    def __init__(self, watches: Iterable[Watch] = ()) -> None:
        self._watches = {watch.name: watch for watch in watches}
        self._children: dict[str, list[str]] = {}
        self._wholes: dict[str, list[str]] = {}
        for watch in self._watches.values():
            for parent in watch.watched.definition.parents:
                self._children.setdefault(parent, []).append(watch.name)
            for member in watch.watched.members:
                self._wholes.setdefault(member, []).append(watch.name)

    def __iter__(self) -> Iterator[Watch]:
        return iter(self._watches.values())

    def __len__(self) -> int:
        return len(self._watches)

    def get(self, name: str) -> Watch | None:
        """The watch of a check; None when it is not watched (any more)."""
        return self._watches.get(name)

    def children(self, name: str) -> Sequence[Watch]:
        """The checks that need `name` directly."""
        return [self._watches[child] for child in self._children.get(name, ())]

    def parents(self, watch: Watch, now: datetime) -> Mapping[str, ParentView]:
        """The parents of a check as it sees them."""
        found = ((name, self.get(name)) for name in watch.watched.definition.parents)
        return {name: self.view(parent, now) for name, parent in found if parent is not None}

    def view(self, watch: Watch, now: datetime) -> ParentView:
        """A check as its children see it, with what it is made of."""
        found = (self.get(name) for name in watch.watched.members)
        members = tuple(self.view(each, now) for each in found if each is not None)
        view = watch.view(now)
        return replace(view, made_of=members) if members else view

    def wholes(self, name: str) -> Sequence[str]:
        """The names of the checks that are made of `name` and others."""
        return self._wholes.get(name, ())

    def members(self, watch: Watch, now: datetime) -> list[Member]:
        """What the members of a check read now."""
        found = (self._watches.get(name) for name in watch.watched.members)
        return [member.member(now) for member in found if member is not None]

    def blocker(self, watch: Watch, now: datetime) -> str | None:
        """The root that blocks a check now; None when nothing does."""
        return blocking(watch.watched.definition.depends_on, self.parents(watch, now))


def slots(watches: Iterable[Watch]) -> dict[tuple[int, int], list[str]]:
    """The checks by (interval, phase) in whole seconds: each pair needs one timer only."""
    groups: dict[tuple[int, int], list[str]] = {}
    for watch in watches:
        interval = max(1, round(watch.interval_s))
        groups.setdefault((interval, phase(watch.name, interval)), []).append(watch.name)
    return groups


def phase(name: str, interval: int) -> int:
    """The second within the interval at which a check runs: a hash of its name spreads the load."""
    return zlib.crc32(name.encode()) % interval


def next_slot(name: str, interval_s: float, now: datetime) -> datetime:
    """The next scheduled time of a check after `now`."""
    interval = max(1, round(interval_s))
    offset = phase(name, interval)
    elapsed = now.timestamp() - offset
    return datetime.fromtimestamp((elapsed // interval + 1) * interval + offset, UTC)


def opening_order(watches: Iterable[Watch], spread_s: float) -> list[tuple[float, str]]:
    """When each check runs first after the start: seconds from now and name, stalest first.

    A small roster starts at once; a large one is spread so that there is no storm, and a very large
    one for longer: whose slot comes before its turn runs then.
    """
    never = datetime.min.replace(tzinfo=UTC)
    order = sorted(watches, key=lambda watch: (watch.state.last_at or never, watch.name))
    pause = max(min(spread_s / max(len(order), 1), 0.05), SHORTEST_PAUSE_S)
    return [(index * pause, watch.name) for index, watch in enumerate(order)]
