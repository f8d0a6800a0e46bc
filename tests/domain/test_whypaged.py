"""Why was I (not) paged: the questions of both gates in their order, up to the one that stops."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

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


@pytest.mark.parametrize(
    ("gate", "asked", "words"),
    [
        (Reason.PAUSED, 1, "it is paused"),
        (Reason.HEALTHY, 2, "it is healthy"),
        (Reason.NOT_YET_HARD, 3, "the next results decide"),
        (Reason.HELD, 3, "what it depends on is being checked first"),
        (Reason.INCONCLUSIVE, 4, "inconclusive"),
        (Reason.BLOCKED, 5, "under the incident of what is down"),
        (Reason.MAINTENANCE, 6, "a maintenance window covers it"),
    ],
)
def test_the_incident_gate_stops_at_its_question(gate: Reason, asked: int, words: str) -> None:
    answers = explain(replace(CASE, gate=gate, incident=None))

    assert len(answers) == asked
    assert [each.says for each in answers] == [Says.PASSES] * (asked - 1) + [Says.STOPS]
    assert words in answers[-1].text
    assert answers[-1].text.endswith("Connection refused.")


def test_every_reason_of_the_incident_gate_has_its_question() -> None:
    stopping = [reason for reason in Reason if explain(Case(component="a", gate=reason, detail=""))]

    assert set(stopping) == set(Reason)


def test_nothing_stops_a_page_that_is_sent() -> None:
    at = NOW + timedelta(seconds=1)
    sent = Delivered(channel="ops", event="trigger", state="delivered", reason="accepted", at=at)

    answers = explain(replace(CASE, deliveries=(sent,)))

    assert {each.says for each in answers[:-1]} == {Says.PASSES}
    assert answers[-1] == Answer(
        gate="delivery",
        question="Was ops told (trigger)?",
        says=Says.TELLS,
        text="Delivered at 2026-03-01 12:00:01 UTC: accepted",
    )


def test_a_page_that_waits_says_until_when() -> None:
    due = NOW + timedelta(minutes=15)
    waits = Delivered(channel="ops", event="trigger", state="pending", reason="cooldown", at=due)

    assert last(replace(CASE, deliveries=(waits,))).says is Says.WAITS
    assert last(replace(CASE, deliveries=(waits,))).text == (
        "Pending at 2026-03-01 12:15:00 UTC: cooldown"
    )


MUTED: Silence = silence()


@pytest.mark.parametrize(
    ("incident", "more", "question", "words"),
    [
        ({"parent_id": "INC-20260301-0009"}, {}, "Does it stand alone?", "INC-20260301-0009"),
        ({}, {"silence": MUTED}, "Is it not silenced?", "ana silenced it until 2026-03-01 13:00"),
        (
            {"stage": Stage.ACKNOWLEDGED, "acknowledged_by": "ben"},
            {},
            "Has nobody taken it?",
            "it is acknowledged by ben",
        ),
        ({"flapping": True}, {}, "Is it steady?", "A critical one pages after 5 min."),
        ({}, {"recipients": ()}, "Does a channel take it?", "Add a [[channel]]"),
        (
            {"severity": Severity.INFO},
            {"recipients": (replace(OPS, severities=severities(["critical"])),)},
            "Does a channel take it?",
            "none of the channels takes info incidents",
        ),
        ({"channels": ("chat",)}, {}, "Does a channel take it?", "none of the channels takes"),
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
    sent = Delivered(channel="ops", event="resolve", state="dead", reason="refused", at=NOW)
    over = replace(INCIDENT, stage=Stage.RESOLVED)

    answers = explain(replace(CASE, gate=Reason.HEALTHY, incident=over, deliveries=(sent,)))

    assert [each.gate for each in answers] == ["incident", "incident", "delivery"]
