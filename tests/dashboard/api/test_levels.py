"""The levels of checks over HTTP, and the versions of thresholds: told, edited, refused, restored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboard.application import create_app
from domain.facts import CheckState, Status
from storage import definitions
from storage.changes import CHECK, RULE
from storage.journal import Entry, Published
from tests.dashboard.filled import Filled, about, fill

NAME = "shop/<b>api</b>"
LATENCY: dict[str, Any] = {
    "id": f"{NAME}:http.total_ms",
    "metric": "http.total_ms",
    "title": "Response time",
    "operator": "gte",
    "warning": 400.0,
    "critical": 800.0,
    "unit": "ms",
}
TLS: dict[str, Any] = {
    "id": f"{NAME}:tls.days_left",
    "metric": "tls.days_left",
    "title": "Certificate",
    "operator": "lt",
    "warning": 21.0,
    "critical": 7.0,
    "unit": "days",
}


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def store(tmp_path: Path, now: datetime) -> Iterator[Filled]:
    filled = fill(tmp_path, now)
    table = {"name": NAME, "kind": "http", "url": "http://shop.example/", "warning": 400}
    definitions.publish(filled.engine, CHECK, [table], "config.toml", now)
    rules = [
        {"id": "cpu-high", "metric": "system.cpu.percent", "warning": 70, "critical": 85},
    ]
    definitions.publish(filled.engine, RULE, rules, "config.toml", now, key="id")
    published = Published(name=NAME, kind="http", about=about(rules=[LATENCY, TLS]))
    filled.journal.publish(filled.lease, [published])
    yield filled
    filled.engine.dispose()


@pytest.fixture
def client(store: Filled) -> FlaskClient:
    """An operator's client."""
    return create_app(store.settings(anonymous="operator"), store.engine).server.test_client()


def edit(client: FlaskClient, version: int = 1, **fields: Any) -> TestResponse:
    return client.patch(
        f"/api/v1/checks/{NAME}/levels", json={"version": version, "fields": fields}
    )


def level(client: FlaskClient) -> dict[str, Any]:
    """The headline's level as it is listed."""
    found: dict[str, Any] = client.get("/api/v1/levels").get_json()["levels"][0]
    return found


def test_every_threshold_of_a_check_is_told_and_which_of_them_can_be_edited(
    client: FlaskClient,
) -> None:
    body = client.get("/api/v1/levels").get_json()

    assert body["count"] == 2
    latency, tls = body["levels"]
    assert latency["check"] == NAME and latency["headline"] is True and tls["headline"] is False
    assert latency["table"] == {"operator": "gte", "warning": 400.0, "critical": 800.0}
    assert latency["level"] == "healthy" and latency["since"] is None
    assert latency["measured"] is False
    assert (latency["version"], latency["edited"], latency["drift"]) == (1, [], {})
    assert client.get(f"/api/v1/checks/{NAME}/levels").get_json()["levels"] == body["levels"]


def test_what_fires_is_told_with_its_level(
    client: FlaskClient, store: Filled, now: datetime
) -> None:
    since = now - timedelta(minutes=4)
    state = CheckState(
        check=NAME, hard=Status.WARNING, since=since, levels={LATENCY["id"]: Status.WARNING}
    )
    store.journal.commit(store.lease, [Entry(state=state, due=now)])

    found = level(client)

    assert (found["level"], found["since"]) == ("warning", since.isoformat())
    assert found["measured"] is True


def test_an_edit_holds_at_once_and_is_told_as_drift(client: FlaskClient, store: Filled) -> None:
    answer = edit(client, warning=500, operator="gt")

    assert answer.status_code == 200
    found = level(client)
    assert answer.get_json()["levels"][0] == found
    assert found["table"] == {"operator": "gt", "warning": 500.0, "critical": 800.0}
    assert found["version"] == 2 and found["edited"] == ["operator", "warning"]
    assert found["drift"] == {"warning": 400, "operator": None}
    [stored] = definitions.load(store.engine, CHECK)
    assert stored.in_force["warning"] == 500 and stored.in_force["url"] == "http://shop.example/"


def test_null_takes_a_level_back_to_the_file(client: FlaskClient) -> None:
    edit(client, warning=500)

    answer = edit(client, version=2, warning=None)

    assert answer.status_code == 200
    assert level(client)["edited"] == [] and level(client)["table"]["warning"] == 400.0


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"warning": 900}, 422, "warning = 900 lies above critical = 800: the warning must"),
        ({"critical": 300}, 422, "warning = 400 lies above critical = 300: the warning must"),
        ({"operator": "lt"}, 422, "warning = 400 lies below critical = 800: the warning must"),
        ({"warning": "much"}, 422, "warning: must be a number, not text"),
        ({"warning": True}, 422, "warning: must be a number, not true or false"),
        ({"operator": "near"}, 422, "operator: unknown operator 'near'"),
        ({"url": "http://evil.example/"}, 400, "url: only operator, warning, critical"),
    ],
)
def test_what_can_not_be_is_refused_in_words_and_changes_nothing(
    client: FlaskClient, fields: dict[str, Any], status: int, words: str
) -> None:
    before = level(client)

    answer = edit(client, **fields)

    assert answer.status_code == status
    assert answer.get_json()["detail"].startswith(words)
    assert level(client) == before


def test_of_two_edits_of_one_version_the_second_is_shown_both(client: FlaskClient) -> None:
    edit(client, warning=500)

    answer = edit(client, warning=600)

    body = answer.get_json()
    assert answer.status_code == 409
    assert body["yours"] == {"warning": 600}
    assert body["current"]["table"]["warning"] == 500.0 and body["current"]["version"] == 2


def test_a_check_that_nobody_defined_is_not_found(client: FlaskClient) -> None:
    for path in ("levels", "levels/versions"):
        assert client.get(f"/api/v1/checks/nobody/{path}").status_code == 404
    assert client.get("/api/v1/rules/nobody/versions").status_code == 404


def test_viewers_may_look_and_not_edit(store: Filled) -> None:
    viewer = create_app(store.settings(), store.engine).server.test_client()

    assert edit(viewer, warning=500).status_code == 401
    assert viewer.get("/api/v1/levels").status_code == 200
    assert viewer.get("/api/v1/rules/cpu-high/versions").status_code == 200


def test_the_versions_of_a_rule_tell_who_changed_what_and_each_table(
    client: FlaskClient, store: Filled, now: datetime
) -> None:
    path = "/api/v1/rules/cpu-high"
    client.patch(path, json={"version": 1, "fields": {"warning": 60, "for": "5m"}})
    table = {"id": "cpu-high", "metric": "system.cpu.percent", "warning": 65, "critical": 85}
    definitions.publish(store.engine, RULE, [table], "config.toml", now, key="id")
    client.post(f"{path}/revert", json={"version": 3})

    body = client.get(f"{path}/versions").get_json()

    told = [(each["version"], each["action"], each["actor"]) for each in body["versions"]]
    assert told == [
        (4, "revert", "anonymous"),
        (3, "publish", "config.toml"),
        (2, "edit", "anonymous"),
        (1, "publish", "config.toml"),
    ]
    tables = [(each["table"]["warning"], each["table"].get("for")) for each in body["versions"]]
    assert tables == [(65, None), (60, "5m"), (60, "5m"), (70, None)]
    assert body["versions"][0]["changes"] == {
        "warning": {"before": 60, "after": 65},
        "for": {"before": "5m", "after": None},
    }


def test_the_versions_of_a_check_tell_its_levels_and_nothing_else(client: FlaskClient) -> None:
    edit(client, warning=500)
    client.post(f"/api/v1/checks/{NAME}/pause", json={})
    edit(client, version=3, critical=900)

    body = client.get(f"/api/v1/checks/{NAME}/levels/versions").get_json()

    assert [each["version"] for each in body["versions"]] == [4, 2, 1]
    assert body["versions"][0]["table"] == {"warning": 500, "critical": 900}
    assert "shop.example" not in client.get(f"/api/v1/checks/{NAME}/levels/versions").text


def test_all_versions_of_a_check_are_told_without_its_secrets(
    client: FlaskClient, store: Filled, now: datetime
) -> None:
    edit(client, warning=500)
    client.post(f"/api/v1/checks/{NAME}/pause", json={})
    table = {"name": NAME, "kind": "http", "url": "http://ann:hunter2@shop.example/"}
    definitions.publish(store.engine, CHECK, [table], "config.toml", now)

    reply = client.get(f"/api/v1/checks/{NAME}/versions")

    versions = reply.get_json()["versions"]
    told = [(each["version"], each["action"], sorted(each["changes"])) for each in versions]
    assert told == [
        (4, "publish", ["url"]),
        (3, "pause", ["enabled"]),
        (2, "edit", ["warning"]),
        (1, "publish", ["kind", "name", "url", "warning"]),
    ]
    assert versions[1]["table"]["url"] == "http://shop.example/"
    assert "hunter2" not in reply.text
    assert client.get("/api/v1/checks/nobody/versions").status_code == 404


def test_a_rule_that_was_removed_and_made_again_begins_anew(client: FlaskClient) -> None:
    table = {"id": "mine", "metric": "m", "warning": 1}
    client.post("/api/v1/rules", json={"table": table})
    client.post("/api/v1/rules/mine/remove", json={"version": 1})
    client.post("/api/v1/rules", json={"table": {**table, "warning": 2}})

    versions = client.get("/api/v1/rules/mine/versions").get_json()["versions"]

    assert [(each["version"], each["action"]) for each in versions] == [(1, "add")]
    assert versions[0]["table"]["warning"] == 2
