"""What monitor tests put at the seams: a clock that is moved by hand, checks that answer as told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from domain.definitions import CheckDefinition
from domain.facts import Cause, CheckState, Measurement, Policy, Status
from domain.rules import Rule
from monitor.checks import Check, Deadline, Kind
from monitor.cycle import Cycle
from monitor.definitions import WatchedCheck
from monitor.roster import Roster, Watch
from storage.journal import Entry
from storage.rule_rows import Ruled

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


class Told(Check, frozen=True):
    """A check that answers what stands in `ANSWERS` under its key; raises what is an exception."""

    key: str

    async def run(self, deadline: Deadline) -> Measurement:
        answer = ANSWERS[self.key]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def target(self) -> str:
        return f"told {self.key}"


Told.spec = Kind(name="told", model=Told, title="Told", component="api", headline="told.ms")
ANSWERS: dict[str, Measurement | Exception] = {}


def good(value: float = 1.0) -> Measurement:
    return Measurement(
        status=Status.HEALTHY, message="fine", metrics={"told.ms": value}, response_time_ms=value
    )


def bad(cause: Cause = Cause.REFUSED) -> Measurement:
    return Measurement(status=Status.CRITICAL, message="refused", cause=cause)


def watched(
    name: str,
    depends_on: tuple[tuple[str, ...], ...] = (),
    rules: tuple[Rule, ...] = (),
    policy: Policy | None = None,
    enabled: bool = True,
    tags: tuple[str, ...] = (),
) -> WatchedCheck:
    definition = CheckDefinition(
        name=name,
        kind="told",
        depends_on=depends_on,
        policy=policy or Policy(),
        enabled=enabled,
        tags=tags,
    )
    return WatchedCheck(definition=definition, check=Told(key=name), rules=rules)


@dataclass
class Kept:
    """Records that keep what they are given."""

    groups: list[list[Entry]] = field(default_factory=list)

    def record(self, entries: Sequence[Entry | Ruled], *, urgent: bool = False) -> None:
        self.groups.append(list(entries))

    @property
    def entries(self) -> list[Entry]:
        return [entry for group in self.groups for entry in group]


class NoForeign:
    """No foreign checks here."""

    async def run(self, check: Check, kind: str, timeout_s: float) -> Measurement:
        raise AssertionError("no foreign check was expected")


@dataclass
class Stage:
    """A cycle over checks that answer as told, with everything it did laid open."""

    cycle: Cycle
    clock: Clock
    kept: Kept
    wishes: list[tuple[float, str, int]]

    def tell(self, answers: Mapping[str, Measurement | Exception]) -> None:
        ANSWERS.update(answers)

    def watch(self, name: str) -> Watch:
        found = self.cycle.roster.get(name)
        assert found is not None
        return found

    async def confirm(self, name: str, answer: Measurement | Exception, times: int = 3) -> None:
        """Run a check so often with one answer that it is confirmed."""
        self.tell({name: answer})
        for attempt in range(1, times + 1):
            await self.cycle.run(name, attempt)
            self.clock.forward(2)


def stage(*checks: WatchedCheck) -> Stage:
    clock, kept = Clock(), Kept()
    wishes: list[tuple[float, str, int]] = []

    def later(seconds: float, name: str, attempt: int) -> None:
        wishes.append((seconds, name, attempt))

    watches = []
    for check in checks:
        name = check.definition.name
        ANSWERS[name] = good()
        watches.append(Watch(watched=check, state=CheckState(check=name)))
    cycle = Cycle(Roster(watches), kept, NoForeign(), clock=clock, later=later)
    return Stage(cycle=cycle, clock=clock, kept=kept, wishes=wishes)
