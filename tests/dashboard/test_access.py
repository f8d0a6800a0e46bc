"""Deny by default: hosts, origins, routes, callbacks, malformed bodies, headers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dash import Dash
from flask.testing import FlaskClient

from dashboard.access import DASH_CALLBACKS, ROUTES
from dashboard.application import create_app
from dashboard.callbacks.check import ROLES
from domain.facts import Status
from tests.dashboard.filled import Filled, about, fill

CALLBACK = "/_dash-update-component"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    now = datetime.now(UTC)
    filled = fill(tmp_path, now)
    filled.publish({"shop-db": about()})
    filled.results("shop-db", [Status.HEALTHY], now)
    yield filled
    filled.engine.dispose()


@pytest.fixture
def app(store: Filled) -> Dash:
    return create_app(store.settings(), store.engine)


@pytest.fixture
def client(app: Dash) -> FlaskClient:
    return app.server.test_client()


def test_every_route_of_the_server_stands_in_the_table_or_is_refused(app: Dash) -> None:
    served = {
        (rule.rule, method)
        for rule in app.server.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert set(ROUTES) <= served
    # Flask's and Dash's own, which nobody needs here: they are refused.
    unlisted = {rule for rule, _ in served - set(ROUTES)}
    assert unlisted <= {"/_reload-hash", "/static/<path:filename>"}
    for path in ("/_reload-hash", "/static/x.js"):
        assert app.server.test_client().get(path).status_code == 403


def test_every_callback_stands_in_the_table(client: FlaskClient) -> None:
    found = {each["output"] for each in client.get("/_dash-dependencies").get_json()}
    on_the_server = {
        each["output"]
        for each in client.get("/_dash-dependencies").get_json()
        if not each.get("clientside_function")
    }

    assert on_the_server <= set(DASH_CALLBACKS) | set(ROLES)
    assert set(DASH_CALLBACKS) | set(ROLES) <= found


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8050", "127.0.0.1.evil.example"])
def test_a_foreign_host_is_refused(client: FlaskClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8050", "[::1]:8050", "LOCALHOST"])
def test_loopback_names_are_served(client: FlaskClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


def test_a_listed_host_is_served(store: Filled) -> None:
    settings = store.settings(hosts=("noc.example",))
    client = create_app(settings, store.engine).server.test_client()

    assert client.get("/health", headers={"Host": "noc.example"}).status_code == 200


def test_an_anonymous_viewer_changes_nothing(store: Filled, client: FlaskClient) -> None:
    for path in ("checks/shop-db/pause", "monitoring/stop", "checks/shop-db/check-now"):
        assert client.post(f"/api/v1/{path}", json={}).status_code == 401


@pytest.mark.parametrize(("anonymous", "offered"), [("viewer", False), ("operator", True)])
def test_the_navigation_offers_what_one_may_open_alone(
    store: Filled, anonymous: str, offered: bool
) -> None:
    settings = store.settings(anonymous=anonymous)
    client = create_app(settings, store.engine).server.test_client()

    body = client.get("/_dash-layout").get_data(as_text=True)

    assert '"Thresholds"' in body
    assert ('"Audit"' in body) is offered


def test_a_cross_site_request_is_refused(store: Filled) -> None:
    settings = store.settings(anonymous="operator")
    client = create_app(settings, store.engine).server.test_client()
    path = "/api/v1/checks/shop-db/pause"

    foreign = client.post(path, json={}, headers={"Origin": "https://evil.example"})
    fetched = client.post(path, json={}, headers={"Sec-Fetch-Site": "cross-site"})
    form = client.post(path, data={"a": "b"})
    own = client.post(path, json={}, headers={"Origin": "http://localhost"})

    assert [foreign.status_code, fetched.status_code, form.status_code] == [403, 403, 415]
    assert own.status_code == 200


def test_a_get_never_changes_anything(client: FlaskClient) -> None:
    assert client.get("/api/v1/checks/shop-db/pause").status_code in (404, 405)
    assert client.get("/health").get_json()["components"]["api_endpoints"] == {
        "shop-db": "operational"
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"[" * 10_000,
        b'{"output": 1}',
        b'{"output": "unknown.children"}',
        b'{"output": ["a"]}',
        b"\xff\xfe",
        b'{"output": ".._pages_content.children..._pages_store.data.."}',
        b'{"output": ".._pages_content.children..._pages_store.data..", "inputs": 3}',
        b'{"output": ".._pages_content.children..._pages_store.data..", "inputs": [3], "outputs": []}',
    ],
)
def test_a_malformed_callback_body_is_refused_and_never_an_error_of_ours(
    client: FlaskClient, body: bytes
) -> None:
    answer = client.post(CALLBACK, data=body, content_type="application/json")

    assert 400 <= answer.status_code < 500


def test_a_callback_from_another_site_is_refused(client: FlaskClient) -> None:
    body = json.dumps({"output": next(iter(DASH_CALLBACKS)), "inputs": [], "outputs": []})

    answer = client.post(
        CALLBACK,
        data=body,
        content_type="application/json",
        headers={"Origin": "https://evil.example"},
    )

    assert answer.status_code == 403


def test_every_answer_carries_the_security_headers(client: FlaskClient) -> None:
    for path in ("/", "/health", "/nowhere", "/assets/nothing.css", "/live/snapshot"):
        headers = client.get(path).headers

        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "script-src 'self' 'sha256-" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/health", "/health/simple", "/", "/checks/shop-db"])
def test_a_method_that_an_address_does_not_take_is_answered_405_with_those_it_does(
    client: FlaskClient, path: str, method: str
) -> None:
    answer = client.open(path, method=method, data="x=1")

    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/.git/config", "/nope", "/checks/", "/x/checks/a"])
def test_an_address_without_a_page_is_404_with_the_frame_of_the_pages(
    client: FlaskClient, path: str
) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert b"_dash-renderer" in answer.data


@pytest.mark.parametrize(
    "path", ["/", "/checks", "/checks/shop-db", "/checks/a%2Fb", "/checks/nobody?x=1"]
)
def test_an_address_with_a_page_is_200(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200
    assert client.head(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/_reload-hash", "//_dash-layout/", "/assets/../app.py", "/assets/%2e%2e/app.py"]
)
def test_what_nobody_needs_is_not_served(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code >= 300 or b"import" not in answer.data


@pytest.mark.parametrize(
    "path",
    [
        "/_dash-component-suites/dash/deps/nothing.js",
        "/_dash-component-suites/os/path.py",
        "/assets/nothing.css",
        "/health/components/%00",
        "/health/components/" + "x" * 10_000,
        "/health/components/..%2f..%2fetc",
        "/checks/%ff%fe",
    ],
)
def test_an_odd_path_is_never_an_error_of_ours(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code < 500
