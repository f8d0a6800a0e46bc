"""The whole flow with a clock moved by hand: cycle → journal on a real store → what a page says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from dashboard.views import CheckView, check_view
from domain.facts import CheckState, Measurement
from monitor.cycle import Cycle
from monitor.definitions import WatchedCheck
from monitor.publishing import published
from monitor.roster import Roster, Watch
from storage.journal import Beat, Entry, Journal
from storage.leadership import Lease, Process, claim
from storage.readings import Readings
from tests.monitor.stand_ins import ANSWERS, START, Clock, NoForeign, good


@dataclass
class Direct:
    """Records that commit at once, in one transaction a group."""

    journal: Journal
    lease: Lease

    def record(self, entries: Sequence[Entry], *, urgent: bool = False) -> None:
        self.journal.commit(self.lease, entries)


@dataclass
class Scenario:
    """Checks that answer as told, run over a real store."""

    engine: Engine
    clock: Clock
    cycle: Cycle
    journal: Journal
    lease: Lease

    async def slot(self, **answers: Measurement) -> None:
        """One interval passes: every check runs at its slot with its answer, and is retried."""
        ANSWERS.update(answers)
        self.clock.forward(30)
        for watch in list(self.cycle.roster):
            await self.tries(watch.name)
        self.journal.commit(self.lease, [], [], Beat(at=self.clock.now))

    async def once(self, **answers: Measurement) -> None:
        """An interval later the named checks run once, without their retries."""
        ANSWERS.update(answers)
        self.clock.forward(30)
        for name in answers:
            await self.cycle.run(name)

    async def tries(self, name: str) -> None:
        """Run a check as often as its retries ask for."""
        for attempt in range(1, 4):
            self.wishes.clear()
            await self.cycle.run(name, attempt, self.clock.now if attempt == 1 else None)
            if not any(wished == name and number > 1 for _, wished, number in self.wishes):
                return
            self.clock.forward(2)

    def page(self, name: str) -> CheckView:
        """What the page of a check says now."""
        view = check_view(Readings(self.engine), name, self.clock.now, None)
        assert view is not None
        return view

    @property
    def wishes(self) -> list[tuple[float, str, int]]:
        return WISHES

    def later(self, seconds: float) -> None:
        """Time passes and nothing runs."""
        self.clock.now += timedelta(seconds=seconds)


WISHES: list[tuple[float, str, int]] = []


def play(engine: Engine, *checks: WatchedCheck) -> Scenario:
    """A scenario on a migrated store. Every check answers well until it is told otherwise."""
    WISHES.clear()
    clock, journal = Clock(), Journal(engine)
    me = Process(boot_id="boot", host="host", pid=1, process_start=START)
    lease = claim(engine, me, START, lambda _: True)
    assert isinstance(lease, Lease)
    journal.publish(lease, [published(each, at) for at, each in enumerate(checks)], {})
    for each in checks:
        ANSWERS[each.definition.name] = good()
    watches = [Watch(watched=each, state=CheckState(check=each.definition.name)) for each in checks]
    cycle = Cycle(
        Roster(watches),
        Direct(journal, lease),
        NoForeign(),
        clock=clock,
        later=lambda *wish: WISHES.append(wish),
    )
    return Scenario(engine=engine, clock=clock, cycle=cycle, journal=journal, lease=lease)
