"""What flaps pages nobody, until it has been critical for five minutes without a break, or is steady."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from domain.facts import Policy
from domain.incidents import Action
from domain.matching import Match
from domain.operating import Order, Verb
from domain.paging import FLAPPING_CRITICAL
from domain.rules import Rule
from storage import silences
from storage.incident_changes import IncidentChanges
from tests.monitor.stand_ins import ANSWERS, bad, good, watched
from tests.scenarios.stage import Scenario, play

# What is confirmed with each result makes a check flap quickly.
AT_ONCE = Policy(failures=1, successes=1)
LEVELS = Rule(id="a", metric="told.ms", title="Latency", warning=500, critical=1000, unit="ms")
SWEEP_S = 10


async def flap(at: Scenario, changes: int = 22) -> None:
    """The check recovers and fails in turn until it is marked as it fails, and is well at the end."""
    for number in range(changes):
        await at.slot(api=good() if number % 2 else bad())
        at.settle_all()


async def stay(at: Scenario, seconds: float) -> None:
    """The check stays as it is, and time passes as it does in the monitor."""
    end = at.clock.now + timedelta(seconds=seconds)
    while at.clock.now < end:
        at.later(SWEEP_S)
        at.sweep()


async def flapping(engine: Engine, *rules: Rule) -> Scenario:
    """A check that flaps, whose incident was told before and is over for those who were told."""
    check = watched("api", policy=AT_ONCE, rules=rules)
    at = play(engine, check, channels={"ops": []})
    await flap(at)
    (stood,) = at.incidents()
    assert stood.incident.is_open and stood.incident.flapping
    assert [row.event for row in at.deliveries()[-2:]] == ["resolve", "notice"]
    return at


def triggers(at: Scenario) -> int:
    return sum(row.event == "trigger" for row in at.deliveries())


def lines(at: Scenario) -> list[str]:
    return [line.action for line in at.incidents()[0].lines]


async def test_a_flapping_critical_pages_once_it_was_critical_for_five_minutes(
    engine: Engine,
) -> None:
    at = await flapping(engine)
    before = triggers(at)

    await at.slot(api=bad())
    since = at.clock.now
    await stay(at, FLAPPING_CRITICAL.total_seconds() - SWEEP_S)
    early = triggers(at)
    await stay(at, SWEEP_S)
    on_time = at.deliveries()[-1]
    await stay(at, 600)

    assert (before, early, triggers(at)) == (before, before, before + 1)
    assert on_time.due == since + FLAPPING_CRITICAL
    assert lines(at)[-1] == Action.RELEASED
    assert at.incidents()[0].incident.page_gate is None


async def test_a_flapping_critical_that_recovers_within_five_minutes_pages_nobody(
    engine: Engine,
) -> None:
    at = await flapping(engine)
    before = len(at.deliveries())

    for _ in range(4):
        await at.slot(api=bad())
        await stay(at, 240)
        await at.slot(api=good())

    assert len(at.deliveries()) == before


async def test_five_minutes_count_from_when_it_was_critical_again(engine: Engine) -> None:
    at = await flapping(engine)
    before = triggers(at)
    await at.slot(api=bad())
    await stay(at, 240)
    await at.slot(api=good())

    await at.slot(api=bad())
    since = at.clock.now
    await stay(at, 290)
    early = triggers(at)
    await stay(at, 10)

    assert (early, triggers(at)) == (before, before + 1)
    assert at.deliveries()[-1].due == since + FLAPPING_CRITICAL


async def test_an_incident_that_reopens_while_flapping_and_is_well_five_minutes_later_pages_nobody(
    engine: Engine,
) -> None:
    at = await flapping(engine)
    assert lines(at)[-2:] == [Action.REOPENED, Action.FLAPPING]
    before = len(at.deliveries())

    await stay(at, 900)

    assert len(at.deliveries()) == before


async def test_what_was_held_back_and_is_still_bad_when_it_is_steady_pages(engine: Engine) -> None:
    at = await flapping(engine, LEVELS)
    before = triggers(at)

    # As a warning it is no critical that could pass its flapping.
    for _ in range(25):
        await at.slot(api=good(812))
        await stay(at, SWEEP_S)

    incident = at.incidents()[0].incident
    assert not incident.flapping
    assert incident.severity.word == "minor"
    assert triggers(at) == before + 1
    assert lines(at)[-2:] == [Action.STEADY, Action.RELEASED]


async def test_what_is_well_when_it_is_steady_is_resolved_and_pages_nobody(engine: Engine) -> None:
    at = await flapping(engine)
    before = len(at.deliveries())

    for _ in range(25):
        await at.slot(api=good())
        await stay(at, SWEEP_S)

    assert lines(at)[-2:] == [Action.STEADY, Action.RESOLVED]
    (notice,) = at.deliveries()[before:]
    assert notice.event == "notice"
    assert notice.body["message"] == "it has stopped changing, and is well"


async def test_who_was_told_before_it_reopened_while_flapping_hears_once_that_it_flaps(
    engine: Engine,
) -> None:
    at = play(engine, watched("api", policy=AT_ONCE), channels={"ops": [], "night": ["warning"]})

    await flap(at)
    await stay(at, 60)

    assert lines(at)[-2:] == [Action.REOPENED, Action.FLAPPING]
    notices = [row for row in at.deliveries() if row.event == "notice"]
    assert [(row.channel, row.body["message"]) for row in notices] == [
        ("ops", "it changes again and again")
    ]


async def test_what_begins_to_flap_while_it_waits_with_its_group_is_held_back(
    engine: Engine,
) -> None:
    at = play(engine, watched("api", policy=AT_ONCE, rules=(LEVELS,)), channels={"ops": []})
    number = 0
    while not (found := at.incidents()) or not found[0].incident.flapping:
        await at.slot(api=good(812 if number % 2 else 1))
        number += 1
        assert number < 30

    (stood,) = at.incidents()
    assert stood.incident.page_gate == "flapping"
    assert [row.state for row in at.deliveries() if row.state == "pending"] == []


async def test_a_silence_holds_back_what_has_lasted_and_its_end_lets_it_through(
    engine: Engine,
) -> None:
    at = await flapping(engine)
    before = triggers(at)
    silences.silence(
        engine,
        Match(name=("api",)),
        author="ana",
        reason="known",
        starts_at=at.clock.now,
        ends_at=at.clock.now + timedelta(minutes=10),
        now=at.clock.now,
    )

    await at.slot(api=bad())
    await stay(at, 500)
    during = triggers(at)
    await stay(at, 100)

    assert (during, triggers(at)) == (before, before + 1)


async def test_the_next_moment_is_when_a_flapping_critical_has_lasted(engine: Engine) -> None:
    at = await flapping(engine)

    await at.slot(api=bad())
    ahead = at.journal.sweep(at.lease, {"check:api"}, at.clock.now)

    assert ahead == at.clock.now + FLAPPING_CRITICAL


async def test_what_is_well_and_reopened_by_hand_while_it_flaps_pages_nobody(
    engine: Engine,
) -> None:
    at = await flapping(engine)
    (stood,) = at.incidents()
    before = len(at.deliveries())
    desk = IncidentChanges(engine)

    for verb, force in ((Verb.RESOLVE, True), (Verb.REOPEN, False)):
        at.later(1)
        order = Order(verb=verb, force=force)
        desk.carry_out(stood.incident.id, order, actor="mara", now=at.clock.now)
    await stay(at, 60)

    assert stood.incident.page_gate == "flapping"
    assert at.incidents()[0].incident.page_gate == "not confirmed"
    assert len(at.deliveries()) == before


@pytest.mark.parametrize("kept", [True, False])
async def test_why_it_is_held_back_is_on_the_incident(engine: Engine, kept: bool) -> None:
    at = await flapping(engine)
    ANSWERS["api"] = bad()
    await at.slot()
    if not kept:
        await stay(at, 310)

    assert at.incidents()[0].incident.page_gate == ("flapping" if kept else None)
