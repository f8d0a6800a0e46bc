"""What is older than its days goes, a slice at a time; what is younger stays."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from domain.facts import Change, CheckState, Decision, Mark, Result, Sample, Status, Transition
from domain.ladder import ladder
from domain.uptime import COLUMNS
from storage import retention, schema
from storage.engine import to_ms
from storage.journal import Entry, Published
from storage.leadership import LeadershipLost, Lease
from storage.schema import decisions, results, samples, transitions
from storage.slices import AIM, LOCK_S, Slices
from tests.storage.stores import NOW, Store

KEPT = ladder(30, 365)


def fill(store: Store, days: int) -> None:
    """One run a day with its sample, timeline row and decision, the last one now."""
    about = {"enabled": True, "interval_s": 30.0}
    store.journal.publish(store.lease, [Published(name="api", kind="http", about=about)])
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

    while retention.retain(store.slices, NOW, KEPT):
        pass

    assert left(store) == {"samples": 31, "results": 31, "transitions": 31, "decisions": 31}


def test_each_call_deletes_a_slice_at_most(store: Store) -> None:
    fill(store, days=40)

    # By this clock each slice takes as long as it should, so that the next is no larger.
    ticks = itertools.count()
    clock = lambda: next(ticks) * AIM * LOCK_S  # noqa: E731 - said once, used once
    slices = Slices(store.engine, store.lease, first=4, pause=lambda _: None, clock=clock)
    gone = []
    while part := retention.retain(slices, NOW, KEPT):
        gone.append(part)

    assert sum(gone) == 4 * 9
    assert max(gone) <= 4


def test_a_monitor_that_lost_the_leadership_deletes_nothing(store: Store) -> None:
    fill(store, days=40)
    before = left(store)

    with pytest.raises(LeadershipLost):
        retention.retain(Slices(store.engine, Lease(boot_id="old", epoch=0)), NOW, KEPT)

    assert left(store) == before


def test_roll_ups_and_uptime_stay_as_long_as_their_level_is_kept(store: Store) -> None:
    store.publish("api")
    key, day = store.check_id(), to_ms(NOW) // 86_400_000
    zero = dict.fromkeys(COLUMNS, 0)
    with store.engine.begin() as connection:
        connection.execute(insert(schema.series).values(id=1, name="m", labels="{}"))
        for step, days in ((600, 100), (3600, 400), (86_400, 2000)):
            for ago in range(0, days, 10):
                bucket = (day - ago) * 86_400 // step
                numbers = {"count": 1, "min": 1.0, "max": 1.0, "sum": 1.0, "last": 1.0}
                row = {"step": step, "series_id": 1, "bucket": bucket, **numbers}
                connection.execute(insert(schema.rollups).values(row))
                row = {"step": step, "bucket": bucket, "check_id": key, **zero}
                connection.execute(insert(schema.uptime).values(row))

    while retention.retain(store.slices, NOW, KEPT):
        pass

    for table in (schema.rollups, schema.uptime):
        query = select(table.c.step, func.count()).group_by(table.c.step).order_by(table.c.step)
        with store.reading() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        assert found == {600: 9, 3600: 37, 86_400: 183}


def test_a_chunk_goes_when_its_whole_window_is_past_its_days(store: Store) -> None:
    window = (to_ms(NOW) - 30 * 86_400_000) // 7_200_000
    with store.engine.begin() as connection:
        for each in (window - 1, window, window + 1):
            row = {"series_id": 1, "window": each, "count": 1, "data": b""}
            connection.execute(insert(schema.chunks).values(row))

    while retention.retain(store.slices, NOW, KEPT):
        pass

    with store.reading() as connection:
        query = select(schema.chunks.c.window).order_by(schema.chunks.c.window)
        assert list(connection.scalars(query)) == [window, window + 1]
