"""A check that changes 500 times an hour, with a clock moved by hand over a real store."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from domain.facts import Policy
from domain.incidents import Action, Stage
from storage.engine import open_engine
from storage.migrate import migrate
from tests.monitor.stand_ins import ANSWERS, START, bad, good, watched
from tests.scenarios.stage import Scenario, play

CHANGES = 500
EVERY = timedelta(hours=1) / CHANGES
SWEEP = 4


async def change(at: Scenario, times: int) -> None:
    """Fail and recover in turn, so often in an hour that every change is just confirmed."""
    for number in range(times):
        at.clock.now = max(at.clock.now, START + (number + 1) * EVERY)
        ANSWERS["api"] = bad() if number % 2 == 0 else good()
        await at.tries("api")
        at.settle_all()
        if number % SWEEP == 0:
            at.sweep()


async def stay_well(at: Scenario, times: int) -> None:
    ANSWERS["api"] = good()
    for _ in range(times):
        at.later(EVERY.total_seconds())
        await at.tries("api")
        at.sweep()
        at.settle_all()


@pytest.mark.faults
async def test_500_changes_an_hour_are_one_incident_with_the_mark_that_stops_paging(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'nocturne.db'}"
    migrate(url)
    engine = open_engine(url)
    check = watched("api", policy=Policy(interval_s=7))
    at = play(engine, check, channels={"ops": []})

    # Each change is logged, and the figure would drown in that.
    with capture_logs():
        await change(at, CHANGES)
    hour = at.clock.now - START
    (during,), told = at.incidents(), at.deliveries()
    with capture_logs():
        await stay_well(at, 40)
    (after,), all_told = at.incidents(), at.deliveries()

    marked = during.lines[-1].at
    print(
        f"{CHANGES} changes in {hour}: 1 incident, marked after {marked - START}; "
        f"{dict(Counter(row.event for row in told))} while it changed, "
        f"{[row.event for row in all_told[len(told) :]]} at the end"
    )
    # Each page stands for a change confirmed before enough changes were seen to call it flapping.
    assert during.incident.flapping and during.incident.is_open
    assert marked - START < timedelta(minutes=2)
    assert all(row.created_at <= marked for row in told)
    # It was never critical for five minutes again: all that is told are both ends of the flapping.
    assert [row.event for row in told] == [*["trigger", "resolve"] * 3, "notice"]
    assert [row.event for row in all_told[len(told) :]] == ["notice"]
    assert [line.action for line in after.lines[-2:]] == [Action.STEADY, Action.RESOLVED]
    assert after.incident.stage is Stage.RESOLVED and not after.incident.flapping
    engine.dispose()
