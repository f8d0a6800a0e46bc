"""Series over HTTP: which there are, the points of one for a chart, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from dashboard.application import create_app
from domain.facts import Sample
from storage import definitions
from storage.changes import RULE
from storage.series import SeriesIds, append
from storage.series_readings import MOST_POINTS
from tests.dashboard.filled import Filled, fill

CPU = "system.cpu.percent"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def store(tmp_path: Path, now: datetime) -> Iterator[Filled]:
    filled = fill(tmp_path, now)
    table = {"id": "cpu-high", "metric": CPU, "warning": 70, "labels": {"host": "web-*"}}
    definitions.publish(filled.engine, RULE, [table], "config.toml", now, key="id")
    yield filled
    filled.engine.dispose()


@pytest.fixture
def client(store: Filled) -> FlaskClient:
    """A viewer's client."""
    return create_app(store.settings(), store.engine).server.test_client()


def sample(
    store: Filled, end: datetime, values: list[float], step_s: float = 10, **labels: str
) -> None:
    """Write samples, the last one a step before `end`."""
    batch = [
        Sample(
            name=CPU,
            labels=tuple(sorted(labels.items())),
            at=end - timedelta(seconds=step_s * (len(values) - index)),
            value=value,
        )
        for index, value in enumerate(values)
    ]
    with store.engine.begin() as connection:
        append(connection, SeriesIds(), batch)


def points(client: FlaskClient, **query: Any) -> Any:
    return client.get("/api/v1/series/points", query_string={"metric": CPU, **query})


def test_the_series_are_listed_with_labels_and_unit(
    client: FlaskClient, store: Filled, now: datetime
) -> None:
    sample(store, now, [1.0], host="web-1")
    sample(store, now, [1.0])

    body = client.get("/api/v1/series").get_json()

    assert body["count"] == 2 and body["truncated"] is False
    assert body["series"] == [
        {"metric": CPU, "labels": {"host": "web-1"}, "unit": "%"},
        {"metric": CPU, "labels": {}, "unit": "%"},
    ]
    assert client.get("/api/v1/series?metric=other").get_json()["count"] == 0
    assert client.get("/api/v1/series?label=host=web-1").get_json()["series"] == body["series"][:1]


def test_those_that_a_rule_selects_are_listed(
    client: FlaskClient, store: Filled, now: datetime
) -> None:
    for host in ("web-1", "web-2", "db-1"):
        sample(store, now, [1.0], host=host)

    body = client.get("/api/v1/series?rule=cpu-high").get_json()

    assert [each["labels"]["host"] for each in body["series"]] == ["web-1", "web-2"]
    assert client.get("/api/v1/series?rule=nobody").status_code == 404


def test_the_points_of_one_series_are_told_with_its_gaps(
    client: FlaskClient, store: Filled, now: datetime
) -> None:
    sample(store, now - timedelta(minutes=5), [1.0, 2.0, 3.0], host="web-1")
    sample(store, now, [4.0, 5.0], host="web-1")
    sample(store, now, [99.0])

    body = points(client, hours=1, label="host=web-1").get_json()

    assert body["samples"] == 5 and body["step_s"] == 10 and body["unit"] == "%"
    assert body["high"] == body["low"] == [1.0, 2.0, 3.0, None, 4.0, 5.0]
    assert body["at"] == sorted(body["at"]) and len(body["at"]) == 6


def test_a_time_in_the_past_can_be_looked_at(
    client: FlaskClient, store: Filled, now: datetime
) -> None:
    sample(store, now - timedelta(hours=5), [7.0, 8.0])

    body = points(client, hours=1, until=(now - timedelta(hours=5)).isoformat()).get_json()

    assert body["high"] == [7.0, 8.0]


def test_a_week_is_thinned_out_and_keeps_every_peak(
    client: FlaskClient, store: Filled, now: datetime
) -> None:
    values = [20.0] * 20_000
    values[3_000], values[15_000] = 97.0, 1.0
    sample(store, now, values, step_s=30)

    body = points(client, hours=168).get_json()

    assert body["samples"] == 20_000
    assert 200 < len(body["at"]) <= MOST_POINTS
    assert max(body["high"]) == 97.0 and min(body["low"]) == 1.0


@pytest.mark.parametrize("count", [1, 2, 499, 500, 501, 5_000])
@pytest.mark.parametrize("torn", [False, True])
def test_there_are_never_more_points_than_a_chart_takes(
    client: FlaskClient, store: Filled, now: datetime, count: int, torn: bool
) -> None:
    start = now - timedelta(days=29)
    steps = (timedelta(seconds=10 * each + 300 * (each // 2) * torn) for each in range(count))
    batch = [Sample(name=CPU, at=start + each, value=index % 7) for index, each in enumerate(steps)]
    with store.engine.begin() as connection:
        append(connection, SeriesIds(), batch)

    body = points(client, hours=24 * 30).get_json()

    assert body["samples"] == count and len(body["at"]) <= MOST_POINTS
    assert body["at"] == sorted(set(body["at"]))
    empty = [low is None for low in body["low"]]
    assert empty == [high is None for high in body["high"]] and not empty[0] and not empty[-1]


def test_a_gap_of_hours_stays_a_gap_when_it_is_thinned(
    client: FlaskClient, store: Filled, now: datetime
) -> None:
    sample(store, now - timedelta(hours=25), [5.0] * 5_000)
    sample(store, now, [5.0] * 5_000)

    body = points(client, hours=72).get_json()

    empty = [at for at, low in zip(body["at"], body["low"], strict=True) if low is None]
    [gap] = [datetime.fromtimestamp(at / 1000, UTC) for at in empty]
    assert now - timedelta(hours=25) < gap < now - timedelta(hours=13)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"metric": ""}, "metric"),
        ({"hours": "0"}, "hours"),
        ({"hours": "nan"}, "hours"),
        ({"hours": "99999"}, "hours"),
        ({"hours": "many"}, "hours"),
        ({"label": "host"}, "label"),
        ({"label": "=x"}, "label"),
        ({"until": "now"}, "until"),
        ({"until": "2026-11-21T12:00:00"}, "until"),
        ({"until": "0001-01-01T00:00:00Z"}, "until"),
    ],
)
def test_what_can_not_be_understood_is_refused_by_name(
    client: FlaskClient, query: dict[str, str], field: str
) -> None:
    answer = points(client, **query)

    assert answer.status_code == 400
    assert answer.get_json()["detail"].startswith(f"{field}: ")


def test_a_series_that_nobody_wrote_is_not_found(client: FlaskClient) -> None:
    assert points(client, label="host=<b>").status_code == 404
