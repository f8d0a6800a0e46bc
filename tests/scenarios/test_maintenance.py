"""What maintenance windows do to incidents, over real stores and the clock moved by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine

from domain.alertrules import AlertRule
from domain.facts import Mark, Status
from domain.matching import Match
from domain.rules import Operator, Rule
from domain.windows import Recurrence, Window
from tests.monitor.stand_ins import bad, good, watched
from tests.scenarios.stage import Scenario, play


def window(at: Scenario, minutes: float, begins_in: float = 0, **match: str) -> Window:
    """A window that begins in so many minutes from now, and lasts so long."""
    begins = at.clock.now + timedelta(minutes=begins_in)
    return Window(
        name="upgrade",
        match=Match(**{key: (text,) for key, text in match.items()}),
        start=datetime(*begins.timetuple()[:6]),
        duration=timedelta(minutes=minutes),
        recurrence=Recurrence.ONCE,
        timezone="UTC",
    )


async def test_maintenance_opens_nothing_and_goes_on_measuring(engine: Engine) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    at.put_in_force(windows=[window(at, 60, name="api")])

    await at.slot(api=bad())

    assert at.incidents() == []
    assert at.reasons("incident")[-1] == "maintenance"
    page = at.page("api")
    assert page.reading.status is Status.CRITICAL
    assert page.reading.mark is Mark.MAINTENANCE
    assert "In maintenance (upgrade): it opens no incident until that is over." in page.why


async def test_what_is_still_bad_when_the_window_ends_opens_and_pages_then(engine: Engine) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    at.put_in_force(windows=[window(at, 10, name="api")])
    await at.slot(api=bad())

    at.later(600)
    at.settle_windows()

    assert [each.incident.title for each in at.incidents()] == ["api is critical"]
    assert [row.event for row in at.deliveries()] == ["trigger"]


async def test_what_recovers_within_the_window_opens_nothing_afterwards(engine: Engine) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    at.put_in_force(windows=[window(at, 10, name="api")])
    await at.slot(api=bad())
    await at.slot(api=good())

    at.later(600)
    at.settle_windows()
    await at.slot(api=good())

    assert at.incidents() == []


async def test_the_timeline_tells_once_when_a_window_begins_and_ends_to_cover_an_incident(
    engine: Engine,
) -> None:
    at = play(engine, watched("api", tags=("shop",)), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())

    at.put_in_force(windows=[window(at, 10, name="api")])
    await at.slot()
    await at.slot()
    at.later(600)
    at.settle_windows()
    await at.slot()

    (stood,) = at.incidents()
    assert [(line.action, line.reason) for line in stood.lines[1:]] == [
        ("maintenance began", "the window upgrade covers it"),
        ("maintenance ended", "no window covers it any more"),
    ]
    assert stood.incident.tags == ("shop",)
    assert [row.event for row in at.deliveries()] == ["trigger"]


async def test_an_open_incident_stays_open_when_a_window_begins_and_is_not_repeated(
    engine: Engine,
) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    at.settle_all()
    at.put_in_force(windows=[window(at, 600, name="api")])

    at.later(5 * 3600)
    at.sweep()
    during = [row.event for row in at.deliveries()]
    at.put_in_force()
    at.sweep()

    assert at.incidents()[0].incident.is_open
    assert during == ["trigger"]
    assert [row.event for row in at.deliveries()] == ["trigger", "trigger"]


async def test_an_incident_that_recovers_within_a_window_resolves(engine: Engine) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    at.settle_all()
    at.put_in_force(windows=[window(at, 60, name="api")])

    await at.slot(api=good())

    assert not at.incidents()[0].incident.is_open
    assert [row.event for row in at.deliveries()] == ["trigger", "resolve"]


async def test_children_of_a_parent_in_maintenance_stand_under_it_when_the_window_ends(
    engine: Engine,
) -> None:
    children = [watched(name, depends_on=(("db",),)) for name in ("cart", "shop")]
    at = play(engine, watched("db"), *children, channels={"ops": []})
    await at.slot()
    at.put_in_force(windows=[window(at, 10, name="db")])
    await at.slot(db=bad(), cart=bad(), shop=bad())
    during = at.incidents()

    at.later(600)
    at.settle_windows()

    assert during == []
    (stood,) = at.incidents()
    assert stood.incident.component == "db"
    assert sorted(stood.affected) == ["cart", "shop"]
    assert [row.event for row in at.deliveries()] == ["trigger"]


async def test_the_timeline_shows_the_window(engine: Engine) -> None:
    at = play(engine, watched("api"))
    await at.slot()
    at.put_in_force(windows=[window(at, 1, name="api")])
    covered = at.page("api").reading.mark

    for _ in range(4):
        await at.slot()

    assert covered is Mark.MAINTENANCE
    assert at.page("api").reading.mark is Mark.NONE
    marks = [part.mark for part in at.page("api").day]
    assert marks[-2:] == [Mark.MAINTENANCE, Mark.NONE]


async def test_a_window_over_a_rule_holds_its_incident_until_it_ends(engine: Engine) -> None:
    levels = Rule(id="swap", metric="system.swap.percent", operator=Operator.GT, critical=80)
    rule = AlertRule(id="swap", metric="system.swap.percent", levels=levels, tags=("host",))
    at = play(engine)
    at.put_in_force(rule, windows=[window(at, 10, tags="host")])

    at.sample(rule.metric, 90)
    during = at.incidents()
    at.later(600)
    at.sample(rule.metric, 90)

    assert during == []
    assert [each.incident.component for each in at.incidents()] == ["swap"]
