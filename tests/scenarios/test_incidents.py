"""From failure to incident to delivery rows: the whole flow on real stores, the clock moved by hand."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from domain.facts import Status
from domain.incidents import Action, Severity, Stage
from domain.paging import Recipient, severities
from domain.rules import Rule
from storage import outbox
from tests.monitor.stand_ins import START, bad, good, watched
from tests.scenarios.stage import Scenario, play


def lines(at: Scenario, number: int = 0) -> list[str]:
    return [line.action for line in at.incidents()[number].lines]


async def test_a_hard_failure_opens_one_incident_and_recovery_resolves_it(engine: Engine) -> None:
    at = play(engine, watched("api"))
    await at.slot()

    await at.slot(api=bad())
    await at.slot(api=bad())
    opened = at.incidents()
    await at.slot(api=good())

    assert [each.incident.id for each in opened] == [f"INC-{START:%Y%m%d}-0001"]
    assert opened[0].incident.severity is Severity.CRITICAL
    assert opened[0].incident.title == "api is critical"
    assert at.incidents()[0].incident.stage is Stage.RESOLVED
    assert lines(at) == [Action.OPENED, Action.RESOLVED]


async def test_one_bad_result_opens_nothing(engine: Engine) -> None:
    at = play(engine, watched("api"))
    await at.slot()

    await at.once(api=bad())

    assert at.incidents() == []


async def test_a_critical_pages_at_once_and_its_resolve_goes_to_those_who_were_told(
    engine: Engine,
) -> None:
    at = play(engine, watched("api"), channels={"ops": ["critical"], "chat": ["warning"]})
    await at.slot()

    await at.slot(api=bad())
    triggered = at.deliveries()
    await at.slot(api=good())

    assert [(row.channel, row.event) for row in triggered] == [("ops", "trigger")]
    assert triggered[0].due == triggered[0].created_at
    assert [(row.channel, row.event) for row in at.deliveries()] == [
        ("ops", "trigger"),
        ("ops", "resolve"),
    ]


async def test_a_warning_waits_thirty_seconds_to_be_grouped(engine: Engine) -> None:
    rule = Rule(id="api:told.ms", metric="told.ms", title="Latency", warning=500, unit="ms")
    at = play(engine, watched("api", rules=(rule,)), channels={"ops": []})
    await at.slot()

    await at.slot(api=good(812))

    (row,) = at.deliveries()
    assert row.due - row.created_at == timedelta(seconds=30)
    assert at.incidents()[0].incident.severity is Severity.MINOR


async def test_a_second_warning_within_the_cooldown_waits_for_its_end(engine: Engine) -> None:
    rule = Rule(id="api:told.ms", metric="told.ms", title="Latency", warning=500, unit="ms")
    at = play(engine, watched("api", rules=(rule,)), channels={"ops": []})
    await at.slot(api=good())
    await at.slot(api=good(812))
    at.settle_all()
    await at.slot(api=good())
    first = at.deliveries()[0]

    at.later(300)
    await at.slot(api=good(812))

    again = at.deliveries()[-1]
    assert again.event == "trigger"
    assert again.due == first.due + timedelta(minutes=15)


async def test_fifty_children_of_a_dead_parent_page_nobody_and_stand_under_its_incident(
    engine: Engine,
) -> None:
    children = [f"child-{number:02}" for number in range(50)]
    at = play(
        engine,
        watched("db"),
        *(watched(name, depends_on=(("db",),)) for name in children),
        channels={"ops": []},
    )
    await at.slot()

    await at.slot(db=bad(), **dict.fromkeys(children, bad()))
    during = at.incidents()
    await at.slot(db=good(), **dict.fromkeys(children, good()))

    assert len(during) == 1
    assert sorted(during[0].affected) == children
    assert [row.event for row in at.deliveries()] == ["trigger", "resolve"]
    assert at.incidents()[0].affected == ()


async def test_a_parent_that_goes_down_later_adopts_the_childs_incident_and_stops_its_pages(
    engine: Engine,
) -> None:
    at = play(engine, watched("db"), watched("api", depends_on=(("db",),)), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())

    await at.slot(db=bad())

    child, parent = at.incidents()
    assert child.incident.parent_id == parent.incident.id
    assert lines(at)[-1] == Action.NESTED
    assert [(row.incident_id, row.state) for row in at.deliveries()] == [
        (child.incident.id, "cancelled"),
        (parent.incident.id, "pending"),
    ]
    assert at.deliveries()[0].reason == f"nested below {parent.incident.id}"


async def test_a_child_still_bad_when_its_parent_is_back_stands_alone_and_pages(
    engine: Engine,
) -> None:
    at = play(engine, watched("db"), watched("api", depends_on=(("db",),)), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    await at.slot(db=bad())

    await at.slot(db=good())
    await at.slot()

    child = at.incidents()[0]
    assert child.incident.parent_id is None
    assert lines(at)[-1] == Action.STANDS_ALONE
    assert [row.event for row in at.deliveries() if row.incident_id == child.incident.id] == [
        "trigger",
        "trigger",
    ]


async def test_the_timeline_of_a_child_tells_once_that_its_parent_is_back(engine: Engine) -> None:
    at = play(engine, watched("db"), watched("api", depends_on=(("db",),)), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    await at.slot(db=bad())

    for _ in range(2):
        await at.once(db=good())
    for _ in range(2):
        await at.once(api=bad())
    told = lines(at)
    await at.slot(db=bad())
    again = lines(at)

    assert told.count(Action.PARENT_BACK) == 1
    assert told[:3] == [Action.OPENED, Action.NESTED, Action.PARENT_BACK]
    assert again.count(Action.NESTED) == 2
    assert {row.event for row in at.deliveries()} == {"trigger", "resolve"}


async def test_a_rise_pages_again_and_a_fall_does_not(engine: Engine) -> None:
    rule = Rule(id="a", metric="told.ms", title="Latency", warning=500, critical=1000, unit="ms")
    at = play(engine, watched("api", rules=(rule,)), channels={"ops": []})
    await at.slot()
    await at.slot(api=good(800))

    await at.slot(api=good(2000))
    rose = len(at.deliveries())
    await at.slot(api=good(800))

    assert lines(at) == [Action.OPENED, Action.ROSE, Action.FELL]
    assert rose == len(at.deliveries()) == 2


async def test_within_ten_minutes_an_incident_reopens_with_its_id_and_pages(engine: Engine) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    await at.slot(api=good())

    await at.slot(api=bad())

    assert len(at.incidents()) == 1
    assert lines(at) == [Action.OPENED, Action.RESOLVED, Action.REOPENED]
    assert [row.event for row in at.deliveries()] == ["trigger", "resolve", "trigger"]


async def test_after_ten_minutes_it_is_a_new_incident(engine: Engine) -> None:
    at = play(engine, watched("api"))
    await at.slot()
    await at.slot(api=bad())
    await at.slot(api=good())
    for _ in range(20):
        await at.slot()

    await at.slot(api=bad())

    assert [each.incident.id[-4:] for each in at.incidents()] == ["0001", "0002"]


async def test_a_resolved_incident_closes_after_an_hour(engine: Engine) -> None:
    at = play(engine, watched("api"))
    await at.slot()
    await at.slot(api=bad())
    await at.slot(api=good())

    at.later(3599)
    at.sweep()
    still = at.incidents()[0].incident.stage
    at.later(1)
    at.sweep()

    assert (still, at.incidents()[0].incident.stage) == (Stage.RESOLVED, Stage.CLOSED)


async def test_an_incident_that_nobody_takes_is_told_again_after_four_hours(
    engine: Engine,
) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())

    at.later(4 * 3600 - 60)
    at.sweep()
    before = len(at.deliveries())
    at.later(120)
    at.sweep()
    at.sweep()

    assert (before, len(at.deliveries())) == (1, 2)


async def test_a_check_that_is_no_longer_watched_resolves_its_incident(engine: Engine) -> None:
    at = play(engine, watched("api"), watched("db"))
    await at.slot()
    await at.slot(api=bad())

    at.sweep(watched_now=["db"])

    incident = at.incidents()[0].incident
    assert (incident.stage, incident.resolution) == (Stage.RESOLVED, "no longer watched")


async def test_flapping_five_hundred_times_makes_one_incident_that_carries_the_mark(
    engine: Engine,
) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()

    for number in range(60):
        await at.slot(api=bad() if number % 2 == 0 else good())

    assert len(at.incidents()) == 1
    assert at.incidents()[0].incident.flapping
    assert at.incidents()[0].incident.is_open
    assert lines(at).count(Action.FLAPPING) == 1
    assert len(at.deliveries()) < 15


async def test_why_it_was_not_paged_is_stored(engine: Engine) -> None:
    at = play(engine, watched("api"))
    await at.slot()

    await at.slot(api=bad())

    assert at.reasons("page") == ["no channel"]
    assert at.reasons("incident")[-1] == "passed"
    assert at.page("api").reading.status is Status.CRITICAL


async def test_a_page_whose_channel_is_gone_goes_to_the_one_that_takes_its_place(
    engine: Engine,
) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    at.journal.recipients = (Recipient(name="night", severities=severities(())),)

    (leased,) = outbox.lease(engine, at.lease, at.clock.now)
    assert outbox.cancel(engine, at.lease, leased, "the channel is gone", at.clock.now)
    at.sweep()

    assert [(row.channel, row.event, row.state) for row in at.deliveries()] == [
        ("ops", "trigger", "cancelled"),
        ("night", "trigger", "pending"),
    ]
    at.sweep()
    assert len(at.deliveries()) == 2
