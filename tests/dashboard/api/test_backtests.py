"""Back-tests over HTTP: what a rule would have said of what is stored, and what can't be told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from domain.facts import Detail, Sample
from tests.dashboard.api.serving import (
    assert_refused,
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

PATH = "/api/v1/rules"
SWAP: dict[str, Detail] = {
    "id": "swap-high",
    "metric": "system.swap.percent",
    "operator": "gt",
    "warning": 50,
    "critical": 80,
}
QUEUE: dict[str, Detail] = {"id": "queue", "metric": "shop.queue", "warning": 10}


def sampled(served: Filled, now: datetime, *values: float) -> None:
    """Samples every ten seconds, the last one ten seconds ago."""
    first = now - timedelta(seconds=10 * len(values))
    found = [
        Sample(name="system.swap.percent", at=first + timedelta(seconds=10 * at), value=value)
        for at, value in enumerate(values)
    ]
    served.journal.commit(served.lease, [], found)


def tried(client: FlaskClient, **more: Any) -> TestResponse:
    return client.post(f"{PATH}/backtest", json={"table": SWAP, **more})


def test_a_back_test_says_what_a_rule_would_have_said(
    viewer: FlaskClient, served: Filled, now: datetime
) -> None:
    sampled(served, now, 20, 60, 90, 20, 20, 60, 20)

    body = tried(viewer).get_json()

    (found,) = body["series"]
    assert (body["rule"], found["labels"], found["samples"]) == ("swap-high", {}, 7)
    assert (found["count"], found["total_s"], found["longest_s"]) == (2, 30.0, 20.0)
    assert [(each["level"], each["peak"]) for each in found["stretches"]] == [
        ("warning", 60.0),
        ("critical", 90.0),
        ("warning", 60.0),
    ]
    assert found["truncated"] is False


@pytest.mark.parametrize(
    "table", [QUEUE, {"id": "b", "metric": "x", "kind": "absence", "for": "1m"}]
)
def test_a_back_test_of_a_metric_that_was_never_measured_says_so(
    viewer: FlaskClient, served: Filled, table: dict[str, Any]
) -> None:
    body = viewer.post(f"{PATH}/backtest", json={"table": table}).get_json()

    assert (body["series"], body["message"]) == ([], "no data for this metric yet")


@pytest.mark.parametrize(
    "more",
    [{}, {"kind": "absence", "for": "1m", "warning": None, "critical": None, "operator": None}],
)
def test_a_back_test_judges_from_the_first_sample_on(
    viewer: FlaskClient, served: Filled, now: datetime, more: dict[str, Any]
) -> None:
    sampled(served, now, 20, 20, 20)
    table = {key: value for key, value in {**SWAP, **more}.items() if value is not None}

    body = viewer.post(f"{PATH}/backtest", json={"table": table, "hours": 24}).get_json()

    (found,) = body["series"]
    assert body["message"] is None
    assert (found["samples"], found["count"], found["stretches"]) == (3, 0, [])
    assert found["judged_from"] == (now - timedelta(seconds=30)).isoformat()


def test_a_back_test_reaches_back_ninety_days(
    viewer: FlaskClient, served: Filled, now: datetime
) -> None:
    sampled(served, now - timedelta(days=89), 90, 90)

    far = tried(viewer, hours=90 * 24).get_json()
    near = tried(viewer, hours=1e-300).get_json()

    assert far["series"][0]["count"] == 1
    assert near["series"][0]["samples"] == 0


def test_a_back_test_of_other_hours_is_refused(viewer: FlaskClient) -> None:
    table = msgspec.json.encode(SWAP).decode()

    for hours in ("0", "-1", "2160.5", "1e308", "NaN", "true", '"24"', "null"):
        body = f'{{"table": {table}, "hours": {hours}}}'
        answered = send(viewer, "POST", f"{PATH}/backtest", body)
        assert_refused(answered, 400)
        assert "hours" in answered.detail or hours == "NaN"


def test_a_back_test_of_a_rule_that_can_not_be_is_refused(viewer: FlaskClient) -> None:
    answer = viewer.post(f"{PATH}/backtest", json={"table": {**SWAP, "warning": 99}})

    assert answer.status_code == 422
    assert "warning" in answer.get_json()["detail"]
