"""What silences, lapsed acknowledgements and growing incidents do to pages, over real stores."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from domain.incidents import Action, Stage
from domain.matching import Match
from domain.operating import Order, Verb
from domain.paging import Recipient, severities
from domain.rules import Rule
from domain.silences import Silence
from storage import silences
from storage.incident_changes import IncidentChanges
from tests.monitor.stand_ins import bad, good, watched
from tests.scenarios.stage import Scenario, play

SLOW = Rule(id="api:told.ms", metric="told.ms", title="Latency", warning=500, unit="ms")


def mute(at: Scenario, minutes: float = 60, **match: str) -> Silence:
    """A silence from now on."""
    now = at.clock.now
    return silences.silence(
        at.engine,
        Match(**{key: (text,) for key, text in match.items()}),
        author="ana",
        reason="known, replaced on Monday",
        starts_at=now,
        ends_at=now + timedelta(minutes=minutes),
        now=now,
    )


def events(at: Scenario) -> list[tuple[str, str]]:
    """What was planned, and where it stands."""
    return [(row.event, row.state) for row in at.deliveries()]


async def test_a_silenced_incident_opens_pages_nobody_and_says_who_muted_it(engine: Engine) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    mute(at, name="api")

    await at.slot(api=bad())

    (stood,) = at.incidents()
    assert stood.incident.stage is Stage.NEW
    assert stood.incident.page_gate == "silenced"
    assert at.deliveries() == []
    assert at.reasons("page") == ["silenced"]


async def test_the_timeline_tells_once_when_a_silence_begins_and_ends_to_cover_an_incident(
    engine: Engine,
) -> None:
    at = play(engine, watched("api"), watched("db"), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad(), db=bad())
    at.settle_all()

    made = mute(at, minutes=10, name="a*")
    mute(at, minutes=5, name="api")
    until = f"{made.ends_at:%Y-%m-%d %H:%M} UTC"
    for _ in range(3):
        at.sweep()
        at.later(290)
    at.sweep()

    api, db = at.incidents()
    assert [(line.action, line.reason) for line in api.lines[1:]] == [
        ("silenced", f"ana silenced it until {until}: known, replaced on Monday"),
        ("silence ended", "no silence covers it any more"),
    ]
    assert [line.action for line in db.lines] == ["opened"]
    assert events(at) == [("trigger", "delivered")] * 2


async def test_what_is_still_bad_when_the_silence_ends_pages_then(engine: Engine) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    mute(at, minutes=10, name="a*")
    await at.slot(api=bad())

    at.later(300)
    at.sweep()
    during = at.deliveries()
    at.later(300)
    at.sweep()
    at.sweep()

    assert during == []
    assert events(at) == [("trigger", "pending")]
    (stood,) = at.incidents()
    assert stood.lines[-1].action == Action.RELEASED
    (page,) = at.deliveries()
    assert stood.lines[-1].reason == "refused — silence ended, still critical"
    assert page.body["title"] == "api is critical"
    assert page.body["message"] == stood.lines[-1].reason
    assert stood.incident.page_gate is None


async def test_ending_a_silence_early_pages_at_the_next_sweep(engine: Engine) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    made = mute(at, name="api")
    await at.slot(api=bad())

    ended = silences.end(engine, made.id, actor="ben", now=at.clock.now)
    at.sweep()

    assert ended.ended_by == "ben"
    assert events(at) == [("trigger", "pending")]


async def test_what_recovers_during_a_silence_never_pages_and_needs_no_resolve(
    engine: Engine,
) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    mute(at, minutes=10, name="api")
    await at.slot(api=bad())
    await at.slot(api=good())

    at.later(900)
    at.sweep()

    assert at.deliveries() == []
    assert at.incidents()[0].incident.stage is Stage.RESOLVED


async def test_a_silence_takes_back_the_page_that_waits_to_be_grouped(engine: Engine) -> None:
    at = play(engine, watched("api", rules=(SLOW,)), channels={"ops": []})
    await at.slot()
    await at.slot(api=good(812))
    waiting = events(at)

    mute(at, minutes=10, name="api")
    muted = events(at)
    at.later(600)
    at.sweep()

    assert waiting == [("trigger", "pending")]
    assert muted == [("trigger", "cancelled")]
    assert at.deliveries()[0].reason == "silenced by ana: known, replaced on Monday"
    assert events(at) == [("trigger", "cancelled"), ("trigger", "pending")]


async def test_a_resolve_passes_a_silence_to_those_who_were_told(engine: Engine) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    at.settle_all()
    mute(at, name="api")

    await at.slot(api=good())

    assert events(at) == [("trigger", "delivered"), ("resolve", "pending")]


async def test_a_silence_by_tag_mutes_only_what_bears_the_tag(engine: Engine) -> None:
    shop, other = watched("cart", tags=("shop",)), watched("mail", tags=("office",))
    at = play(engine, shop, other, channels={"ops": []})
    await at.slot()
    mute(at, tags="shop")

    await at.slot(cart=bad(), mail=bad())

    assert [row.body["component"] for row in at.deliveries()] == ["mail"]


async def test_a_silence_of_lesser_severities_lets_a_rise_through(engine: Engine) -> None:
    at = play(engine, watched("api", rules=(SLOW,)), channels={"ops": []})
    await at.slot()
    mute(at, severity="minor")
    await at.slot(api=good(812))
    quiet = at.deliveries()

    await at.slot(api=bad())

    assert quiet == []
    assert events(at) == [("trigger", "pending")]


async def test_an_acknowledgement_for_a_time_lapses_and_pages_again(engine: Engine) -> None:
    at = play(engine, watched("api"), channels={"ops": []})
    await at.slot()
    await at.slot(api=bad())
    at.settle_all()
    order = Order(verb=Verb.ACKNOWLEDGE, lasts=timedelta(minutes=30))
    found = at.incidents()[0].incident
    IncidentChanges(engine).carry_out(found.id, order, actor="ana", now=at.clock.now)
    at.settle_all()

    at.later(1799)
    at.sweep()
    before = at.incidents()[0].incident
    at.later(1)
    at.sweep()

    assert before.stage is Stage.ACKNOWLEDGED
    (stood,) = at.incidents()
    assert stood.incident.stage is Stage.NEW
    assert stood.incident.acknowledged_by is None
    ended = "refused — the acknowledgement by ana has ended, still critical"
    assert stood.lines[-1].reason == at.deliveries()[-1].body["message"] == ended
    assert events(at)[-1] == ("trigger", "pending")


async def test_an_incident_that_no_channel_took_pages_as_soon_as_one_does(engine: Engine) -> None:
    at = play(engine, watched("api"))
    await at.slot()
    await at.slot(api=bad())
    nobody = at.reasons("page")

    at.journal.recipients = (Recipient(name="ops", severities=severities([])),)
    at.sweep()

    assert nobody == ["no channel"]
    assert events(at) == [("trigger", "pending")]
    assert at.incidents()[0].lines[-1].reason == (
        "refused — a channel takes it now, still critical"
    )


async def test_those_who_were_told_hear_once_that_a_tree_fell_and_then_every_ten_minutes(
    engine: Engine,
) -> None:
    names = [f"child-{number}" for number in range(4)]
    children = [watched(name, depends_on=(("db",),)) for name in names]
    at = play(engine, watched("db"), *children, channels={"ops": []})
    await at.slot()
    await at.slot(db=bad(), **dict.fromkeys(names[:2], bad()))
    at.settle_all()

    at.sweep()
    at_once = len(at.deliveries())
    at.later(30)
    at.sweep()
    at.sweep()

    assert at_once == 1
    assert [row.event for row in at.deliveries()] == ["trigger", "notice"]
    assert at.deliveries()[1].body["message"] == "it affects 4 components now"
    assert at.incidents()[0].incident.told_affected == 4
