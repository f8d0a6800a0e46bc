"""`/health` and the probes over a real store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event

from dashboard.api import health
from dashboard.api.meter import Meter
from dashboard.application import create_app
from dashboard.live import Live
from domain.access import Role
from domain.configuration import CONFIG_NOTICE
from domain.facts import CheckState, Mark, Result, Status
from storage.engine import version
from storage.incident_readings import IncidentReadings
from storage.journal import Entry
from storage.readings import Readings
from tests.dashboard.filled import Filled, about, fill


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def store(tmp_path: Path, now: datetime) -> Iterator[Filled]:
    filled = fill(tmp_path, now)
    filled.publish(
        {
            "shop-db": about(component="database"),
            "shop-api": about(depends_on=[["shop-db"]]),
            "cpu": about(component="system", headline="system.cpu.percent", unit="%"),
        }
    )
    filled.results("shop-db", [Status.HEALTHY], now)
    filled.results("shop-api", [Status.HEALTHY], now)
    filled.results("cpu", [Status.HEALTHY], now, {"system.cpu.percent": 34.0})
    yield filled
    filled.engine.dispose()


@pytest.fixture
def client(store: Filled) -> FlaskClient:
    return create_app(store.settings(), store.engine).server.test_client()


def test_health_has_the_status_and_every_component_by_group(client: FlaskClient) -> None:
    answer = client.get("/health")

    assert answer.status_code == 200
    body = answer.get_json()
    assert body["status"] == "healthy"
    assert body["components"]["databases"] == {"shop-db": "connected"}
    assert body["components"]["api_endpoints"] == {"shop-api": "operational"}
    assert body["components"]["system_resources"] == {"cpu_usage": "34%"}
    assert body["performance_metrics"].keys() == {
        "average_response_time",
        "requests_per_minute",
        "error_rate",
    }
    assert body["alerts"] == {"active_alerts": 0, "last_alert": None, "alert_types": []}


def test_health_names_the_database_with_its_version(store: Filled, client: FlaskClient) -> None:
    told = client.get("/health").get_json()["monitor"]

    assert told["database"] == version(store.engine)
    assert told["database"].startswith("SQLite 3.")


def test_a_critical_check_makes_health_critical_and_an_alert(
    store: Filled, client: FlaskClient, now: datetime
) -> None:
    store.results("shop-db", [Status.CRITICAL] * 3, now)
    store.incident("shop-db", now)

    body = client.get("/health").get_json()

    assert body["status"] == "critical"
    assert body["components"]["databases"] == {"shop-db": "critical"}
    assert body["alerts"]["active_alerts"] == 1
    assert body["alerts"]["alert_types"] == ["http"]


def test_alerts_are_the_incidents_that_stand_and_follow_from_no_other(
    store: Filled, client: FlaskClient, now: datetime
) -> None:
    earlier = now.replace(microsecond=0) - timedelta(minutes=9)
    store.incident("shop-api", earlier, Status.WARNING)
    store.incident("shop-db", earlier + timedelta(minutes=1))
    store.incident("cpu", earlier + timedelta(minutes=2))
    store.incident("cpu", earlier + timedelta(minutes=3), Status.HEALTHY)
    store.incident("shop-api", earlier + timedelta(minutes=4), by="shop-db")

    assert client.get("/health").get_json()["alerts"] == {
        "active_alerts": 1,
        "last_alert": (earlier + timedelta(minutes=1)).isoformat(),
        "alert_types": ["http"],
    }


@pytest.mark.parametrize("mark", [Mark.BLOCKED, Mark.PAUSED])
def test_a_blocked_or_paused_component_is_named_by_its_mark_and_never_good(
    store: Filled, client: FlaskClient, now: datetime, mark: Mark
) -> None:
    store.mark("shop-api", mark, "shop-db", now)

    body = client.get("/health").get_json()

    assert body["components"]["api_endpoints"] == {"shop-api": mark.value}


def test_a_silent_monitor_makes_health_critical_with_503_and_fails_the_probes(
    store: Filled, client: FlaskClient, now: datetime
) -> None:
    store.beat(now - timedelta(seconds=11))

    for path, status in (("/health", "critical"), ("/health/simple", "unhealthy")):
        answer = client.get(path)
        assert (answer.status_code, answer.get_json()["status"]) == (503, status)
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/live").status_code == 200


def test_probes_do_not_mirror_what_is_monitored(
    store: Filled, client: FlaskClient, now: datetime
) -> None:
    store.results("shop-db", [Status.CRITICAL] * 3, now)

    for path in ("/health/simple", "/health/ready", "/health/live"):
        assert client.get(path).status_code == 200


def test_the_draft_form_is_served_on_request(client: FlaskClient) -> None:
    answer = client.get("/health", headers={"Accept": "application/health+json"})

    assert answer.content_type == "application/health+json"
    assert answer.get_json() == {"status": "pass"}


def test_a_store_in_which_nothing_was_measured_is_never_healthy(tmp_path: Path) -> None:
    filled = fill(tmp_path, datetime.now(UTC))
    client = create_app(filled.settings(), filled.engine).server.test_client()

    assert client.get("/health").get_json()["status"] == "degraded"
    filled.engine.dispose()


def test_a_component_tells_its_history(client: FlaskClient) -> None:
    body = client.get("/health/components/shop-db").get_json()

    assert body["status"] == "healthy"
    assert [run["status"] for run in body["history"]] == ["healthy"]
    assert body["success_rate"] == 100.0


def test_runs_behind_a_dead_parent_or_that_prove_nothing_count_for_no_rate(
    store: Filled, client: FlaskClient, now: datetime
) -> None:
    for seconds, mark in ((1, Mark.BLOCKED), (2, Mark.INCONCLUSIVE)):
        at = now + timedelta(seconds=seconds)
        state = CheckState(check="shop-api", hard=Status.HEALTHY, mark=mark, last_at=at)
        run = Result(check="shop-api", kind="http", at=at, status=Status.CRITICAL, message="no")
        store.journal.commit(store.lease, [Entry(state=state, due=None, result=run)])

    body = client.get("/health/components/shop-api").get_json()

    assert [run["reason"] for run in body["history"]] == ["inconclusive", "blocked", "none"]
    assert body["success_rate"] == 100.0


def test_a_refused_configuration_is_told_and_makes_the_status_no_worse(
    store: Filled, client: FlaskClient, now: datetime
) -> None:
    assert client.get("/health").get_json()["configuration"] == {
        "state": "in force",
        "since": None,
        "reason": None,
    }

    store.journal.notify(CONFIG_NOTICE, "error", "refused: c.toml:3: no", now)
    told = create_app(store.settings(), store.engine).server.test_client().get("/health")

    assert told.get_json()["status"] == "healthy"
    found = told.get_json()["configuration"]
    assert (found["state"], found["reason"]) == ("refused", "refused: c.toml:3: no")
    assert abs(datetime.fromisoformat(found["since"]) - now) < timedelta(seconds=1)


@pytest.mark.parametrize("hours", ["NaN", "-1", "0", "1e308", "x", "inf", ""])
def test_bad_hours_are_refused(client: FlaskClient, hours: str) -> None:
    answer = client.get(f"/health/components/shop-db?hours={hours}")

    assert answer.status_code == 400
    assert "hours" in answer.get_json()["detail"]


def test_an_unknown_component_is_not_found(client: FlaskClient) -> None:
    assert client.get("/health/components/nobody").status_code == 404


def test_without_the_right_to_see_details_health_tells_the_status_alone(store: Filled) -> None:
    settings = store.settings(host="0.0.0.0", hosts=("localhost",))
    client = create_app(settings, store.engine).server.test_client()

    assert client.get("/health").get_json() == {"status": "healthy"}
    assert client.get("/health/components/cpu").status_code == 401
    assert client.get("/").status_code == 401


def test_anonymous_none_shows_nothing_on_loopback_either(store: Filled) -> None:
    settings = replace(store.settings(anonymous="none"))
    client = create_app(settings, store.engine).server.test_client()

    assert client.get("/health").get_json() == {"status": "healthy"}
    assert client.get("/live/snapshot").status_code == 401


def test_a_probe_asks_the_store_for_nothing_while_the_view_stands(
    store: Filled, now: datetime
) -> None:
    readings = Readings(store.engine)
    # By a clock that stands still the view is never due again.
    live = Live(readings, IncidentReadings(store.engine), clock=lambda: now, monotonic=lambda: 0.0)
    server = Flask("probed")
    server.register_blueprint(
        health.blueprint(live, readings, Meter(lambda: 0.0), lambda: Role.VIEWER)
    )
    client, asked = server.test_client(), list[str]()

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        client.get("/health")
        first = len(asked)
        answers = [client.get(path) for path in ("/health", "/health/simple", "/health/ready") * 10]
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    assert first > 0
    assert len(asked) == first
    assert {len(each.data) > 0 for each in answers} == {True}
