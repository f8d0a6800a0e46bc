"""The whole flow with a clock moved by hand: cycle → journal on a real store → what a page says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from dashboard.views import CheckView, check_view
from domain.alertrules import AlertRule
from domain.facts import CheckState, Measurement, Sample
from domain.incidents import Incident, fingerprint
from domain.paging import Recipient, severities
from domain.windows import Window
from monitor.cycle import Cycle
from monitor.definitions import WatchedCheck
from monitor.publishing import published
from monitor.roster import Roster, Watch
from monitor.rulings import Rulings
from monitor.windows import Windows
from storage import definitions, rule_rows
from storage.engine import reader
from storage.incident_rows import read
from storage.journal import Beat, Entry, Journal
from storage.leadership import Lease, Process, claim
from storage.readings import Readings
from storage.rule_rows import Ruled
from storage.schema import affected, decisions, incident_lines, incidents, outbox
from tests.monitor.stand_ins import ANSWERS, START, Clock, NoForeign, good


@dataclass
class Direct:
    """Records that commit at once, in one transaction a group."""

    journal: Journal
    lease: Lease

    def record(self, entries: Sequence[Entry | Ruled], *, urgent: bool = False) -> None:
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

    def sweep(self, watched_now: Sequence[str] | None = None) -> None:
        """What comes with time alone happens."""
        names = [watch.name for watch in self.cycle.roster]
        watched = {fingerprint(name) for name in (names if watched_now is None else watched_now)}
        watched |= self.cycle.rulings.watched()
        self.journal.sweep(self.lease, watched, self.clock.now)

    def incidents(self) -> list[Stood]:
        """All incidents, oldest first, with their lines and what they affect now."""
        with reader(self.engine).connect() as connection:
            rows = connection.execute(select(incidents).order_by(incidents.c.id)).all()
            return [_stood(connection, read(row)) for row in rows]

    def deliveries(self) -> list[Row[Any]]:
        """All deliveries in the order in which they were decided."""
        with reader(self.engine).connect() as connection:
            return list(connection.execute(select(outbox).order_by(outbox.c.id)).all())

    def put_in_force(
        self,
        *rules: AlertRule,
        windows: Sequence[Window] = (),
        stopped: datetime | None = None,
    ) -> None:
        """Alert rules and maintenance windows; what the rules said before goes on.

        From `stopped` until now no monitor ran.
        """
        laid = Windows(windows)
        self.cycle.windows = laid
        states = rule_rows.load(self.engine, [rule.id for rule in rules])
        self.cycle.rulings = Rulings(rules, states, self.clock.now, laid, stopped=stopped)
        self.settle_windows()

    def settle_windows(self) -> None:
        """Windows begin and end by the clock."""
        entries = self.cycle.windows.settle(self.cycle.roster, self.clock.now)
        self.journal.commit(self.lease, entries)

    def sample(self, name: str, value: float, **labels: str) -> None:
        """A sample that belongs to no check arrives, ten seconds after the one before."""
        self.clock.forward(10)
        pairs = tuple(sorted(labels.items()))
        found = Sample(name=name, at=self.clock.now, value=value, labels=pairs)
        self.journal.commit(self.lease, self.cycle.rulings.observe([found]), [found])

    def elapse(self, seconds: float) -> None:
        """Time passes without samples, and the rules are asked what that means."""
        self.clock.now += timedelta(seconds=seconds)
        self.journal.commit(self.lease, self.cycle.rulings.elapse(self.clock.now))

    def settle_all(self) -> None:
        """Every delivery that waits is delivered."""
        values = {"state": "delivered", "settled_at": self.clock.now}
        waiting = outbox.c.state == "pending"
        with self.engine.begin() as connection:
            connection.execute(update(outbox).where(waiting).values(values))

    def reasons(self, gate: str) -> list[str]:
        """What a gate answered, in order."""
        query = select(decisions.c.reason).where(decisions.c.gate == gate).order_by(decisions.c.id)
        with reader(self.engine).connect() as connection:
            return list(connection.scalars(query))

    @property
    def wishes(self) -> list[tuple[float, str, int]]:
        return WISHES

    def later(self, seconds: float) -> None:
        """Time passes and nothing runs."""
        self.clock.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Stood:
    """An incident with its timeline and what it affects now."""

    incident: Incident
    lines: tuple[Row[Any], ...]
    affected: tuple[str, ...]


def _stood(connection: Connection, incident: Incident) -> Stood:
    told = select(incident_lines).where(incident_lines.c.incident_id == incident.id)
    under = select(affected.c.component).where(
        affected.c.incident_id == incident.id, affected.c.until.is_(None)
    )
    return Stood(
        incident=incident,
        lines=tuple(connection.execute(told.order_by(incident_lines.c.id)).all()),
        affected=tuple(connection.scalars(under)),
    )


WISHES: list[tuple[float, str, int]] = []


def play(
    engine: Engine, *checks: WatchedCheck, channels: Mapping[str, Sequence[str]] | None = None
) -> Scenario:
    """A scenario on a migrated store. Every check answers well until it is told otherwise.

    `channels` are names with the severities they take (none: all).
    """
    WISHES.clear()
    clock, journal = Clock(), Journal(engine)
    tables = [
        {"name": name, "kind": "log", "severities": list(words)}
        for name, words in (channels or {}).items()
    ]
    definitions.publish(engine, "channel", tables, "config.toml", START)
    journal.recipients = tuple(
        Recipient(name=name, severities=severities(words))
        for name, words in (channels or {}).items()
    )
    me = Process(boot_id="boot", host="host", pid=1, process_start=START)
    lease = claim(engine, me, START, lambda _: True)
    assert isinstance(lease, Lease)
    journal.publish(lease, [published(each, at) for at, each in enumerate(checks)])
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
