"""Incidents over HTTP: what is told, what is refused and in which words, who may do what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboard.application import create_app
from domain.facts import Status
from domain.incidents import Incident
from tests.dashboard.filled import Filled, about, fill


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def store(tmp_path: Path, now: datetime) -> Iterator[Filled]:
    filled = fill(tmp_path, now)
    filled.publish({"shop-db": about(), "shop-api": about(), "cpu": about()})
    filled.results("shop-db", [Status.CRITICAL] * 3, now)
    yield filled
    filled.engine.dispose()


@pytest.fixture
def incident(store: Filled, now: datetime) -> Incident:
    """A critical incident of shop-db, four minutes old."""
    return store.incident("shop-db", now - timedelta(minutes=4))


@pytest.fixture
def client(store: Filled) -> FlaskClient:
    """An operator's client."""
    return create_app(store.settings(anonymous="operator"), store.engine).server.test_client()


def order(client: FlaskClient, of: Incident, verb: str, **body: Any) -> TestResponse:
    return client.post(f"/incidents/{of.id}/{verb}", json=body)


def test_active_incidents_come_worst_first_with_all_that_belongs_to_them(
    store: Filled, client: FlaskClient, incident: Incident, now: datetime
) -> None:
    warning = store.incident("cpu", now - timedelta(minutes=9), Status.WARNING)
    nested = store.incident("shop-api", now - timedelta(minutes=5), Status.WARNING)
    store.incident("shop-api", now, by="shop-db")

    answer = client.get("/incidents")

    body = answer.get_json()
    assert answer.headers["Vary"] == "Accept"
    assert body["count"] == 3
    assert [each["id"] for each in body["incidents"]] == [incident.id, warning.id, nested.id]
    first = body["incidents"][0]
    assert first["nested"] == [nested.id]
    assert first["affected"] == ["shop-api"]
    assert [line["action"] for line in first["lines"]] == ["opened"]
    assert [(each["channel"], each["event"]) for each in first["deliveries"]] == [
        ("ops", "trigger")
    ]
    assert body["incidents"][2]["parent"] == incident.id


def test_one_incident_is_told_in_full(
    client: FlaskClient, incident: Incident, now: datetime
) -> None:
    answer = client.get(f"/incidents/{incident.id}")

    body = answer.get_json()
    assert answer.headers["Vary"] == "Accept"
    assert body["title"] == "shop-db is critical"
    assert (body["stage"], body["severity"], body["open"]) == ("new", "critical", True)
    assert body["opened_at"] == (now - timedelta(minutes=4)).isoformat()


@pytest.mark.parametrize(
    "name", ["INC-20200101-0001", "nothing", "%00", "..%2f..", "x" * 5000, "INC-٢٠٢٦٠١٠١-0001"]
)
def test_an_unknown_incident_is_not_found(client: FlaskClient, name: str) -> None:
    assert client.get(f"/incidents/{name}").status_code == 404
    assert client.post(f"/incidents/{name}/acknowledge", json={}).status_code in (404, 405)


def test_history_reaches_back_as_far_as_is_asked_and_holds_what_is_over(
    store: Filled, client: FlaskClient, now: datetime
) -> None:
    old = store.incident("cpu", now - timedelta(hours=30))
    store.incident("cpu", now - timedelta(hours=29), Status.HEALTHY)
    new = store.incident("shop-db", now - timedelta(hours=3))

    day = client.get("/incidents/history").get_json()
    week = client.get("/incidents/history?hours=168").get_json()

    assert (day["hours"], [each["id"] for each in day["incidents"]]) == (24.0, [new.id])
    assert [each["id"] for each in week["incidents"]] == [new.id, old.id]
    assert week["incidents"][1]["stage"] == "resolved"
    assert week["truncated"] is False


@pytest.mark.parametrize("hours", ["NaN", "-1", "0", "745", "x", "inf", ""])
@pytest.mark.parametrize("path", ["history", "statistics"])
def test_bad_hours_are_refused(client: FlaskClient, path: str, hours: str) -> None:
    answer = client.get(f"/incidents/{path}?hours={hours}")

    assert answer.status_code == 400
    assert "hours" in answer.get_json()["detail"]


def test_statistics_count_and_tell_how_long_things_took(
    store: Filled, client: FlaskClient, now: datetime
) -> None:
    store.incident("cpu", now - timedelta(minutes=20), Status.WARNING)
    store.incident("cpu", now - timedelta(minutes=10), Status.HEALTHY)
    store.incident("shop-db", now)

    body = client.get("/incidents/statistics").get_json()

    assert (body["hours"], body["count"], body["open"]) == (720.0, 2, 1)
    severities = {name: each["count"] for name, each in body["by_severity"].items()}
    assert severities == {"critical": 1, "minor": 1}
    assert {name: each["mttr_s"] for name, each in body["by_component"].items()} == {
        "cpu": 600.0,
        "shop-db": None,
    }
    assert sum(each["count"] for each in body["by_week"].values()) == 2
    assert (body["mtta_s"], body["mttr_s"]) == (None, 600.0)


def test_an_acknowledgement_names_who_gave_it(client: FlaskClient, incident: Incident) -> None:
    answer = order(client, incident, "acknowledge", acknowledged_by=" Mara Lind ", sticky=True)

    body = answer.get_json()
    assert answer.status_code == 200
    assert (body["stage"], body["acknowledged_by"], body["sticky"]) == (
        "acknowledged",
        "Mara Lind",
        True,
    )
    assert body["lines"][-1]["actor"] == "Mara Lind"
    assert [each["event"] for each in body["deliveries"]] == ["trigger", "acknowledge"]


def test_without_a_name_or_a_body_it_is_anonymous(client: FlaskClient, incident: Incident) -> None:
    answer = client.post(f"/incidents/{incident.id}/acknowledge", content_type="application/json")

    assert answer.get_json()["acknowledged_by"] == "anonymous"


def test_a_second_acknowledgement_is_refused_in_words(
    client: FlaskClient, incident: Incident
) -> None:
    order(client, incident, "acknowledge", acknowledged_by="Mara")

    answer = order(client, incident, "acknowledge", acknowledged_by="Jonas")

    assert answer.status_code == 409
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["detail"] == f"{incident.id} was acknowledged by Mara already"


def test_what_is_still_bad_is_resolved_by_force_alone(
    client: FlaskClient, incident: Incident
) -> None:
    refused = order(client, incident, "resolve", notes="enough")
    forced = order(client, incident, "resolve", notes="enough", force=True)

    assert refused.status_code == 409
    assert "Use force" in refused.get_json()["detail"]
    body = forced.get_json()
    assert (body["stage"], body["resolution"], body["held"]) == ("resolved", "enough", True)
    assert client.get("/incidents").get_json()["count"] == 0


def test_an_incident_is_commented_assigned_moved_and_reopened(
    client: FlaskClient, incident: Incident
) -> None:
    order(client, incident, "comment", text="The disk is full.\nOrdered another.")
    order(client, incident, "assign", assignee="Jonas Weber")
    order(client, incident, "investigate")
    order(client, incident, "progress")
    moved = client.get(f"/incidents/{incident.id}").get_json()
    order(client, incident, "assign", assignee=None)
    order(client, incident, "resolve", force=True)
    reopened = order(client, incident, "reopen").get_json()

    assert (moved["stage"], moved["assignee"]) == ("in progress", "Jonas Weber")
    assert moved["lines"][1]["reason"] == "The disk is full.\nOrdered another."
    assert (reopened["stage"], reopened["assignee"]) == ("new", None)


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("acknowledge", {"acknowledged_by": 3}, "acknowledged_by"),
        ("acknowledge", {"acknowledged_by": "x" * 201}, "acknowledged_by"),
        ("acknowledge", {"acknowledged_by": "  "}, "acknowledged_by"),
        ("acknowledge", {"acknowledged_by": "a\x00b"}, "acknowledged_by"),
        ("acknowledge", {"acknowledged_by": "a\nb"}, "acknowledged_by"),
        ("acknowledge", {"acknowledged_by": "a\u202eb"}, "acknowledged_by"),
        ("acknowledge", {"sticky": "yes"}, "sticky"),
        ("acknowledge", {"actor": "root"}, "actor"),
        ("resolve", {"notes": "x" * 10_001}, "notes"),
        ("resolve", {"notes": "\x00"}, "notes"),
        ("resolve", {"force": 1}, "force"),
        ("comment", {}, "text"),
        ("comment", {"text": " \n"}, "text"),
        ("comment", {"text": "x" * 10_001}, "text"),
        ("comment", {"text": ["a"]}, "text"),
        ("assign", {}, "assignee"),
        ("assign", {"assignee": ""}, "assignee"),
        ("investigate", {"text": "x"}, "text"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name_and_changes_nothing(
    client: FlaskClient, incident: Incident, verb: str, body: dict[str, Any], field: str
) -> None:
    answer = order(client, incident, verb, **body)

    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert field in answer.get_json()["detail"]
    assert client.get(f"/incidents/{incident.id}").get_json()["lines"][1:] == []


@pytest.mark.parametrize(
    "data",
    [b"{", b"null", b"[]", b'"x"', b"\xff", b"[" * 100_000, b'{"acknowledged_by":"\\ud800"}'],
)
def test_a_malformed_body_is_refused(client: FlaskClient, incident: Incident, data: bytes) -> None:
    answer = client.post(
        f"/incidents/{incident.id}/acknowledge", data=data, content_type="application/json"
    )

    assert answer.status_code == 400


def test_a_field_that_is_given_twice_is_refused_and_changes_nothing(
    client: FlaskClient, incident: Incident
) -> None:
    answer = client.post(
        f"/incidents/{incident.id}/acknowledge",
        data=b'{"acknowledged_by": "mara", "sticky": false, "acknowledged_by": "eve"}',
        content_type="application/json",
    )

    assert answer.status_code == 400
    assert answer.get_json()["detail"] == "acknowledged_by: it is given twice"
    assert client.get(f"/incidents/{incident.id}").get_json()["stage"] == "new"


def test_a_long_comment_and_long_notes_are_taken_in(
    client: FlaskClient, incident: Incident
) -> None:
    said = order(client, incident, "comment", text="x" * 10_000)
    solved = order(client, incident, "resolve", notes="y" * 10_000, force=True)

    assert (said.status_code, solved.status_code) == (200, 200)


def test_viewers_read_and_change_nothing(store: Filled, incident: Incident) -> None:
    client = create_app(store.settings(), store.engine).server.test_client()

    for path in ("", "/history", "/statistics", f"/{incident.id}"):
        assert client.get(f"/incidents{path}").status_code == 200
    for verb in [
        "acknowledge",
        "investigate",
        "progress",
        "comment",
        "assign",
        "resolve",
        "reopen",
    ]:
        assert order(client, incident, verb).status_code == 401


def test_a_form_and_a_cross_site_request_are_refused(
    client: FlaskClient, incident: Incident
) -> None:
    path = f"/incidents/{incident.id}/acknowledge"

    assert client.post(path, data={"sticky": "true"}).status_code == 415
    assert client.post(path, json={}, headers={"Origin": "https://evil.example"}).status_code == 403


def test_an_address_below_an_incident_that_is_none_is_no_page(client: FlaskClient) -> None:
    assert client.get("/incidents/a/b/c").status_code == 404


def test_what_was_just_acknowledged_shows_in_the_next_snapshot_at_once(
    client: FlaskClient, incident: Incident
) -> None:
    client.get("/live/snapshot")
    order(client, incident, "acknowledge", acknowledged_by="Mara")

    body = client.get("/live/snapshot").get_json()

    found = next(each for each in body["checks"] if each["name"] == "shop-db")
    assert found["incident"]["acknowledged_by"] == "Mara"


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("comment", {"text": "The disk is full."}),
        ("assign", {"assignee": "Jonas Weber"}),
        ("investigate", {}),
        ("resolve", {"notes": "A known fault.", "force": True}),
    ],
)
def test_an_order_is_signed_with_the_name_of_who_gives_it(
    client: FlaskClient, incident: Incident, verb: str, body: dict[str, Any]
) -> None:
    answer = order(client, incident, verb, **body, by=" Mara Lind ")

    assert answer.status_code == 200
    assert answer.get_json()["lines"][-1]["actor"] == "Mara Lind"


def test_a_signature_that_is_no_name_is_refused(client: FlaskClient, incident: Incident) -> None:
    answer = order(client, incident, "comment", text="x", by="a\u202eb")

    assert answer.status_code == 400
    assert "by" in answer.get_json()["detail"]
