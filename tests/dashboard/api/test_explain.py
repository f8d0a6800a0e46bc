"""Why was I (not) paged, over HTTP: for checks, rules and incidents."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from dashboard.application import create_app
from domain.facts import Decision, Status
from domain.matching import Match
from domain.muting import Reason
from domain.rulestate import RuleState
from storage import silences
from storage.changes import MAINTENANCE, RULE, Changes
from storage.rule_rows import Ruled
from tests.dashboard.api.serving import (
    SLOWEST_S,
    STRANGE,
    engine,
    now,
    operator,
    send,
    served,
    url,
    viewer,
)
from tests.dashboard.filled import Filled

__all__ = ["engine", "now", "operator", "served", "url", "viewer"]

PATH = "/api/v1/explain"


def asked(client: FlaskClient, **query: str) -> list[dict[str, Any]]:
    answer = client.get(PATH, query_string=query)
    assert answer.status_code == 200, answer.get_json()
    found: list[dict[str, Any]] = answer.get_json()["explanations"]
    return found


def told(explanation: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["question"], each["says"]) for each in explanation["answers"]]


def fallen(store: Filled, now: datetime) -> str:
    """shop-db is critical for good, and has an incident that `ops` is to be told of."""
    store.results("shop-db", [Status.CRITICAL] * 3, now)
    return store.incident("shop-db", now - timedelta(minutes=1)).id


def ruled(store: Filled, now: datetime, level: Status, **labels: str) -> str:
    key = "rule:slow" + "".join(f":{name}={value}" for name, value in labels.items())
    state = RuleState(rule="slow", labels=tuple(labels.items()), level=level, message="It is slow")
    store.journal.commit(store.lease, [Ruled(fingerprint=key, state=state, at=now)])
    return key


def test_a_healthy_check_stops_where_nothing_is_wrong(
    viewer: FlaskClient, served: Filled, now: datetime
) -> None:
    served.results("cpu", [Status.HEALTHY] * 3, now)

    (only,) = asked(viewer, check="cpu")

    assert (only["component"], only["incident"]) == ("cpu", None)
    assert told(only) == [
        ("Is it being checked?", "passes"),
        ("Is anything wrong with it?", "stops"),
    ]


def test_a_page_that_was_sent_is_told_with_everything_it_passed(
    viewer: FlaskClient, served: Filled, now: datetime
) -> None:
    incident = fallen(served, now)

    (by_check,) = asked(viewer, check="shop-db")
    (by_incident,) = asked(viewer, incident=incident)

    assert by_check == by_incident
    assert by_check["incident"] == incident
    assert told(by_check)[-1] == ("Was ops told (trigger)?", "waits")
    assert {says for _, says in told(by_check)[:-1]} == {"passes"}
    assert [each["gate"] for each in by_check["answers"]] == [
        *["incident"] * 7,
        *["page"] * 5,
        "delivery",
    ]


def test_a_silence_is_named_with_its_author_and_its_reason(
    viewer: FlaskClient, served: Filled, now: datetime
) -> None:
    fallen(served, now)
    silences.silence(
        served.engine,
        Match(name=("shop-*",)),
        author="ana",
        reason="known",
        starts_at=now,
        ends_at=now + timedelta(hours=1),
        now=now,
    )

    (only,) = asked(viewer, check="shop-db")

    stopped = next(each for each in only["answers"] if each["says"] == "stops")
    assert stopped["question"] == "Is it not silenced?"
    assert stopped["text"].startswith(
        f"No: ana silenced it from {now:%Y-%m-%d %H:%M:%S} UTC until "
    )
    assert stopped["text"].endswith("known")


def test_each_series_of_a_rule_is_told(viewer: FlaskClient, served: Filled, now: datetime) -> None:
    ruled(served, now, Status.HEALTHY, mount="/")
    ruled(served, now, Status.CRITICAL, mount="/srv")

    found = asked(viewer, rule="slow")

    assert [each["answers"][-1]["says"] for each in found] == ["stops", "stops"]
    assert found[0]["answers"][-1]["text"] == "No: it is healthy (It is slow)."
    assert found[1]["answers"][-1]["question"] == "Does an incident stand?"


def test_what_a_rule_waits_for_is_told(viewer: FlaskClient, served: Filled, now: datetime) -> None:
    key, reason = "rule:slow", Reason.NOT_YET_HARD.value
    decision = Decision(subject=key, gate="incident", at=now, reason=reason)
    state = RuleState(rule="slow", message="It is slow for 10 s")
    entry = Ruled(fingerprint=key, state=state, at=now, decisions=(decision,))
    served.journal.commit(served.lease, [entry])

    (only,) = asked(viewer, rule="slow")

    assert only["answers"][-1]["text"] == (
        f"Not yet: it is not confirmed since {now:%Y-%m-%d %H:%M:%S} UTC, "
        "until its next results agree (It is slow for 10 s)."
    )


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({}, "Not yet: nothing that it looks at has been measured (queue_length)."),
        ({"enabled": False}, "No: it is not being checked (the rule is switched off)."),
        ({"operator": "~"}, "No: it is not being checked (the rule is not valid any more)."),
    ],
)
def test_a_rule_that_has_said_nothing_yet_tells_why(
    viewer: FlaskClient, served: Filled, now: datetime, more: dict[str, Any], text: str
) -> None:
    table = {"id": "queue", "metric": "queue_length", "warning": 5, **more}
    Changes(served.engine).add(RULE, "queue", table, actor="ana", now=now)

    (only,) = asked(viewer, rule="queue")

    assert (only["component"], only["incident"]) == ("queue", None)
    assert [each["text"] for each in only["answers"]] == [text]


def test_a_rule_in_maintenance_tells_of_the_window_that_is_the_last_to_end(
    viewer: FlaskClient, served: Filled, now: datetime
) -> None:
    changes, start = Changes(served.engine), now - timedelta(hours=1)
    for name, hours in (("short", 2), ("long", 5)):
        end = start + timedelta(hours=hours)
        window = {"start": start.isoformat(), "end": end.isoformat(), "match": {"name": ["slow"]}}
        changes.add(MAINTENANCE, name, {"name": name, **window}, actor="ana", now=now)
    decision = Decision(subject="rule:slow", gate="incident", at=now, reason="maintenance")
    state = RuleState(rule="slow", level=Status.CRITICAL, since=now, message="It is slow")
    entry = Ruled(fingerprint="rule:slow", state=state, at=now, decisions=(decision,))
    served.journal.commit(served.lease, [entry])

    (only,) = asked(viewer, rule="slow")

    until = f"{start + timedelta(hours=5):%Y-%m-%d %H:%M:%S} UTC"
    assert only["answers"][-1]["text"] == (
        f"No: maintenance long covers it since {now:%Y-%m-%d %H:%M:%S} UTC until {until} (It is slow)."
    )


def test_a_rule_on_the_numbers_of_a_check_is_told_as_that_check(
    viewer: FlaskClient, served: Filled, now: datetime
) -> None:
    incident = fallen(served, now)
    ruled(served, now, Status.CRITICAL, check="shop-db")

    (only,) = asked(viewer, rule="slow")

    assert (only["component"], only["incident"]) == ("shop-db", incident)


def test_an_incident_that_is_over_still_tells_what_was_sent(
    viewer: FlaskClient, served: Filled, now: datetime
) -> None:
    incident = fallen(served, now)
    served.results("shop-db", [Status.HEALTHY] * 3, now)
    served.incident("shop-db", now, Status.HEALTHY)

    (only,) = asked(viewer, incident=incident)

    questions = [question for question, _ in told(only)]
    assert "Was ops told (trigger)?" in questions
    assert "Was ops told (resolve)?" in questions


def test_a_question_about_nothing_or_about_two_things_is_refused(viewer: FlaskClient) -> None:
    for query in ("", "?name=cpu", "?check=cpu&rule=x", "?Check=cpu"):
        answer = viewer.get(PATH + query)
        assert answer.status_code == 400
        assert "check, rule, incident" in answer.get_json()["detail"]


def test_what_nobody_knows_is_not_found(viewer: FlaskClient) -> None:
    for by in ("check", "rule", "incident"):
        for name in ["", *STRANGE]:
            answered = send(viewer, "GET", f"{PATH}?{by}={name}", b"")
            assert answered.response.status_code == 404, (by, name)
            assert by in answered.detail
            assert answered.took_s < SLOWEST_S


def test_nobody_else_is_told_anything(served: Filled) -> None:
    nobody = create_app(served.settings(anonymous="none"), served.engine).server.test_client()

    assert nobody.get(f"{PATH}?check=cpu").status_code == 401
