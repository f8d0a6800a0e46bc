"""Channels over HTTP: how each does, without its secrets, and who may test one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from dashboard.application import create_app
from domain.facts import Detail
from storage import commands, definitions
from storage.changes import CHANNEL
from storage.schema import audit
from tests.dashboard.filled import Filled, fill
from tests.monitor.stand_ins import START

HOOK: dict[str, Detail] = {
    "name": "ops",
    "kind": "webhook",
    "url": "https://hooks.example.org/t0ken",
    "secret": "s3cret",
    "headers": {"Authorization": "Bearer b3arer"},
    "severities": ["critical"],
    "fallback": "second",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    filled = fill(tmp_path, datetime.now(UTC).replace(microsecond=0))
    second: dict[str, Detail] = {"name": "second", "kind": "log", "enabled": False}
    definitions.publish(filled.engine, CHANNEL, [HOOK, second], "config.toml", START)
    yield filled
    filled.engine.dispose()


def client_of(store: Filled, anonymous: str = "operator") -> FlaskClient:
    client: FlaskClient = create_app(
        store.settings(anonymous=anonymous), store.engine
    ).server.test_client()
    return client


def refusals(store: Filled) -> list[tuple[str, Detail]]:
    """The tests that stand in the audit, and what became of each."""
    query = select(audit.c.name, audit.c.after).where(audit.c.action == "test-channel")
    with store.engine.connect() as connection:
        return [(row.name, row.after) for row in connection.execute(query)]


def test_channels_are_told_with_how_they_do_and_without_their_secrets(store: Filled) -> None:
    answer = client_of(store, "viewer").get("/api/v1/channels")

    body = answer.get_json()
    assert [(each["name"], each["enabled"]) for each in body["channels"]] == [
        ("ops", True),
        ("second", False),
    ]
    first = body["channels"][0]
    assert (first["kind"], first["severities"], first["fallback"]) == (
        "webhook",
        ["critical"],
        "second",
    )
    assert (first["failures"], first["pending"], first["dead"]) == (0, 0, 0)
    for secret in (b"t0ken", b"s3cret", b"b3arer"):
        assert secret not in answer.data


def test_a_channel_that_does_not_exist_is_not_tested(store: Filled) -> None:
    answer = client_of(store).post("/api/v1/channels/nope/test", json={})

    assert answer.status_code == 404
    assert commands.last_of(store.engine, "test-channel") == ()
    assert refusals(store) == []


def test_a_viewer_tests_nothing(store: Filled) -> None:
    client = client_of(store, "viewer")

    assert client.post("/api/v1/channels/ops/test", json={}).status_code == 401
    assert client.post("/health/alerts/test", json={}).status_code == 401
    assert commands.last_of(store.engine, "test-channel") == ()


def test_all_channels_that_are_on_are_tested_and_a_get_only_shows_what_came_of_it(
    store: Filled,
) -> None:
    client = client_of(store)

    asked = client.post("/health/alerts/test", json={})
    shown = client.get("/health/alerts/test")
    again = client.get("/health/alerts/test")

    assert asked.status_code == 202
    assert list(asked.get_json()["replies"]) == ["ops"]
    assert [each["channel"] for each in shown.get_json()["outcomes"]] == ["ops"]
    assert shown.get_json() == again.get_json()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"channel": "nope"}, 404),
        ({"channel": "second"}, 404),
        ({"channel": 1}, 400),
        ({"x": 1}, 400),
    ],
)
def test_a_test_that_makes_no_sense_is_refused_by_the_field(
    store: Filled, body: dict[str, Detail], status: int
) -> None:
    answer = client_of(store).post("/health/alerts/test", json=body)

    assert answer.status_code == status
    assert "channel" in answer.get_json()["detail"] or "x" in answer.get_json()["detail"]
    assert commands.last_of(store.engine, "test-channel") == ()
    # What names nothing leaves no trace; that one is there and switched off.
    asked = ["second"] if body == {"channel": "second"} else []
    assert [name for name, _ in refusals(store)] == asked
