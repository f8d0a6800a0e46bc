"""Every answer of every route carries what keeps a browser from being used against its user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from dashboard.access import PAGES, ROUTES
from dashboard.application import create_app
from domain.access import Role
from domain.facts import Status
from domain.statuspage import StatusPage
from storage.logins import Browser, Logins
from storage.people import People
from tests.dashboard.filled import Filled, about, fill
from tests.dashboard.test_rights import address

# What each directive must say; what is not named falls back to the first.
POLICY = {
    "default-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "connect-src": "'self'",
}
# No data of anybody's: these are the same for all, and may be kept by browsers.
STATIC = ("/assets/", "/_dash-component-suites/", "/_favicon.ico")
# Asked for so often that the browser keeps them, and asks whether they still hold.
KEPT = {"/live/snapshot": "private, no-cache", "/status": "private, max-age=10"}
ODD = [
    ("GET", "/nowhere", {}),
    ("GET", "/api/v1/nowhere", {}),
    ("GET", "/assets/nothing.css", {}),
    ("GET", "/assets/../app.py", {}),
    ("GET", "/_dash-component-suites/dash/nothing.js", {}),
    ("GET", "/_reload-hash", {}),
    ("GET", "//health", {}),
    ("GET", "/health", {"Host": "evil.example"}),
    ("GET", "/health", {"Authorization": "Bearer nothing"}),
    ("GET", "/incidents", {"Accept": "text/html"}),
    ("GET", "/api/v1/series/points?start=x", {}),
    ("PUT", "/health", {}),
    ("TRACE", "/", {}),
    ("POST", "/_dash-update-component", {"Content-Type": "application/json"}),
    ("POST", "/api/v1/session", {"Content-Type": "application/json"}),
    ("POST", "/api/v1/session", {"Content-Length": "2000000"}),
    ("OPTIONS", "/api/v1/rules", {}),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder: Path = tmp_path_factory.mktemp("headers")
    now = datetime.now(UTC)
    filled = fill(folder, now)
    filled.publish({"shop-db": about()})
    filled.results("shop-db", [Status.HEALTHY] * 3, now)
    yield filled
    filled.engine.dispose()


@pytest.fixture(scope="module")
def server(store: Filled) -> Flask:
    page = StatusPage(enabled=True, title="X", access="token", groups={"Shop": "Shop"}, checks={})
    settings = replace(store.settings(anonymous="none"), status=page)
    server: Flask = create_app(settings, store.engine).server
    return server


@pytest.fixture(scope="module")
def admin(store: Filled) -> Mapping[str, str]:
    now = datetime.now(UTC)
    person = People(store.engine).add("ann", Role.ADMIN, "hash", actor="setup", now=now)
    secret = Logins(store.engine).open(person.id, person.name, Browser(address="", agent=""), now)
    return {"Cookie": f"nocturne_session={secret.text}"}


def ask(server: Flask, method: str, path: str, headers: Mapping[str, str]) -> TestResponse:
    client = server.test_client(use_cookies=False)
    return client.open(path, method=method, headers=dict(headers), buffered=True)


def wrong(answer: TestResponse, path: str) -> list[str]:
    """What an answer lacks."""
    headers, found = answer.headers, []
    policy = dict(
        each.strip().split(" ", 1)
        for each in headers.get("Content-Security-Policy", "").split(";")
        if " " in each.strip()
    )
    found += [name for name, value in POLICY.items() if policy.get(name) != value]
    scripts = policy.get("script-src", "'unsafe-inline'")
    if "unsafe" in scripts or "*" in scripts or "http" in scripts:
        found.append("script-src")
    if headers.get("X-Content-Type-Options") != "nosniff":
        found.append("nosniff")
    if headers.get("Referrer-Policy") != "same-origin":
        found.append("referrer")
    if headers.get("Cross-Origin-Opener-Policy") != "same-origin":
        found.append("opener")
    if "Server" in headers or "X-Powered-By" in headers:
        found.append("tells what it runs on")
    kept = headers.get("Cache-Control", "")
    if not path.startswith(STATIC) and kept not in ("no-store", KEPT.get(path.partition("?")[0])):
        found.append(f"cached: {kept}")
    return found


def test_every_route_answers_everybody_with_all_headers(
    server: Flask, admin: Mapping[str, str]
) -> None:
    lacking = {}
    for rule, method in ROUTES:
        path = "/checks/shop-db" if rule == PAGES else address(rule)
        for who, headers in (("anonymous", {}), ("admin", admin)):
            # As JSON without a body: those that change something refuse it by its fields.
            sent = {**headers, "Content-Type": "application/json"}
            if found := wrong(ask(server, method, path, sent), path):
                lacking[who, method, path] = found

    assert lacking == {}


@pytest.mark.parametrize(("method", "path", "headers"), ODD)
def test_so_do_errors(
    server: Flask, admin: Mapping[str, str], method: str, path: str, headers: Mapping[str, str]
) -> None:
    assert wrong(ask(server, method, path, {**admin, **headers}), path) == []
    assert wrong(ask(server, method, path, headers), path) == []


def test_so_do_files_of_every_folder_and_scripts_of_dash(server: Flask) -> None:
    page = ask(server, "GET", "/login", {}).get_data(as_text=True)
    assets = [piece.split('"')[0] for piece in page.split('"') if piece.startswith("/assets/")]
    found = ["/assets/app.css", "/assets/modules/dom.mjs", "/_favicon.ico", *assets]

    answers = {path: ask(server, "GET", path, {}) for path in found}

    assert [wrong(each, path) for path, each in answers.items()] == [[]] * len(answers)
    assert {each.status_code for each in answers.values()} == {200}


def test_what_a_browser_is_sent_is_of_a_type_that_it_runs_only_where_that_is_meant(
    server: Flask, admin: Mapping[str, str]
) -> None:
    pages = {"/", "/login", "/setup", "/api/docs", "/status", "/somewhere"}
    for rule, method in ROUTES:
        if method != "GET" or rule.startswith(STATIC):
            continue
        path = "/somewhere" if rule == PAGES else address(rule)
        kind = ask(server, "GET", path, admin).mimetype
        assert (kind == "text/html") <= (path in pages), (path, kind)


def test_nothing_leads_to_another_site_by_the_way_its_address_is_written(
    server: Flask, admin: Mapping[str, str]
) -> None:
    for path in (
        "//evil.example",
        "//evil.example/%2e%2e",
        "/%2f%2fevil.example",
        "/%5cevil.example",
        "//evil.example/health",
        "/checks//evil.example",
        "/wall?token=x&next=//evil.example",
        "/login?next=//evil.example",
        "/%0d%0aLocation:%20//evil.example",
    ):
        for headers in ({}, admin):
            answer = ask(server, "GET", path, {**headers, "Accept": "text/html"})
            leads = answer.headers.get("Location", "/")
            assert leads.startswith(("/", "http://localhost/")), (path, leads)
            assert not leads.startswith(("//", "/\\")), (path, leads)
