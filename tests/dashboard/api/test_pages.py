"""Lists that come a page at a time, whole and in a steady order, over both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from dashboard.application import create_app
from domain.access import KeyKind, Role, Scope
from domain.facts import Detail, Sample
from storage import catalogue, definitions, keys
from storage.changes import CHANNEL, CHECK, RULE
from storage.journal import Journal, Published
from storage.logins import Browser, Logins
from storage.people import People
from storage.series import SeriesIds, append
from tests.dashboard.api.serving import engine, now, served, url
from tests.dashboard.filled import Filled, about
from tests.storage.stores import lead

__all__ = ["engine", "now", "served", "url"]

NAMES = ["ann", "bob", "cy", "dee", "eve"]


def add_people(engine: Engine, now: datetime, names: list[str]) -> None:
    for name in names:
        People(engine).add(name, Role.VIEWER, "hash", actor="setup", now=now)


def add_keys(engine: Engine, now: datetime, names: list[str]) -> None:
    for name in names:
        keys.make(engine, KeyKind.WALL, name=name, actor="setup", now=now)


def add_channels(engine: Engine, now: datetime, names: list[str]) -> None:
    kept = [each.in_force for each in definitions.load(engine, CHANNEL)]
    tables: list[dict[str, Detail]] = [{"name": name, "kind": "log"} for name in names]
    definitions.publish(engine, CHANNEL, [*kept, *tables], "config.toml", now)


def add_kinds(engine: Engine, now: datetime, names: list[str]) -> None:
    made: dict[str, dict[str, Any]] = {name: {} for name in names}
    catalogue.publish(engine, {**catalogue.load(engine), **made})


def add_checks(engine: Engine, now: datetime, names: list[str]) -> None:
    """Checks with two levels each."""
    kept = [each.in_force for each in definitions.load(engine, CHECK)]
    tables: list[dict[str, Detail]] = [{"name": name, "kind": "http"} for name in names]
    definitions.publish(engine, CHECK, [*kept, *tables], "config.toml", now)
    known = {str(each["name"]) for each in kept} | {*names}
    rules = [{**LEVEL, "id": metric, "metric": metric} for metric in ("ms", "days")]
    told = [Published(name=name, kind="http", about=about(rules=rules)) for name in sorted(known)]
    Journal(engine).publish(lead(engine, now=now), told)


def add_series(engine: Engine, now: datetime, names: list[str]) -> None:
    """Two series a metric, pushed from outside."""
    taken = [
        Sample(name="queue.depth", labels=(("host", f"{name}-{each}"),), at=now, value=1.0)
        for name in names
        for each in "ab"
    ]
    with engine.begin() as connection:
        append(connection, SeriesIds(), taken)


def add_metrics(engine: Engine, now: datetime, names: list[str]) -> None:
    taken = [Sample(name=f"shop.{each}", at=now, value=1.0) for each in names]
    with engine.begin() as connection:
        append(connection, SeriesIds(), taken)


def add_versions(engine: Engine, now: datetime, names: list[str]) -> None:
    """A version of one rule for each name."""
    for name in names:
        rule: dict[str, Detail] = {"id": "mine", "metric": name, "warning": len(name)}
        definitions.publish(engine, RULE, [rule], name, now, key="id")


LEVEL = {"title": "x", "operator": "gte", "warning": 1.0, "critical": 2.0, "unit": "ms"}
VERSIONS, SERIES = "rules/mine/versions", "series"
ADD = {
    "people": add_people,
    "keys": add_keys,
    "channels": add_channels,
    "kinds": add_kinds,
    "levels": add_checks,
    SERIES: add_series,
    "metrics": add_metrics,
    VERSIONS: add_versions,
}
# By what an entry is told apart from others.
NAMED: dict[str, Callable[[Any], Any]] = {
    "levels": lambda each: (each["check"], each["metric"]),
    SERIES: lambda each: (each["metric"], str(each["labels"])),
    VERSIONS: lambda each: each["version"],
}
Read = Callable[[str], Any]


def told(answer: Any, of: str) -> list[Any]:
    """What the entries of a page are called."""
    name = NAMED.get(of, lambda each: each["name"])
    assert answer["count"] == len(answer[of.rpartition("/")[2]])
    return [name(each) for each in answer[of.rpartition("/")[2]]]


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
    whole = told(read(of), of)

    first = read(f"{of}?limit=2")
    # Before what was read already, whichever way the list runs.
    ADD[of](served.engine, now, ["aaron"])
    seen, cursor = told(first, of), first["next"]
    while cursor is not None:
        page = read(f"{of}?limit=2&cursor={quote(cursor)}")
        assert 0 < page["count"] <= 2
        seen += told(page, of)
        cursor = page["next"]

    assert seen == whole
    assert len(whole) >= len(NAMES)
    assert len(set(whole)) == len(whole)


def test_the_pages_of_series_are_those_of_the_ones_that_fit(
    served: Filled, now: datetime, read: Read
) -> None:
    add_series(served.engine, now, NAMES)

    first = read("series?metric=queue.depth&label=host=bob-b&limit=1")

    assert told(first, SERIES) == [("queue.depth", "{'host': 'bob-b'}")]
    assert (first["next"], first["truncated"]) == (None, False)


def test_a_page_of_one_s_own_logins_goes_on_where_the_one_before_ended(
    served: Filled, now: datetime
) -> None:
    add_people(served.engine, now, ["ann"])
    (ann,) = People(served.engine).listed()
    logins = Logins(served.engine)
    for each in range(5):
        begun = now + timedelta(seconds=each // 2)
        last = logins.open(ann.id, "ann", Browser(address=f"10.0.0.{each}", agent="x"), begun)
    client = create_app(served.settings(), served.engine).server.test_client()
    client.set_cookie("nocturne_session", last.text)

    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        more = f"&cursor={quote(cursor)}" if cursor else ""
        page = client.get(f"/api/v1/account/sessions?limit=2{more}").get_json()
        seen += page["sessions"]
        cursor = page["next"]

    assert seen == client.get("/api/v1/account/sessions").get_json()["sessions"]
    assert len({each["address"] for each in seen}) == len(seen) == 5
    times = [each["created_at"] for each in seen]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("of", [*ADD, "uptime"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=2001", "limit"),
        ("limit=x", "limit"),
        (f"limit={'9' * 5000}", "limit"),
        ("cursor=", "cursor"),
        ("cursor=%00", "cursor"),
        (f"cursor={'x' * 2000}", "cursor"),
    ],
)
def test_a_limit_or_cursor_that_is_none_is_refused_by_its_name(
    served: Filled, now: datetime, read: Read, of: str, query: str, field: str
) -> None:
    add_versions(served.engine, now, ["one"])

    refused = read(f"{of}?{query}")

    assert refused["status"] == 400
    assert refused["detail"].startswith(f"{field}:")
