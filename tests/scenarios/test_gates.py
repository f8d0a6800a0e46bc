"""Lines of the two gates and of the cooldown, each over real stores with the clock moved by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine

from domain.incidents import Stage
from domain.matching import Match
from domain.operating import Order, Verb
from domain.outbox import delivered, failed
from domain.rules import Rule
from domain.whypaged import explain
from domain.windowtable import as_table
from storage import definitions, outbox, silences
from storage.explaining import case_of_check
from storage.incident_changes import IncidentChanges
from tests.monitor.stand_ins import START, bad, good, watched
from tests.scenarios.stage import Scenario, play
from tests.scenarios.test_maintenance import window

LEVELS = Rule(id="a", metric="told.ms", title="Latency", warning=500, critical=1000, unit="ms")
SLOW, SLOWER = good(812), good(2000)


def sent(at: Scenario) -> list[str]:
    """All that is due is sent and taken; which channels, and with which severity."""
    found = []
    for each in outbox.lease(at.engine, at.lease, at.clock.now):
        found.append(f"{each.channel}: {each.event} {each.body['severity']}")
        outbox.settle(at.engine, at.lease, each, delivered(), at.clock.now, {})
    return found


def takes(at: Scenario, *, minutes: float | None = None) -> None:
    """Somebody acknowledges the only incident."""
    lasts = None if minutes is None else timedelta(minutes=minutes)
    order = Order(verb=Verb.ACKNOWLEDGE, lasts=lasts)
    found = at.incidents()[0].incident.id
    IncidentChanges(at.engine).carry_out(found, order, actor="mara", now=at.clock.now)


async def test_a_rise_while_its_page_waits_with_its_group_is_told_at_once_and_once(
    engine: Engine,
) -> None:
    at = play(engine, watched("api", rules=(LEVELS,)), channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW)
    await at.slot(api=SLOWER)

    at_once = sent(at)
    at.later(60)

    assert at_once == ["ops: trigger critical"]
    assert sent(at) == []
    first = at.deliveries()[0]
    assert (first.state, first.reason) == ("cancelled", "overtaken by a page that does not wait")


async def test_the_cooldown_does_not_hold_back_a_critical(engine: Engine) -> None:
    at = play(engine, watched("api", rules=(LEVELS,)), channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW)
    at.later(30)
    sent(at)
    await at.slot(api=good())
    sent(at)

    await at.slot(api=SLOWER)

    assert sent(at) == ["ops: trigger critical"]


async def test_the_cooldown_does_not_hold_back_a_rise(engine: Engine) -> None:
    at = play(engine, watched("api", rules=(LEVELS,)), channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW)
    at.later(30)
    sent(at)
    await at.slot(api=good())
    sent(at)

    await at.slot(api=SLOW)
    cooling = sent(at)
    await at.slot(api=SLOWER)

    assert cooling == []
    assert sent(at) == ["ops: trigger critical"]


async def test_a_cooldown_is_that_of_one_problem_and_one_channel(engine: Engine) -> None:
    checks = [watched(name, rules=(LEVELS,)) for name in ("api", "web")]
    at = play(engine, *checks, channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW)
    at.later(30)
    sent(at)
    await at.slot(api=good())
    sent(at)

    await at.slot(api=SLOW, web=SLOW)

    waiting = [row for row in at.deliveries() if row.state == "pending"]
    assert [(row.fingerprint, row.reason) for row in waiting] == [
        ("check:api", "cooldown"),
        ("check:web", "grouped"),
    ]


async def test_a_page_that_is_tried_again_is_not_overtaken(engine: Engine) -> None:
    at = play(engine, watched("api", rules=(LEVELS,)), channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW)
    at.later(30)
    (tried,) = outbox.lease(engine, at.lease, at.clock.now)
    outbox.settle(engine, at.lease, tried, failed("HTTP 500"), at.clock.now, {})

    await at.slot(api=SLOWER)

    assert [row.state for row in at.deliveries()] == ["retry", "pending"]
    assert sent(at) == ["ops: trigger minor"]
    assert sent(at) == ["ops: trigger critical"]


async def test_what_somebody_has_taken_is_not_repeated(engine: Engine) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    sent(at)
    takes(at)
    sent(at)

    at.later(5 * 3600)
    at.sweep()

    assert sent(at) == []


async def test_what_is_blocked_by_a_parent_in_maintenance_is_not_repeated(engine: Engine) -> None:
    at = play(engine, watched("db"), watched("api", depends_on=(("db",),)), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    sent(at)
    at.put_in_force(windows=[window(at, minutes=600, name="db")])
    await at.slot(db=bad())

    at.later(5 * 3600)
    at.sweep()

    assert [each.incident.component for each in at.incidents()] == ["api"]
    assert sent(at) == []


async def test_an_acknowledgement_that_lapses_in_maintenance_pages_when_that_ends(
    engine: Engine,
) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    sent(at)
    takes(at, minutes=5)
    sent(at)
    at.put_in_force(windows=[window(at, minutes=10)])

    at.later(300)
    at.sweep()
    within = (sent(at), at.incidents()[0].incident.page_gate)
    at.later(300)
    at.settle_windows()
    at.sweep()

    assert within == ([], "maintenance")
    assert sent(at) == ["ops: trigger critical"]


async def test_a_silence_that_ends_in_maintenance_pages_when_that_ends(engine: Engine) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    silences.silence(
        engine,
        Match(name=("api",)),
        author="ana",
        reason="known",
        starts_at=at.clock.now,
        ends_at=at.clock.now + timedelta(minutes=5),
        now=at.clock.now,
    )
    await at.slot(api=bad())
    at.put_in_force(windows=[window(at, minutes=10)])

    at.later(300)
    at.sweep()
    at.sweep()
    within = (sent(at), at.reasons("page"))
    at.later(300)
    at.settle_windows()
    at.sweep()

    assert within == ([], ["silenced", "maintenance"])
    assert sent(at) == ["ops: trigger critical"]
    assert at.incidents()[0].lines[-1].reason == "refused — maintenance ended, still critical"


async def test_a_paused_check_resolves_its_incident_as_no_longer_watched_and_tells_so(
    engine: Engine,
) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    sent(at)

    at.sweep(watched_now=[])

    incident = at.incidents()[0].incident
    assert (incident.stage, incident.resolution) == (Stage.RESOLVED, "no longer watched")
    assert sent(at) == ["ops: resolve critical"]


async def test_why_nobody_is_paged_for_a_child_names_its_parent_and_what_is_wrong_with_that(
    engine: Engine,
) -> None:
    at = play(engine, watched("db"), watched("api", depends_on=(("db",),)))
    await at.slot()

    await at.slot(db=replace(bad(), message="no route to db"), api=bad())

    case = case_of_check(engine, "api", at.clock.now)
    assert case is not None
    text = explain(case)[-1].text
    assert text.startswith("No: db is down since ")
    assert "is told instead until it is back (no route to db)." in text


async def test_why_nobody_is_paged_names_the_window_and_when_it_ends(engine: Engine) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    covering = window(at, minutes=10)
    definitions.publish(engine, "maintenance", [as_table(covering)], "config.toml", START)
    at.put_in_force(windows=[covering])
    begins = at.clock.now

    await at.slot(api=bad())

    case = case_of_check(engine, "api", at.clock.now)
    assert case is not None
    text = explain(case)[-1].text
    assert text.startswith("No: maintenance upgrade covers it since ")
    assert f"until {begins + timedelta(minutes=10):%Y-%m-%d %H:%M:%S} UTC (refused)." in text
