"""What other sites make a browser send changes nothing: every changing route, every way to forge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from dashboard.access import BY_ADDRESS, ROUTES, SAFE
from dashboard.application import create_app
from domain.access import Role
from domain.facts import Status
from storage.logins import Browser, Logins
from storage.people import People
from tests.dashboard.api.serving import everything
from tests.dashboard.filled import Filled, about, fill
from tests.dashboard.test_rights import address

# What comes with a request that another site has made, and its body.
JSON, FORM, TEXT = "application/json", "application/x-www-form-urlencoded", "text/plain"
FORGED: Mapping[str, tuple[Mapping[str, str], str]] = {
    "a form": ({}, FORM),
    "a form with a file": ({}, "multipart/form-data; boundary=x"),
    "text": ({}, TEXT),
    "no type": ({}, ""),
    "text that ends in json": ({}, "text/plain; application/json"),
    "a foreign origin": ({"Origin": "https://evil.example"}, JSON),
    "a foreign port": ({"Origin": "http://localhost:81"}, JSON),
    "an origin that begins alike": ({"Origin": "http://localhost.evil.example"}, JSON),
    "no origin at all": ({"Origin": "null"}, JSON),
    "an empty origin": ({"Origin": ""}, JSON),
    "an origin of a file": ({"Origin": "file://"}, JSON),
    "a sandboxed frame": ({"Sec-Fetch-Site": "cross-site"}, JSON),
    "a sister's domain": ({"Sec-Fetch-Site": "same-site"}, JSON),
    "a foreign host": ({"Host": "evil.example"}, JSON),
    "a rebound name": ({"Host": "evil.example", "Origin": "http://evil.example"}, JSON),
    "a proxy's login": ({"Authorization": "Basic YTpi"}, FORM),
}
CHANGING = sorted(
    (rule, method) for rule, method in ROUTES if method not in SAFE and rule not in BY_ADDRESS
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder: Path = tmp_path_factory.mktemp("sites")
    now = datetime.now(UTC)
    filled = fill(folder, now)
    filled.publish({"shop-db": about()})
    filled.results("shop-db", [Status.CRITICAL] * 3, now)
    filled.incident("shop-db", now)
    yield filled
    filled.engine.dispose()


@pytest.fixture(scope="module")
def server(store: Filled) -> Flask:
    server: Flask = create_app(store.settings(anonymous="none"), store.engine).server
    return server


@pytest.fixture(scope="module")
def cookie(store: Filled) -> str:
    """That of an admin, as the browser sends it along."""
    now = datetime.now(UTC)
    person = People(store.engine).add("ann", Role.ADMIN, "hash", actor="setup", now=now)
    secret = Logins(store.engine).open(person.id, person.name, Browser(address="", agent=""), now)
    return f"nocturne_session={secret.text}"


def standing(engine: Engine) -> dict[str, list[Any]]:
    """All that a request may not change; that a login was seen is no change."""
    return {name: rows for name, rows in everything(engine).items() if name != "sessions"}


@pytest.mark.parametrize("how", FORGED)
def test_no_route_changes_anything_for_another_site(
    store: Filled, server: Flask, cookie: str, how: str
) -> None:
    headers, kind = FORGED[how]
    before, wrong = standing(store.engine), []
    for rule, method in CHANGING:
        answer = server.test_client(use_cookies=False).open(
            address(rule),
            method=method,
            data=b'{"name": "shop-db"}',
            content_type=kind,
            headers={"Cookie": cookie, **headers},
        )
        if answer.status_code not in (400, 403, 415):
            wrong.append((method, rule, answer.status_code))

    assert wrong == []
    assert standing(store.engine) == before


def test_no_answer_lets_another_site_read_it_or_ask_with_more(server: Flask, cookie: str) -> None:
    for path in ("/live/snapshot", "/api/v1/people", "/health", "/", "/api/v1/session"):
        for method in ("GET", "OPTIONS"):
            headers = {
                "Cookie": cookie,
                "Origin": "https://evil.example",
                "Access-Control-Request-Method": "POST",
            }
            answer = server.test_client(use_cookies=False).open(
                path, method=method, headers=headers
            )
            told = [name for name, _ in answer.headers if name.lower().startswith("access-")]
            assert told == [], (method, path)


def test_getting_every_address_changes_nothing(store: Filled, server: Flask, cookie: str) -> None:
    before = standing(store.engine)

    for rule in sorted({rule for rule, _ in ROUTES if rule not in BY_ADDRESS}):
        for method in ("GET", "HEAD", "OPTIONS"):
            server.test_client(use_cookies=False).open(
                address(rule), method=method, headers={"Cookie": cookie}
            )

    assert standing(store.engine) == before
