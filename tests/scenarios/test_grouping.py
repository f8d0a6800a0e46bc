"""What of a group opens while the first of it waits is told by one message for each channel."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import Engine

from domain.operating import Order, Verb
from domain.outbox import Delivery, Message, delivered, failed, message_of, refused
from domain.rules import Rule
from domain.whypaged import explain
from monitor.definitions import WatchedCheck
from storage import outbox
from storage.explaining import case_of_incident
from storage.incident_changes import IncidentChanges
from tests.monitor.stand_ins import ANSWERS, bad, good, watched
from tests.scenarios.stage import Scenario, play

SLOW = good(812)


def shop(name: str, *tags: str) -> WatchedCheck:
    """A check that reads warning when it is slow."""
    rule = Rule(id=f"{name}:told.ms", metric="told.ms", title="Latency", warning=500, unit="ms")
    return watched(name, rules=(rule,), tags=tags or ("shop",))


def leased(at: Scenario, *, alone: Sequence[str] = ()) -> list[Delivery]:
    return list(outbox.lease(at.engine, at.lease, at.clock.now, alone=alone))


def sent(at: Scenario, *, alone: Sequence[str] = ()) -> list[Message]:
    """All that is due is sent and taken."""
    found = []
    for each in leased(at, alone=alone):
        found.append(message_of(each))
        outbox.settle(at.engine, at.lease, each, delivered("HTTP 204"), at.clock.now, {})
    return found


def told(messages: Sequence[Message]) -> list[tuple[str, list[str]]]:
    return [(each.incident_id[-4:], [other.id[-4:] for other in each.others]) for each in messages]


def states(at: Scenario) -> list[tuple[str, str, str]]:
    return [(row.incident_id[-4:], row.event, row.state) for row in at.deliveries()]


async def test_three_warnings_of_one_tag_are_told_as_one_message_to_each_channel(
    engine: Engine,
) -> None:
    checks = [shop("api"), shop("web"), shop("mail")]
    at = play(engine, *checks, channels={"ops": [], "chat": ["warning"]})
    await at.slot()
    await at.slot(api=SLOW, web=SLOW, mail=SLOW)

    early = sent(at)
    at.later(30)
    messages = sent(at)
    at.later(60)

    assert early == []
    assert told(messages) == [("0001", ["0002", "0003"]), ("0001", ["0002", "0003"])]
    assert sorted(each.key.partition(":")[2] for each in messages) == ["chat", "ops"]
    other = messages[0].others[0]
    assert (other.component, other.severity) == ("web", "minor")
    assert (other.title, other.link) == ("web is warning", f"/incidents/{other.id}")
    assert {state for _, _, state in states(at)} == {"delivered"}
    assert sent(at) == []


async def test_groups_are_told_apart_by_the_first_tag_and_without_one_by_the_kind(
    engine: Engine,
) -> None:
    checks = [shop("a", "x", "y"), shop("b", "y", "x"), shop("c", "y")]
    at = play(engine, *checks, channels={"ops": []})
    await at.slot()
    await at.slot(a=SLOW, b=SLOW, c=SLOW)
    at.later(30)

    assert told(sent(at)) == [("0001", []), ("0002", ["0003"])]


async def test_a_critical_leaves_at_once_alone_and_what_comes_after_it_waits_and_is_bundled(
    engine: Engine,
) -> None:
    at = play(engine, shop("db"), shop("api"), shop("web"), channels={"ops": []})
    await at.slot()

    await at.slot(db=bad())
    at_once = sent(at)
    await at.slot(api=SLOW, web=SLOW)
    waiting = sent(at)
    at.later(30)
    later = sent(at)

    assert (told(at_once), waiting) == ([("0001", [])], [])
    assert told(later) == [("0002", ["0003"])]


async def test_criticals_of_one_group_are_told_one_each(engine: Engine) -> None:
    at = play(engine, shop("db"), shop("api"), channels={"ops": []})
    await at.slot()

    await at.slot(db=bad(), api=bad())

    assert told(sent(at)) == [("0001", []), ("0002", [])]


async def test_what_opens_after_its_group_was_told_waits_anew(engine: Engine) -> None:
    at = play(engine, shop("api"), shop("web"), channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW)
    at.later(30)
    first = sent(at)

    await at.slot(web=SLOW)
    at_once = sent(at)
    at.later(30)

    assert (told(first), at_once, told(sent(at))) == ([("0001", [])], [], [("0002", [])])


async def test_resolves_of_what_was_told_together_are_told_one_by_one(engine: Engine) -> None:
    at = play(engine, shop("api"), shop("web"), channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW, web=SLOW)
    at.later(30)
    sent(at)

    await at.slot(api=good())
    one = sent(at)
    await at.slot(web=good())
    other = sent(at)

    assert [(each.event, each.incident_id[-4:]) for each in one + other] == [
        ("resolve", "0001"),
        ("resolve", "0002"),
    ]
    assert told(one + other) == [("0001", []), ("0002", [])]


async def test_what_recovers_while_it_waits_with_its_group_is_not_told_from_it(
    engine: Engine,
) -> None:
    at = play(engine, shop("api"), shop("web"), channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW, web=SLOW)
    ANSWERS["api"] = good()
    at.later(5)
    await at.tries("api")
    opened = [each.incident.is_open for each in at.incidents()]
    at.later(30)

    assert opened == [False, True]
    assert told(sent(at)) == [("0002", [])]
    assert sent(at) == []
    assert states(at) == [("0001", "trigger", "cancelled"), ("0002", "trigger", "delivered")]
    assert at.deliveries()[0].reason == "resolved before it was sent: recovered"
    assert at.reasons("page")[-1] == "nobody was told"


@pytest.mark.parametrize(
    ("verb", "reason"),
    [
        (Verb.ACKNOWLEDGE, "acknowledged by mara before it was sent"),
        (Verb.INVESTIGATE, "investigating before it was sent"),
    ],
)
async def test_what_somebody_takes_while_it_waits_with_its_group_is_not_told_from_it(
    engine: Engine, verb: Verb, reason: str
) -> None:
    at = play(engine, shop("api"), shop("web"), channels={"ops": [], "chat": []})
    await at.slot()
    await at.slot(api=SLOW, web=SLOW)
    taken = at.incidents()[0].incident.id

    IncidentChanges(engine).carry_out(taken, Order(verb=verb), actor="mara", now=at.clock.now)
    at.later(30)

    assert told(sent(at)) == [("0002", []), ("0002", [])]
    cancelled = [row for row in at.deliveries() if row.state == "cancelled"]
    assert [(row.incident_id, row.reason) for row in cancelled] == [(taken, reason)] * 2
    assert not any(row.event == "acknowledge" for row in at.deliveries())


async def test_what_reopens_within_its_cooldown_and_recovers_again_is_told_to_nobody(
    engine: Engine,
) -> None:
    at = play(engine, shop("api"), channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW)
    at.later(30)
    sent(at)
    await at.slot(api=good())
    sent(at)
    await at.slot(api=SLOW)
    waiting = states(at)[-1]

    await at.slot(api=good())

    assert waiting == ("0001", "trigger", "pending")
    assert [(event, state) for _, event, state in states(at)] == [
        ("trigger", "delivered"),
        ("resolve", "delivered"),
        ("trigger", "cancelled"),
    ]


async def test_a_message_that_may_have_been_sent_is_not_taken_back(engine: Engine) -> None:
    at = play(engine, shop("api"), shop("web"), channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW, web=SLOW)
    at.later(30)
    leased(at)
    # The monitor that had leased it died, and the next one does not know whether it was sent.
    outbox.take_back(at.engine, at.lease)

    await at.slot(api=good())

    assert states(at)[:2] == [("0001", "trigger", "retry"), ("0002", "trigger", "retry")]
    assert states(at)[-1] == ("0001", "resolve", "pending")


async def test_a_channel_that_takes_no_bundles_is_told_one_by_one(engine: Engine) -> None:
    at = play(engine, shop("api"), shop("web"), channels={"duty": [], "ops": []})
    await at.slot()
    await at.slot(api=SLOW, web=SLOW)
    at.later(30)

    messages = sent(at, alone=["duty"])

    assert [(each.key.partition(":")[2], len(each.others)) for each in messages] == [
        ("duty", 0),
        ("duty", 0),
        ("ops", 1),
    ]
    assert {state for _, _, state in states(at)} == {"delivered"}


async def test_the_gate_says_grouped_and_the_timeline_who_was_told_together(
    engine: Engine,
) -> None:
    at = play(engine, shop("api"), shop("web"), channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW, web=SLOW)
    at.later(30)
    sent(at)

    first, second = (each.incident.id for each in at.incidents())
    reasons = [row.reason for row in at.deliveries()]
    case = case_of_incident(engine, second, at.clock.now)
    assert case is not None
    assert at.reasons("page") == ["grouped", "grouped"]
    assert reasons == [
        f"HTTP 204, told together with {second}",
        f"HTTP 204, told together with {first}",
    ]
    assert f"told together with {first}" in explain(case)[-1].text


async def test_a_message_that_failed_is_tried_again_whole_and_takes_nothing_more_along(
    engine: Engine,
) -> None:
    at = play(engine, shop("api"), shop("web"), shop("mail"), channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW, web=SLOW)
    at.later(30)
    (first,) = leased(at)
    outbox.settle(at.engine, at.lease, first, failed("HTTP 500"), at.clock.now, {})
    retried = states(at)
    await at.slot(mail=SLOW)

    (again,) = leased(at)
    outbox.settle(at.engine, at.lease, again, delivered(), at.clock.now, {})
    at.later(30)

    assert [state for _, _, state in retried] == ["retry", "retry"]
    assert (again.key, again.rows, again.attempts) == (first.key, first.rows, 1)
    assert told(sent(at)) == [("0003", [])]


async def test_what_was_told_together_and_refused_goes_together_by_the_fallback(
    engine: Engine,
) -> None:
    at = play(engine, shop("api"), shop("web"), channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW, web=SLOW)
    at.later(30)
    (first,) = leased(at)

    outbox.settle(at.engine, at.lease, first, refused("HTTP 400"), at.clock.now, {"ops": "chat"})

    (taken_over,) = leased(at)
    assert (taken_over.channel, len(taken_over.companions)) == ("chat", 1)
    assert [state for _, _, state in states(at)] == ["dead", "dead", "leased", "leased"]


async def test_an_incident_within_its_cooldown_is_not_told_early_because_its_group_is(
    engine: Engine,
) -> None:
    at = play(engine, shop("api"), shop("web"), channels={"ops": []})
    await at.slot()
    await at.slot(api=SLOW)
    at.later(30)
    sent(at)
    await at.slot(api=good())
    await at.slot(api=SLOW)
    sent(at)

    await at.slot(web=SLOW)
    at.later(30)
    within = sent(at)
    at.later(900)

    assert told(within) == [("0002", [])]
    assert told(sent(at)) == [("0001", [])]
