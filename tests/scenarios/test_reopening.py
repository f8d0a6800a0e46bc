"""What an incident that an operator reopens tells, by how its check reads at that moment and later."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from domain.incidents import Action, Severity, Stage
from domain.matching import Match
from domain.operating import Order, Verb
from domain.rules import Rule
from storage import silences
from storage.incident_changes import IncidentChanges
from tests.monitor.stand_ins import bad, good, watched
from tests.scenarios.stage import Scenario, Stood, play
from tests.scenarios.test_maintenance import window

LEVELS = Rule(id="a", metric="told.ms", title="Latency", warning=500, critical=1000, unit="ms")


def does(at: Scenario, verb: Verb, *, force: bool = False) -> None:
    """An operator orders that of the only incident, and a second passes."""
    (stood,) = at.incidents()
    order = Order(verb=verb, force=force)
    IncidentChanges(at.engine).carry_out(stood.incident.id, order, actor="mara", now=at.clock.now)
    at.later(1)


def events(at: Scenario) -> list[str]:
    return [row.event for row in at.deliveries()]


def only(at: Scenario) -> Stood:
    (stood,) = at.incidents()
    return stood


async def resolved_by_force(engine: Engine, *rules: Rule) -> Scenario:
    """A critical incident that was told, and resolved by force while its check is still bad."""
    at = play(engine, watched("api", rules=rules), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    at.settle_all()
    does(at, Verb.RESOLVE, force=True)
    at.settle_all()
    assert only(at).incident.held
    return at


async def test_what_is_bad_and_reopened_by_hand_pages_at_once_and_is_held_no_longer(
    engine: Engine,
) -> None:
    at = await resolved_by_force(engine)

    does(at, Verb.REOPEN)

    assert events(at) == ["trigger", "resolve", "trigger"]
    assert at.deliveries()[-1].body["message"] == "refused — reopened by hand"
    assert not only(at).incident.held
    assert only(at).lines[-1].actor == "mara"


async def test_what_was_reopened_by_hand_resolves_by_itself_and_may_open_again(
    engine: Engine,
) -> None:
    at = await resolved_by_force(engine)
    does(at, Verb.REOPEN)

    await at.slot(api=good())
    over = only(at).incident.stage
    await at.slot(api=bad())

    assert over is Stage.RESOLVED
    assert [line.action for line in only(at).lines[-3:]] == ["reopened", "resolved", "reopened"]


async def test_a_reopening_by_hand_goes_by_what_is_wrong_now(engine: Engine) -> None:
    at = await resolved_by_force(engine, LEVELS)
    await at.slot(api=good(812))
    await at.slot(api=good(812))

    does(at, Verb.REOPEN)

    assert only(at).incident.severity is Severity.MINOR
    assert only(at).incident.title == "api is warning"
    assert at.deliveries()[-1].reason in ("grouped", "cooldown")


async def test_a_silence_holds_back_the_page_of_what_is_reopened_by_hand(engine: Engine) -> None:
    at = await resolved_by_force(engine)
    silences.silence(
        engine,
        Match(name=("api",)),
        author="ana",
        reason="known",
        starts_at=at.clock.now,
        ends_at=at.clock.now + timedelta(minutes=10),
        now=at.clock.now,
    )

    does(at, Verb.REOPEN)
    during = events(at)
    at.later(600)
    at.sweep()

    assert during == ["trigger", "resolve"]
    assert events(at) == ["trigger", "resolve", "trigger"]
    assert only(at).lines[-1].reason == "refused — silence ended, still critical"


async def test_what_is_well_and_reopened_by_hand_pages_nobody_and_resolves_with_a_good_result(
    engine: Engine,
) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    await at.slot(api=good())
    at.settle_all()

    does(at, Verb.REOPEN)
    at.sweep()
    before_its_result = only(at).incident
    await at.slot(api=good())
    at.sweep()

    assert (before_its_result.is_open, before_its_result.page_gate) == (True, "not confirmed")
    assert only(at).incident.resolution == "recovered"
    assert events(at) == ["trigger", "resolve"]


async def test_what_was_well_when_it_was_reopened_by_hand_pages_once_it_is_bad(
    engine: Engine,
) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    await at.slot(api=good())
    at.settle_all()
    does(at, Verb.REOPEN)

    await at.slot(api=bad())
    at.sweep()
    at.sweep()

    assert events(at) == ["trigger", "resolve", "trigger"]
    assert only(at).lines[-1].action == Action.RELEASED
    assert only(at).incident.page_gate is None


async def test_what_is_reopened_by_hand_in_maintenance_pages_when_that_ends(
    engine: Engine,
) -> None:
    at = await resolved_by_force(engine)
    at.put_in_force(windows=[window(at, minutes=10)])

    does(at, Verb.REOPEN)
    at.sweep()
    held = only(at).incident.page_gate
    at.later(600)
    at.settle_windows()
    at.sweep()

    assert held == "maintenance"
    assert events(at) == ["trigger", "resolve", "trigger"]
    assert only(at).lines[-1].reason == "refused — maintenance ended, still critical"


async def test_what_is_reopened_by_hand_below_a_dead_parent_pages_nobody_until_that_is_back(
    engine: Engine,
) -> None:
    at = play(engine, watched("db"), watched("api", depends_on=(("db",),)), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    await at.slot(db=bad())
    child = at.incidents()[0].incident.id
    desk = IncidentChanges(engine)
    for verb, force in ((Verb.RESOLVE, True), (Verb.REOPEN, False)):
        at.later(1)
        order = Order(verb=verb, force=force)
        desk.carry_out(child, order, actor="mara", now=at.clock.now)
    at.settle_all()
    before = len(at.deliveries())

    for _ in range(3):
        await at.slot()
        at.sweep()
    below = [row for row in at.deliveries()[before:] if row.incident_id == child]
    await at.slot(db=good())
    await at.slot()
    at.sweep()

    assert below == []
    assert at.incidents()[0].incident.is_open
    mine = [row.event for row in at.deliveries()[before:] if row.incident_id == child]
    assert mine == ["trigger"]
