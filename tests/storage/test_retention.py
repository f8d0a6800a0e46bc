"""What is older than its days goes, a slice at a time; what is younger stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from domain.facts import Change, CheckState, Decision, Mark, Result, Sample, Status, Transition
from storage import retention
from storage.journal import Entry, Published
from storage.leadership import LeadershipLost, Lease
from storage.schema import decisions, results, samples, transitions
from tests.storage.stores import NOW, Store


def fill(store: Store, days: int) -> None:
    """One run a day with its sample, timeline row and decision, the last one now."""
    about = {"enabled": True, "interval_s": 30.0}
    store.journal.publish(store.lease, [Published(name="api", kind="http", about=about)], {})
    for day in reversed(range(days)):
        at = NOW - timedelta(days=day)
        state = CheckState(check="api", last_at=at)
        line = Transition(
            check="api",
            at=at,
            change=Change.HARD,
            before=Status.UNKNOWN,
            after=Status.HEALTHY,
            mark_before=Mark.NONE,
            mark=Mark.NONE,
            reason="",
            message="",
        )
        entry = Entry(
            state=state,
            due=None,
            result=Result(check="api", kind="http", at=at, status=Status.HEALTHY, message=""),
            transitions=(line,),
            decisions=(Decision(subject="check:api", gate="incident", at=at, reason="healthy"),),
            samples=(Sample(name="m", at=at, value=1.0),),
        )
        store.journal.commit(store.lease, [entry])


def left(store: Store) -> dict[str, int]:
    with store.engine.connect() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (samples, results, transitions, decisions)
        }


def test_what_is_past_its_days_goes_and_the_rest_stays(store: Store) -> None:
    fill(store, days=40)

    while retention.retain(store.engine, store.lease, NOW - timedelta(days=30)):
        pass

    assert left(store) == {"samples": 31, "results": 31, "transitions": 31, "decisions": 31}


def test_each_call_deletes_a_slice_at_most(store: Store) -> None:
    fill(store, days=40)

    gone = retention.retain(store.engine, store.lease, NOW - timedelta(days=30), size=4)

    assert gone == 4


def test_a_monitor_that_lost_the_leadership_deletes_nothing(store: Store) -> None:
    fill(store, days=40)
    before = left(store)

    with pytest.raises(LeadershipLost):
        retention.retain(store.engine, Lease(boot_id="old", epoch=0), NOW)

    assert left(store) == before
