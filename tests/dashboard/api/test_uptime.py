"""Uptime over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from dashboard.application import create_app
from domain.facts import Status
from tests.dashboard.filled import Filled, about, fill


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    now = datetime.now(UTC)
    filled = fill(tmp_path, now)
    filled.publish({"shop-db": about(), "shop-api": about()})
    filled.results("shop-db", [Status.HEALTHY] * 20 + [Status.CRITICAL] * 20, now)
    yield filled
    filled.engine.dispose()


@pytest.fixture
def client(store: Filled) -> FlaskClient:
    return create_app(store.settings(), store.engine).server.test_client()


def test_the_seconds_of_each_check_fill_the_time(client: FlaskClient) -> None:
    body = client.get("/api/v1/uptime?days=2").get_json()

    length = datetime.fromisoformat(body["to"]) - datetime.fromisoformat(body["from"])
    assert [check["name"] for check in body["checks"]] == ["shop-api", "shop-db"]
    assert body["checks"][0]["percent"] is None and 40 < body["checks"][1]["percent"] < 60
    for check in body["checks"]:
        assert sum(check["seconds"].values()) == pytest.approx(length.total_seconds(), abs=0.01)


@pytest.mark.parametrize("days", ["0", "-1", "nan", "inf", "1e99", "many", ""])
def test_days_that_cannot_be_are_refused_by_name(client: FlaskClient, days: str) -> None:
    answer = client.get("/api/v1/uptime", query_string={"days": days})

    assert answer.status_code == 400
    assert answer.get_json()["detail"].startswith("days: ")
