"""A store of either database as a test uses it: its faces, a leader, and short ways to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, select

from domain.facts import (
    Change,
    CheckState,
    Decision,
    Mark,
    Result,
    Sample,
    Status,
    Transition,
)
from storage import counters, schema
from storage.changes import Changes
from storage.engine import reader
from storage.journal import Beat, Entry, Journal, Published
from storage.leadership import Lease, Process, claim
from storage.readings import Readings
from storage.slices import Slices

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
H, W, D, U, C = Status
MEASURED = (
    schema.results,
    schema.transitions,
    schema.decisions,
    schema.samples,
    schema.series,
    schema.gaps,
)


def after(seconds: float) -> datetime:
    """The moment so many seconds after the test's beginning."""
    return NOW + timedelta(seconds=seconds)


def alive(_: Process) -> bool:
    return True


def gone(_: Process) -> bool:
    return False


def process(name: str = "one") -> Process:
    return Process(boot_id=name, host="host", pid=1, process_start=NOW)


def lead(engine: Engine, name: str = "one", now: datetime = NOW) -> Lease:
    """Become the leader, whoever led before."""
    lease = claim(engine, process(name), now, gone)
    assert isinstance(lease, Lease)
    return lease


def result(status: Status = H, seconds: float = 0, check: str = "api", **more: Any) -> Result:
    fields = {"message": f"it is {status.word}", "metrics": {"ms": 12.0}, **more}
    return Result(check=check, kind="http", at=after(seconds), status=status, **fields)


def sample(value: float, seconds: float = 0, name: str = "ms", **labels: str) -> Sample:
    pairs = tuple(labels.items()) or (("check", "api"),)
    return Sample(name=name, at=after(seconds), value=value, labels=pairs)


def line(seconds: float = 0, check: str = "api", before: Status = H, to: Status = C) -> Transition:
    return Transition(
        check=check,
        at=after(seconds),
        change=Change.HARD,
        before=before,
        after=to,
        mark_before=Mark.NONE,
        mark=Mark.NONE,
        reason="refused",
        message="Connection refused",
    )


def entry(status: Status = H, seconds: float = 0, check: str = "api", **more: Any) -> Entry:
    """A run of a check with everything that can follow from it."""
    state = CheckState(check=check, hard=status, mark=Mark.NONE, last_at=after(seconds))
    decision = Decision(
        subject=f"check:{check}", gate="incident", at=after(seconds), reason="passed"
    )
    fields: dict[str, Any] = {
        "state": state,
        "due": after(seconds + 30),
        "result": result(status, seconds, check),
        "transitions": (line(seconds, check),),
        "decisions": (decision,),
        "samples": (sample(12.0, seconds, check=check),),
        **more,
    }
    return Entry(**fields)


@dataclass
class Store:
    """One store with its leader; `url` opens it elsewhere."""

    url: str
    engine: Engine
    lease: Lease
    journal: Journal
    readings: Readings
    changes: Changes

    def publish(self, *names: str, about: Mapping[str, Any] | None = None) -> dict[str, CheckState]:
        document = {"enabled": True, **(about or {})}
        checks = [Published(name=name, kind="http", about=document) for name in names]
        return self.journal.publish(self.lease, checks)

    def commit(self, *entries: Entry, samples: tuple[Sample, ...] = ()) -> None:
        self.journal.commit(self.lease, entries, samples)

    def beat(self, seconds: float) -> None:
        self.journal.commit(self.lease, [], [], Beat(at=after(seconds)))

    @property
    def slices(self) -> Slices:
        """For work in short transactions, without pauses."""
        return Slices(self.engine, self.lease, pause=lambda _: None)

    @property
    def revision(self) -> int:
        return self.readings.pulse().revision

    @property
    def change_counter(self) -> int:
        with self.reading() as connection:
            return counters.value(connection, counters.CHANGES)

    def check_id(self, name: str = "api") -> int:
        row = self.readings.check(name)
        assert row is not None
        return row.id

    def reading(self) -> Connection:
        return reader(self.engine).connect()

    def count(self, table: Table) -> int:
        with self.reading() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()

    def measured(self) -> dict[str, int]:
        """How many rows each table of measurements has."""
        return {table.name: self.count(table) for table in MEASURED}
