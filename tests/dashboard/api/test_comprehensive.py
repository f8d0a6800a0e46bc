"""The forms of health that programs ask for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from dashboard.application import create_app
from domain.facts import Status
from domain.version import VERSION
from tests.dashboard.filled import Filled, about, fill


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    now = datetime.now(UTC)
    filled = fill(tmp_path, now)
    checks = {
        "shop-db": about(component="database", weight=2.0),
        "shop-api": about(),
        "cpu": about(component="system"),
    }
    filled.publish(checks)
    filled.results("shop-db", [Status.CRITICAL] * 3, now)
    filled.results("shop-api", [Status.HEALTHY] * 2, now)
    filled.results("cpu", [Status.HEALTHY] * 2, now, {"system.cpu.percent": 85.0})
    filled.beat(now)
    yield filled
    filled.engine.dispose()


@pytest.fixture
def client(store: Filled) -> FlaskClient:
    client: FlaskClient = create_app(store.settings(), store.engine).server.test_client()
    return client


def get(client: FlaskClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def test_comprehensive_health_has_the_counts_and_every_component(client: FlaskClient) -> None:
    body = get(client, "/health/comprehensive")

    health = body["system_health"]
    assert health["overall_status"] == "critical"
    assert (health["component_count"], health["healthy_components"]) == (3, 2)
    assert (health["degraded_components"], health["critical_components"]) == (0, 1)
    assert health["health_score"] == 49
    assert 0 <= health["performance_score"] <= 100
    assert body["components"]["shop-db"]["status"] == "critical"
    assert body["components"]["cpu"]["metrics"] == {"system.cpu.percent": 85.0}


def test_services_have_a_summary(client: FlaskClient) -> None:
    body = get(client, "/api/health")

    assert body["overall_status"] == "critical"
    assert body["summary"] == {"critical_issues": 1, "warnings": 0, "healthy_services": 2}
    assert body["services"].keys() == {"shop-db", "shop-api", "cpu"}


def test_parts_of_health_hold_what_they_are_about(client: FlaskClient) -> None:
    assert get(client, "/health/databases")["databases"].keys() == {"shop-db"}
    system = get(client, "/health/system")
    assert system["components"].keys() == {"cpu"}
    assert system["resources"] == {"cpu_usage": 85.0}
    performing = get(client, "/health/performance")
    assert performing["parts"]["resources"] == 40


def test_monitoring_tells_its_state_and_its_configuration(
    store: Filled, client: FlaskClient
) -> None:
    body = get(client, "/health/monitoring")

    assert body["state"] == "normal"
    assert body["checks"]["shop-db"]["interval_s"] == 30.0
    operator = create_app(store.settings(anonymous="operator"), store.engine).server.test_client()
    assert operator.post("/health/monitoring/stop", json={}).get_json() == {"state": "stopped"}
    assert get(operator, "/health/monitoring")["state"] == "stopped"
    assert operator.post("/health/monitoring/start", json={}).get_json() == {"state": "started"}


def test_stats_tell_the_webs_own_requests(client: FlaskClient) -> None:
    get(client, "/health/live")

    body = get(client, "/api/monitoring/stats")

    assert body["health"] == {"status": "critical"}
    assert body["metrics"]["total_requests"] == 1
    assert body["metrics"]["current_connections"] == 1
    assert (body["version"], body["environment"]) == (VERSION, "production")


def test_without_a_login_elsewhere_only_the_word_is_told(store: Filled) -> None:
    client = create_app(store.settings(anonymous="none"), store.engine).server.test_client()

    assert get(client, "/api/health") == {"overall_status": "critical"}
    assert get(client, "/api/health/simple") == {"status": "healthy"}
    for path in ("comprehensive", "databases", "system", "performance", "monitoring"):
        assert client.get(f"/health/{path}").status_code == 401


def test_a_silent_monitor_is_critical_and_503(store: Filled) -> None:
    store.beat(datetime.now(UTC) - timedelta(seconds=30))
    client = create_app(store.settings(), store.engine).server.test_client()

    for path, word in (
        ("/api/health", "overall_status"),
        ("/health/comprehensive", "system_health"),
    ):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "critical" in str(answer.get_json()[word])
