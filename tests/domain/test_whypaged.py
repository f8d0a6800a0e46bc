"""Why was I (not) paged: the questions of both gates in their order, up to the one that stops."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.dependencies import OWN_NETWORK
from domain.incidents import Severity, Stage
from domain.muting import Reason
from domain.paging import Recipient, severities
from domain.silences import Silence
from domain.whypaged import Answer, Case, Delivered, Says, explain
from tests.domain.test_silences import INCIDENT, NOW, silence

OPS = Recipient(name="ops", severities=severities(()))
CASE = Case(
    component="api",
    gate=Reason.PASSED,
    detail="Connection refused.",
    incident=INCIDENT,
    recipients=(OPS,),
)


def last(case: Case) -> Answer:
    return explain(case)[-1]


def delivery(state: str, reason: str, at: datetime) -> Delivered:
    return Delivered(channel="ops", event="trigger", state=state, reason=reason, since=NOW, at=at)


def test_a_critical_that_was_told_though_it_flaps_is_not_said_to_be_held_back() -> None:
    incident = replace(INCIDENT, severity=Severity.CRITICAL, flapping=True, page_gate=None)

    assert last(replace(CASE, incident=incident)).says is Says.PASSES


SINCE = "since 2026-03-01 12:00:00 UTC"


@pytest.mark.parametrize(
    ("gate", "asked", "words"),
    [
        (Reason.PAUSED, 1, f"No: it is not being checked {SINCE}"),
        (Reason.HEALTHY, 2, f"No: it is healthy {SINCE}"),
        (
            Reason.NOT_YET_HARD,
            3,
            f"Not yet: it is not confirmed {SINCE}, until its next results agree",
        ),
        (Reason.HELD, 3, f"Not yet: it waits {SINCE} until what it needs has been checked too"),
        (Reason.INCONCLUSIVE, 4, f"No: its results are inconclusive {SINCE}, until one is not"),
        (Reason.BLOCKED, 5, f"No: db is down {SINCE}, and is told instead until it is back"),
        (
            Reason.MAINTENANCE,
            6,
            f"No: maintenance db covers it {SINCE} until 2026-03-01 13:00:00 UTC",
        ),
    ],
)
def test_the_incident_gate_stops_at_its_question_and_says_since_when_and_until_when(
    gate: Reason, asked: int, words: str
) -> None:
    until = NOW + timedelta(hours=1)
    case = replace(CASE, gate=gate, incident=None, since=NOW, by="db", until=until)

    answers = explain(case)

    assert len(answers) == asked
    assert [each.says for each in answers] == [Says.PASSES] * (asked - 1) + [Says.STOPS]
    assert answers[-1].text == f"{words} (Connection refused)."


def test_what_the_own_network_blocks_is_told_as_such() -> None:
    case = replace(CASE, gate=Reason.INCONCLUSIVE, by=OWN_NETWORK, incident=None, since=NOW)

    assert last(case).text == (
        f"No: this machine's own network is down {SINCE}, until it is back (Connection refused)."
    )


def test_every_reason_of_the_incident_gate_has_its_question() -> None:
    stopping = [reason for reason in Reason if explain(Case(component="a", gate=reason, detail=""))]

    assert set(stopping) == set(Reason)


def test_nothing_stops_a_page_that_is_sent() -> None:
    at = NOW + timedelta(seconds=1)
    sent = delivery("delivered", "accepted", at)

    answers = explain(replace(CASE, deliveries=(sent,)))

    assert {each.says for each in answers[:-1]} == {Says.PASSES}
    assert answers[-1] == Answer(
        gate="delivery",
        question="Was ops told (trigger)?",
        says=Says.TELLS,
        text="Yes: at 2026-03-01 12:00:01 UTC (accepted).",
    )


@pytest.mark.parametrize(
    ("state", "reason", "says", "text"),
    [
        (
            "pending",
            "cooldown",
            Says.WAITS,
            "Not yet: it was told of this shortly before, so it waits until "
            "2026-03-01 12:15:00 UTC (cooldown).",
        ),
        (
            "pending",
            "grouped",
            Says.WAITS,
            f"Not yet: it waits for others of its group {SINCE} until 2026-03-01 12:15:00 UTC.",
        ),
        ("pending", "sent", Says.WAITS, f"Not yet: it is on its way {SINCE}."),
        ("leased", "sent", Says.WAITS, f"Not yet: it is on its way {SINCE}."),
        (
            "retry",
            "HTTP 500",
            Says.WAITS,
            "Not yet: it is tried again at 2026-03-01 12:15:00 UTC (HTTP 500).",
        ),
        (
            "dead",
            "refused",
            Says.TELLS,
            "No: it was given up at 2026-03-01 12:15:00 UTC (refused).",
        ),
        (
            "cancelled",
            "resolved before it was sent: recovered",
            Says.TELLS,
            "No: it was taken back at 2026-03-01 12:15:00 UTC "
            "(resolved before it was sent: recovered).",
        ),
    ],
)
def test_a_delivery_says_what_became_of_it_and_when(
    state: str, reason: str, says: Says, text: str
) -> None:
    found = last(replace(CASE, deliveries=(delivery(state, reason, NOW + timedelta(minutes=15)),)))

    assert (found.says, found.text) == (says, text)


MUTED: Silence = silence()


@pytest.mark.parametrize(
    ("incident", "more", "question", "words"),
    [
        (
            {"parent_id": "INC-20260301-0009"},
            {"lines": {"nested": NOW}},
            "Does it stand alone?",
            f"No: it stands under INC-20260301-0009 {SINCE}, which pages for it until that is over.",
        ),
        (
            {"page_gate": "not confirmed"},
            {"lines": {"reopened": NOW}},
            "Was it bad when it was reopened?",
            f"No: it was reopened by hand while it was well {SINCE}, so it pages once it is bad.",
        ),
        (
            {"page_gate": "maintenance"},
            {},
            "Was it outside of maintenance?",
            "No: its page came due in maintenance, so it pages when that ends, if it is still bad.",
        ),
        (
            {},
            {"silence": MUTED},
            "Is it not silenced?",
            "No: ana silenced it from 2026-03-01 11:00:00 UTC until 2026-03-01 13:00:00 UTC: known",
        ),
        (
            {"stage": Stage.ACKNOWLEDGED, "acknowledged_by": "ben", "acknowledged_at": NOW},
            {},
            "Has nobody taken it?",
            f"No: ben has taken it {SINCE} (acknowledged), so it is quiet until it gets worse or "
            "is resolved.",
        ),
        (
            {"stage": Stage.ACKNOWLEDGED, "acknowledged_by": "ben", "sticky": True},
            {},
            "Has nobody taken it?",
            "No: ben has taken it (acknowledged), so it is quiet until it is resolved.",
        ),
        (
            {"stage": Stage.ACKNOWLEDGED, "acknowledged_by": "ben", "acknowledged_until": NOW},
            {},
            "Has nobody taken it?",
            "so it is quiet until 2026-03-01 12:00:00 UTC, or until it gets worse.",
        ),
        (
            {"flapping": True, "severity": Severity.MINOR},
            {"lines": {"flapping": NOW}},
            "Is it steady?",
            f"No: it changes again and again {SINCE}, so it is quiet until it has stopped.",
        ),
        (
            {"flapping": True, "page_gate": "flapping"},
            {"critical_since": NOW},
            "Is it steady?",
            "so it is quiet until it has stopped, or stays critical until 2026-03-01 12:05:00 UTC.",
        ),
        (
            {"flapping": True, "page_gate": "flapping"},
            {},
            "Is it steady?",
            "until it has stopped, or was critical for 5 min without a break.",
        ),
        (
            {},
            {"recipients": ()},
            "Does a channel take it?",
            "No: there is no channel, so it pages once a [[channel]] is configured.",
        ),
        (
            {"severity": Severity.INFO},
            {"recipients": (replace(OPS, severities=severities(["critical"])),)},
            "Does a channel take it?",
            "No: none of ops takes info incidents; it pages once one does.",
        ),
        (
            {"channels": ("chat",)},
            {},
            "Does a channel take it?",
            "No: its rule tells chat alone, and the channels are ops.",
        ),
    ],
)
def test_the_page_gate_stops_at_its_question(
    incident: dict[str, Any], more: dict[str, Any], question: str, words: str
) -> None:
    answer = last(replace(CASE, incident=replace(INCIDENT, **incident), **more))

    assert (answer.gate, answer.question, answer.says) == ("page", question, Says.STOPS)
    assert words in answer.text


def test_the_gates_answer_by_the_first_reason_alone() -> None:
    both = replace(INCIDENT, parent_id="INC-20260301-0009", flapping=True)

    answers = explain(replace(CASE, incident=both, silence=MUTED, recipients=()))

    assert [each.says for each in answers].count(Says.STOPS) == 1
    assert answers[-1].question == "Does it stand alone?"


def test_what_is_bad_without_an_incident_opens_one_with_the_next_result() -> None:
    assert last(replace(CASE, incident=None)).text == "Not yet: it opens with the next result."


def test_what_was_resolved_by_force_says_so() -> None:
    held = replace(INCIDENT, stage=Stage.RESOLVED, held=True)

    assert "was resolved by force" in last(replace(CASE, incident=held)).text


def test_an_incident_that_stands_goes_on_paging_while_its_check_is_in_maintenance() -> None:
    answers = explain(replace(CASE, gate=Reason.MAINTENANCE))

    assert [each.gate for each in answers] == ["incident"] * 7 + ["page"] * 5


def test_after_it_is_over_what_was_sent_is_still_told() -> None:
    sent = delivery("dead", "refused", NOW)
    over = replace(INCIDENT, stage=Stage.RESOLVED)

    answers = explain(replace(CASE, gate=Reason.HEALTHY, incident=over, deliveries=(sent,)))

    assert [each.gate for each in answers] == ["incident", "incident", "delivery"]
