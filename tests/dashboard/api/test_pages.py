"""Lists that come a page at a time: people and keys, whole and in a steady order, over both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from dashboard.application import create_app
from domain.access import KeyKind, Role, Scope
from storage import keys
from storage.people import People
from tests.dashboard.api.serving import engine, now, served, url
from tests.dashboard.filled import Filled

__all__ = ["engine", "now", "served", "url"]

NAMES = ["ann", "bob", "cy", "dee", "eve"]


def add_people(engine: Engine, now: datetime, names: list[str]) -> None:
    for name in names:
        People(engine).add(name, Role.VIEWER, "hash", actor="setup", now=now)


def add_keys(engine: Engine, now: datetime, names: list[str]) -> None:
    for name in names:
        keys.make(engine, KeyKind.WALL, name=name, actor="setup", now=now)


ADD = {"people": add_people, "keys": add_keys}
Read = Callable[[str], Any]


@pytest.fixture
def read(served: Filled, now: datetime) -> Read:
    """Reads as an admin."""
    _, secret = keys.make(
        served.engine, KeyKind.API, name="ci", actor="setup", now=now, scopes=[Scope.ADMIN]
    )
    client: FlaskClient = create_app(served.settings(), served.engine).server.test_client()
    headers = {"Authorization": f"Bearer {secret.text}"}
    return lambda path: client.get(f"/api/v1/{path}", headers=headers).get_json()


@pytest.mark.parametrize("of", ADD)
def test_a_list_is_read_whole_page_by_page_though_it_changes_meanwhile(
    served: Filled, now: datetime, read: Read, of: str
) -> None:
    ADD[of](served.engine, now, NAMES)
    whole = [each["name"] for each in read(of)[of]]

    first = read(f"{of}?limit=2")
    # Before what was read already, whichever way the list runs.
    ADD[of](served.engine, now, ["aaron"])
    seen, cursor = [each["name"] for each in first[of]], first["next"]
    while cursor is not None:
        page = read(f"{of}?limit=2&cursor={cursor}")
        assert page["count"] == len(page[of]) <= 2
        seen += [each["name"] for each in page[of]]
        cursor = page["next"]

    assert seen == whole
    assert sorted(NAMES) == sorted(set(seen) & set(NAMES))


@pytest.mark.parametrize("of", ADD)
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        (f"limit={'9' * 5000}", "limit"),
        ("cursor=", "cursor"),
        ("cursor=%00", "cursor"),
        (f"cursor={'x' * 2000}", "cursor"),
    ],
)
def test_a_limit_or_cursor_that_is_none_is_refused_by_its_name(
    read: Read, of: str, query: str, field: str
) -> None:
    told = read(f"{of}?{query}")

    assert told["status"] == 400
    assert told["detail"].startswith(f"{field}:")
