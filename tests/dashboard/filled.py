"""A real store with some checks in it, written the way the monitor writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from domain.facts import CheckState, Mark, Policy, Result, Status
from domain.incidents import Incident, Problem, problem_of
from domain.muting import Reason
from domain.paging import Recipient, severities
from domain.settings import Settings, Storage, Web
from domain.state import advance
from storage import counters, definitions
from storage.engine import open_engine
from storage.incidents import newest, take_up
from storage.journal import Beat, Entry, Journal, Published
from storage.leadership import Lease, Process, claim
from storage.slices import Slices
from tests.monitor.stand_ins import START
from tests.storage.fresh import make_store


def about(**more: Any) -> dict[str, Any]:
    """What the monitor publishes of a check."""
    return {
        "title": "HTTP",
        "component": "api",
        "target": "GET http://shop.example/",
        "headline": "http.total_ms",
        "unit": "ms",
        "interval_s": 30.0,
        "timeout_s": 10.0,
        "failures": 3,
        "successes": 2,
        "retry_s": 2.0,
        "weight": 1.0,
        "tags": [],
        "depends_on": [],
        "scope": "inside",
        "group": "Shop",
        "position": 0,
        "description": "",
        "enabled": True,
        "rules": [],
        **more,
    }


@dataclass
class Filled:
    """A store and the means to go on writing to it."""

    url: str
    engine: Engine
    journal: Journal
    lease: Lease

    def settings(self, **web: Any) -> Settings:
        return Settings(storage=Storage(url=self.url), web=Web(**web))

    @property
    def slices(self) -> Slices:
        """For work in short transactions, without pauses."""
        return Slices(self.engine, self.lease, pause=lambda _: None)

    def beat(self, at: datetime) -> None:
        self.journal.commit(self.lease, [], [], Beat(at=at))

    def publish(self, checks: Mapping[str, Mapping[str, Any]]) -> None:
        published = [Published(name=name, kind="http", about=doc) for name, doc in checks.items()]
        tables = [{"name": name, "kind": "http"} for name in checks]
        definitions.publish(self.engine, "check", tables, "config.toml", START)
        self.journal.publish(self.lease, published)

    def results(
        self,
        name: str,
        statuses: list[Status],
        end: datetime,
        metrics: Mapping[str, float] = {},
    ) -> CheckState:
        """Write one result a statuses' entry, 30 s apart, the last one at `end`."""
        state = CheckState(check=name)
        for index, status in enumerate(statuses):
            at = end - timedelta(seconds=30 * (len(statuses) - 1 - index))
            word = "fine" if status is Status.HEALTHY else "Connection refused by db:5432"
            result = Result(
                check=name,
                kind="http",
                at=at,
                status=status,
                message=word,
                metrics=metrics,
                response_time_ms=12.0,
            )
            moved = advance(state, result, Policy())
            state = moved.state
            entry = Entry(
                state=state,
                due=at + timedelta(seconds=30),
                result=result,
                transitions=moved.transitions,
            )
            self.journal.commit(self.lease, [entry])
        return state

    def mark(self, name: str, mark: Mark, by: str | None, at: datetime) -> None:
        state = CheckState(check=name, hard=Status.HEALTHY, mark=mark, blocked_by=by, last_at=at)
        entry = Entry(state=state, due=at + timedelta(seconds=30))
        self.journal.commit(self.lease, [entry])

    def incident(
        self, name: str, at: datetime, status: Status = Status.CRITICAL, *, by: str | None = None
    ) -> Incident:
        """The check read this at `at`, its incident followed, and `ops` was to be told.

        `by` is the parent that blocks it.
        """
        mark = Mark.NONE if by is None else Mark.BLOCKED
        state = CheckState(check=name, hard=status, mark=mark, blocked_by=by, last_at=at)
        problem = problem_of(state, "http", at)
        with self.engine.begin() as connection:
            take_up(connection, [problem], [Recipient(name="ops", severities=severities(()))])
            counters.bump(connection, counters.REVISION)
            found = newest(connection, problem.fingerprint)
        assert found is not None
        return found

    def alert(self, rule: str, title: str, at: datetime) -> Incident:
        """A rule that belongs to no check fires, critical."""
        problem = Problem(
            fingerprint=f"rule:{rule}",
            component=rule,
            kind="rule",
            at=at,
            status=Status.CRITICAL,
            gate=Reason.PASSED,
            message="92 %, expected < 90 %",
            title=title,
        )
        with self.engine.begin() as connection:
            take_up(connection, [problem], [])
            counters.bump(connection, counters.REVISION)
            found = newest(connection, problem.fingerprint)
        assert found is not None
        return found


def fill(folder: Path, now: datetime) -> Filled:
    """An empty store with a leader that has just beaten."""
    url = f"sqlite:///{folder / 'nocturne.db'}"
    make_store(url)
    engine = open_engine(url)
    me = Process(boot_id="boot", host="host", pid=1, process_start=now)
    lease = claim(engine, me, now, lambda _: True)
    assert isinstance(lease, Lease)
    return Filled(url=url, engine=engine, journal=Journal(engine), lease=lease)
