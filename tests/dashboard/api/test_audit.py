"""The audit over HTTP: filters, pages in a stable order, what is never shown, who may read it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert, select

from dashboard.access import ROUTES
from domain.facts import Detail
from storage import definitions
from storage.changes import CHANNEL
from storage.schema import audit
from tests.dashboard.api.serving import LONG, engine, now, operator, served, url, viewer
from tests.dashboard.filled import Filled

__all__ = ["engine", "now", "operator", "served", "url", "viewer"]

PATH = "/api/v1/audit"


def write(engine: Engine, *rows: dict[str, Any]) -> None:
    with engine.begin() as connection:
        for row in rows:
            connection.execute(insert(audit).values(**{"before": None, "after": None, **row}))


@pytest.fixture
def told(operator: FlaskClient, engine: Engine, now: datetime) -> FlaskClient:
    """An audit with some lines of its own beside those of the store's making."""
    lines = [
        ("ann", "pause", "check", "Shop-DB", 60),
        ("bob", "change person", "person", "eve", 30),
        ("ann", "make key", "key", "100%_sure", 10),
    ]
    for actor, action, kind, name, minutes in lines:
        at = now - timedelta(minutes=minutes)
        row = {"at": at, "actor": actor, "action": action, "kind": kind, "name": name}
        write(engine, {**row, "before": {"enabled": True}, "after": {"enabled": False}})
    return operator


def names(client: FlaskClient, **query: str) -> list[str]:
    answer = client.get(PATH, query_string=query)
    assert answer.status_code == 200, answer.get_json()
    return [each["name"] for each in answer.get_json()["changes"]]


def test_the_newest_change_is_told_first_with_what_it_was_and_became(told: FlaskClient) -> None:
    body = told.get(PATH).get_json()

    first = body["changes"][0]
    assert (first["actor"], first["action"], first["kind"]) == ("ann", "make key", "key")
    assert (first["before"], first["after"]) == ({"enabled": True}, {"enabled": False})
    assert {"ann", "bob"} <= set(body["actors"])
    assert {"check", "key", "person"} <= set(body["kinds"])


def test_each_filter_narrows_and_a_name_is_found_by_a_part_in_any_case(
    told: FlaskClient, now: datetime
) -> None:
    since = (now - timedelta(minutes=40)).isoformat()
    until = (now - timedelta(minutes=20)).isoformat()

    assert names(told, actor="bob") == ["eve"]
    assert names(told, kind="check", actor="ann") == ["Shop-DB"]
    assert names(told, actor="ann", name="OP-d") == ["Shop-DB"]
    assert names(told, **{"from": since, "to": until}) == ["eve"]
    # What means anything to LIKE means itself.
    assert names(told, name="%") == names(told, name="_sure") == ["100%_sure"]
    assert names(told, actor="nobody at all") == []


def test_pages_follow_each_other_without_a_line_twice_while_new_ones_come(
    told: FlaskClient, engine: Engine, now: datetime
) -> None:
    whole = [
        each["id"] for each in told.get(PATH, query_string={"limit": "500"}).get_json()["changes"]
    ]

    seen: list[int] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        page = told.get(PATH, query_string=query).get_json()
        seen += [each["id"] for each in page["changes"]]
        row = {"at": now, "actor": "cy", "action": "pause", "kind": "check", "name": "late"}
        write(engine, row)
        if page["next"] is None:
            break
        query["cursor"] = page["next"]

    assert seen == whole == sorted(whole, reverse=True)
    assert len(whole) > 4


def test_a_secret_that_stands_in_the_file_is_not_told(
    operator: FlaskClient, served: Filled, engine: Engine, now: datetime
) -> None:
    planted = "hunter2-planted"
    table: dict[str, Detail] = {"name": "hook", "kind": "webhook", "token": planted}
    address = {"url": f"https://ann:{planted}@hooks.example/x?api_key={planted}"}
    definitions.publish(engine, CHANNEL, [{**table, **address}], "config.toml", now)
    with engine.connect() as connection:
        stored = str(connection.execute(select(audit.c.after)).all())
    # As an older version wrote it down.
    row = {"at": now, "actor": "file", "action": "publish", "kind": CHANNEL, "name": "hook"}
    with engine.begin() as connection:
        connection.execute(insert(audit).values(**row, before=None, after={**table, **address}))

    answer = operator.get(PATH, query_string={"kind": "channel"})

    assert planted not in stored
    assert "hook" in [each["name"] for each in answer.get_json()["changes"]]
    assert planted not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "ten"),
        ("limit", "9" * 5000),
        ("cursor", "-1"),
        ("cursor", "²"),
        ("cursor", str(2**63)),
        ("from", "yesterday"),
        ("from", "2026-11-21T10:00:00"),
        ("to", "0001-01-01T00:00:00+14:00"),
        ("actor", LONG),
        ("name", "a\x00b"),
        ("wanted", "1"),
    ],
)
def test_what_can_not_be_asked_is_refused_by_its_field(
    operator: FlaskClient, field: str, value: str
) -> None:
    answer = operator.get(PATH, query_string={field: value})

    assert answer.status_code == 400
    assert answer.get_json()["detail"].startswith(f"{field}: ")


def test_only_operators_read_it_and_nobody_writes_it(
    viewer: FlaskClient, operator: FlaskClient
) -> None:
    assert viewer.get(PATH).status_code == 401
    assert {method for rule, method in ROUTES if rule == PATH} == {"GET"}
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert operator.open(PATH, method=method, json={}).status_code in (403, 405)
