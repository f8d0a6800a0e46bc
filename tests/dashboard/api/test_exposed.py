"""`GET /metrics`: what Prometheus reads of Nocturne, and that it costs little."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from dashboard.application import create_app
from domain.access import KeyKind, Scope
from domain.facts import Status
from storage import keys
from tests.dashboard.filled import Filled, about, fill
from tests.waiting import PATIENCE_S

Found = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    filled = fill(tmp_path, datetime.now(UTC).replace(microsecond=0))
    yield filled
    filled.engine.dispose()


def client_of(store: Filled, anonymous: str = "viewer") -> FlaskClient:
    server = create_app(store.settings(anonymous=anonymous), store.engine).server
    made: FlaskClient = server.test_client()
    return made


def read(client: FlaskClient) -> Found:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.get_data(as_text=True))
        for sample in family.samples
    }


def test_checks_stand_there_with_their_status_and_their_latest_numbers(store: Filled) -> None:
    now = datetime.now(UTC)
    store.publish({"shop": about(), "db": about(name="db")})
    store.results("shop", [Status.CRITICAL] * 3, now, {"http.total_ms": 12.5})
    store.beat(now)

    found = read(client_of(store))

    assert found["nocturne_check_status", (("check", "shop"), ("kind", "http"))] == 4
    assert found["nocturne_check_status", (("check", "db"), ("kind", "http"))] == 3
    assert found["http_total_ms", (("check", "shop"),)] == 12.5
    assert 0 <= found["nocturne_beat_age_seconds", ()] < 60
    assert found["nocturne_incidents_open", (("severity", "critical"),)] >= 0
    assert 0 <= found["nocturne_health_score", ()] <= 100


def test_the_webs_own_requests_are_told_by_the_standard_series(store: Filled) -> None:
    client = client_of(store)
    for path in ("/health", "/health", "/nowhere/at/all", "/metrics/of/others"):
        client.get(path)

    found = read(client)

    labels = (("endpoint", "/health"), ("method", "GET"), ("status", "200"))
    assert found["requests_total", labels] == 2
    assert found["request_duration_seconds_count", labels[:2]] == 2
    assert found["request_size_bytes_count", labels[:2]] == 2
    assert found["active_connections", ()] == 1
    assert found["memory_usage_bytes", ()] > 1e6
    endpoints = {dict(labels).get("endpoint") for name, labels in found if name == "requests_total"}
    assert not any("nowhere" in (endpoint or "") for endpoint in endpoints)
    assert client.get("/api/monitoring/stats").get_json()["metrics"]["total_requests"] == 5


def test_who_may_not_look_is_not_told(store: Filled) -> None:
    client = client_of(store, "none")

    def asked(scope: Scope) -> int:
        _, secret = keys.make(
            store.engine,
            KeyKind.API,
            name=scope.value,
            actor="test",
            now=datetime.now(UTC),
            scopes=[scope],
        )
        return client.get(
            "/metrics", headers={"Authorization": f"Bearer {secret.text}"}
        ).status_code

    assert client.get("/metrics").status_code == 401
    assert (asked(Scope.READ), asked(Scope.METRICS)) == (200, 403)


def test_a_thousand_checks_are_told_in_a_moment(store: Filled) -> None:
    now = datetime.now(UTC)
    store.publish({f"c{number}": about() for number in range(1_000)})
    for number in range(0, 1_000, 100):
        store.results(f"c{number}", [Status.HEALTHY], now, {"http.total_ms": 1.0})
    client = client_of(store)
    client.get("/metrics")

    begun = time.monotonic()
    found = read(client)
    took_s = time.monotonic() - begun

    print(f"/metrics with 1,000 checks, read by Prometheus' parser: {took_s * 1000:.0f} ms")
    assert sum(name == "nocturne_check_status" for name, _ in found) == 1_000
    assert took_s < PATIENCE_S
