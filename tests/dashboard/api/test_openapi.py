"""The OpenAPI document: complete, valid, and what the application does when it is tried against it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import jsonschema_rs
import pytest
from dash import Dash
from flask.testing import FlaskClient

from dashboard.access import ROUTES
from dashboard.application import create_app
from dashboard.openapi.document import ENTRIES, TAGS, Untold, check_complete, document
from tests.dashboard.api.fuzzing import fuzz
from tests.dashboard.filled import Filled, fill

SHORT = 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    filled = fill(tmp_path, datetime.now(UTC))
    yield filled
    filled.engine.dispose()


@pytest.fixture
def client(store: Filled) -> FlaskClient:
    app: Dash = create_app(store.settings(), store.engine)
    return app.server.test_client()


def test_every_route_for_programs_is_told_of_and_nothing_else() -> None:
    check_complete()

    assert {entry.tag for entry in ENTRIES.values()} == TAGS.keys()


def test_a_route_that_nobody_tells_of_is_named_with_what_to_do() -> None:
    with pytest.raises(Untold, match="add an Entry for GET /api/v1/new to dashboard/openapi/"):
        check_complete([*ROUTES, ("/api/v1/new", "GET")])


def test_the_document_names_the_role_and_the_scopes_of_a_route() -> None:
    told = document()["paths"]["/health/alerts/test"]["post"]

    assert (told["x-role"], told["x-scopes"]) == ("operator", ["test"])
    assert told["security"] == [{"key": []}, {"session": []}]
    assert document()["paths"]["/health"]["get"]["x-role"] == "none"


def test_every_shape_in_the_document_is_one_and_is_there() -> None:
    made = document()

    for name, schema in made["components"]["schemas"].items():
        jsonschema_rs.meta.validate({**schema, "components": made["components"]})
        assert jsonschema_rs.validator_for({"components": made["components"], **schema}), name


def test_who_may_read_nothing_gets_neither_the_document_nor_the_page(store: Filled) -> None:
    stranger = create_app(store.settings(anonymous="none"), store.engine).server.test_client()

    assert stranger.get("/api/v1/openapi.json").status_code == 401
    assert stranger.get("/api/docs").status_code == 401


def test_the_page_runs_no_script_but_those_that_are_served_from_here(client: FlaskClient) -> None:
    page = client.get("/api/docs")

    assert page.content_type.startswith("text/html")
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page.text, re.DOTALL)
    assert scripts and not any(scripts)
    assert page.text.count("<script") == page.text.count('src="/assets/modules/')
    assert 'src="/assets/modules/apidocs.mjs"' in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/incidents/INC-20260101-0001/acknowledge", "OPTIONS, POST"),
        ("POST", "/api/v1/openapi.json", "GET, HEAD, OPTIONS"),
        ("DELETE", "/api/v1/checks/bulk", "OPTIONS, POST"),
        ("OPTIONS", "/api/v1/channels/ops/test", "OPTIONS, POST"),
    ],
)
def test_an_address_says_which_methods_it_takes(
    client: FlaskClient, method: str, path: str, allowed: str
) -> None:
    answer = client.open(path, method=method)

    assert answer.status_code == (200 if method == "OPTIONS" else 405)
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/keys/x/revoke", "/incidents/a/b/c"])
def test_an_address_of_nothing_is_none_by_any_method(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == client.post(path, json={}).status_code == 404


def test_the_application_does_what_the_document_says(store: Filled) -> None:
    found = fuzz(store, SHORT, thorough=False)

    print(f"{found.cases} cases: {dict(found.answered)}")
    assert found.failures == []
    assert found.cases > 50
