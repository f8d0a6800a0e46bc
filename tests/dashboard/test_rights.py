"""Every route × method × who asks equals the declared table, however the address is written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request

from dashboard.access import PAGES, ROUTES, SCOPES, WALL_PAGE
from dashboard.application import create_app
from dashboard.callbacks.check import ROLES
from dashboard.walltoken import COOKIE
from domain.access import KeyKind, Role, Scope
from storage import keys
from storage.logins import Browser, Logins
from storage.people import People
from tests.dashboard.filled import Filled, about, fill

WHO = ["anonymous", "viewer", "operator", "admin", *(f"key {scope}" for scope in Scope)]
ROLE_OF = {
    "anonymous": Role.NOBODY,
    "viewer": Role.VIEWER,
    "operator": Role.OPERATOR,
    "admin": Role.ADMIN,
    "key read": Role.VIEWER,
    "key operate": Role.OPERATOR,
    "key admin": Role.ADMIN,
}
FORBIDDEN = (401, 403)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder: Path = tmp_path_factory.mktemp("rights")
    filled = fill(folder, datetime.now(UTC))
    filled.publish({"shop-db": about()})
    yield filled
    filled.engine.dispose()


@pytest.fixture(scope="module")
def server(store: Filled) -> Flask:
    server: Flask = create_app(store.settings(anonymous="none"), store.engine).server
    return server


@pytest.fixture(scope="module")
def headers(store: Filled) -> dict[str, dict[str, str]]:
    """What each one's requests carry: a session's cookie, a key, or a wall's token."""
    now, found = datetime.now(UTC), {"anonymous": dict[str, str]()}
    people, logins = People(store.engine), Logins(store.engine)
    for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):
        person = people.add(f"a-{role.word}", role, "hash", actor="setup", now=now)
        secret = logins.open(person.id, person.name, Browser(address="", agent=""), now)
        found[role.word] = {"Cookie": f"nocturne_session={secret.text}"}
    for scope in Scope:
        kind = KeyKind.WALL if scope is Scope.WALL else KeyKind.API
        made = {} if scope is Scope.WALL else {"scopes": [scope]}
        _, secret = keys.make(store.engine, kind, name=scope, actor="setup", now=now, **made)
        carried = {"Authorization": f"Bearer {secret.text}"}
        found[f"key {scope}"] = (
            {"Cookie": f"{COOKIE}={secret.text}"} if scope is Scope.WALL else carried
        )
    return found


def asked(
    server: Flask, method: str, path: str, headers: dict[str, str], body: Any = None
) -> tuple[int | None, tuple[str, str] | None]:
    """What the guard answers, None when it lets the request pass; and the route that was matched."""
    json = None if method == "GET" else (body if body is not None else {})
    with server.test_request_context(path, method=method, headers=headers, json=json):
        answer = server.preprocess_request()
        rule = request.url_rule
        matched = None if rule is None else (rule.rule, method)
        status = None if answer is None else server.make_response(answer).status_code
        return status, matched


def address(rule: str) -> str:
    """An address that a rule takes."""
    import re

    return re.sub(r"<int:[^>]+>", "1", re.sub(r"<(?!int:)[^>]+>", "shop-db", rule))


def may(who: str, route: tuple[str, str]) -> bool:
    """What the table says."""
    if ROLE_OF.get(who, Role.NOBODY) >= ROUTES[route]:
        return True
    scope = who.removeprefix("key ")
    if who == "key wall" and route[0] == PAGES:
        return False
    return who.startswith("key ") and scope in SCOPES.get(route, frozenset())


@pytest.mark.parametrize("who", WHO)
def test_everybody_reaches_what_the_table_says_and_nothing_else(
    server: Flask, headers: dict[str, dict[str, str]], who: str
) -> None:
    wrong = []
    for route in ROUTES:
        rule, method = route
        if rule == "/_dash-update-component":
            continue
        path = "/somewhere" if rule == PAGES else address(rule)
        status, matched = asked(server, method, path, headers[who])
        assert matched == route, path
        if may(who, route) != (status is None):
            wrong.append((method, path, status))
        assert status in (None, *FORBIDDEN)

    assert wrong == []


@pytest.mark.parametrize("who", WHO)
def test_everybody_calls_the_callbacks_of_the_table_and_no_other(
    server: Flask, headers: dict[str, dict[str, str]], who: str
) -> None:
    for output in (*ROLES, "forged.children", "..a.b...c.d.."):
        body = {"output": output, "outputs": [], "inputs": [], "changedPropIds": []}
        body |= {"state": [{"id": "check-seen", "property": "data", "value": "../../etc"}]}
        status, _ = asked(server, "POST", "/_dash-update-component", headers[who], body)

        needed = ROLES.get(output)
        allowed = needed is not None and ROLE_OF.get(who, Role.NOBODY) >= needed
        # 400: it may be called, but not like this.
        assert (status in (None, 400)) == allowed, (output, status)


def test_a_wall_reaches_its_page_alone(server: Flask, headers: dict[str, dict[str, str]]) -> None:
    tried = [WALL_PAGE, "/wall/", "//wall", "/wall/x", "/Wall", "/", "/checks/shop-db", "/settings"]
    found = {path: asked(server, "GET", path, headers["key wall"])[0] for path in tried}

    assert [path for path, status in found.items() if status is None] == [WALL_PAGE]


@pytest.mark.parametrize("who", ["anonymous", "viewer", "key test", "key wall"])
@pytest.mark.parametrize(
    "path",
    [
        "//api/v1/people",
        "/api/v1//people",
        "/api/v1/people/",
        "/API/v1/people",
        "/api/v1/People",
        "/api%2fv1%2fpeople",
        "/api/v1/people%2f",
        "/x/../api/v1/people",
        "/%2e%2e/api/v1/people",
        "/assets/../api/v1/people",
        "/assets/..%2fapi/v1/people",
        "/health/../api/v1/people",
        "/api/v1/people;x",
        "/api/v1/people%00",
        "/_dash-component-suites/dash/../../api/v1/people",
    ],
)
def test_no_way_of_writing_an_address_leads_around_the_table(
    server: Flask, headers: dict[str, dict[str, str]], who: str, path: str
) -> None:
    status, matched = asked(server, "GET", path, headers[who])

    assert matched != ("/api/v1/people", "GET") or status in FORBIDDEN
    if status is None and matched is not None:
        assert may(who, matched)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND"])
def test_a_method_that_the_table_does_not_have_is_not_served(
    server: Flask, headers: dict[str, dict[str, str]], method: str
) -> None:
    client = server.test_client(use_cookies=False)
    answer = client.open("/api/v1/rules", method=method, headers=headers["admin"], json={})

    assert answer.status_code in (403, 405)


def test_a_cookie_alone_changes_nothing_by_a_get(
    server: Flask, headers: dict[str, dict[str, str]]
) -> None:
    changing = [rule for rule, method in ROUTES if method == "POST"]

    for rule in changing:
        if (rule, "GET") not in ROUTES:
            answer = server.test_client(use_cookies=False).get(
                address(rule), headers=headers["admin"]
            )
            assert answer.status_code in (404, 405), rule
