"""The pages of incidents: empty leaves, and one address for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dash.development.base_component import Component
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from dashboard import ids, shell
from dashboard.application import create_app
from dashboard.pages import incident, incidents
from storage.incident_readings import IncidentReadings
from tests.dashboard.filled import Filled, about, fill

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
PROGRAM = "application/json"
FRAME = b'id="react-entry-point"'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    filled = fill(tmp_path, datetime.now(UTC))
    filled.publish({"shop-db": about()})
    yield filled
    filled.engine.dispose()


@pytest.fixture
def known(store: Filled) -> str:
    """The address of an incident of shop-db."""
    found = store.incident("shop-db", datetime.now(UTC) - timedelta(minutes=4))
    return f"/incidents/{found.id}"


@pytest.fixture
def client(store: Filled) -> FlaskClient:
    made: FlaskClient = create_app(store.settings(), store.engine).server.test_client()
    return made


def get(client: FlaskClient, path: str, accept: str) -> TestResponse:
    return client.get(path, headers={"Accept": accept})


def leaves(page: Component) -> dict[str, Any]:
    """The elements with an id, by it."""
    children = getattr(page, "children", None)
    name = getattr(page, "id", None)
    found: dict[str, Any] = {name: children} if name else {}
    for child in children if isinstance(children, list) else [children]:
        found |= leaves(child) if isinstance(child, Component) else {}
    return found


@pytest.mark.parametrize("page", [incidents, incident], ids=["list", "one"])
def test_what_the_browser_fills_is_laid_out_empty(page: Any) -> None:
    laid_out = leaves(page.layout(q="<b>shop</b>"))

    assert laid_out
    assert set(laid_out) <= set(ids.OWNED_BY_THE_BROWSER)
    assert set(laid_out.values()) == {None}


def test_the_navigation_leads_to_the_list() -> None:
    entries = {entry.label: entry for section in shell.NAVIGATION for entry in section.entries}

    assert entries["Incidents"].path == "/incidents"
    assert Path("assets/icons", f"{entries['Incidents'].icon}.svg").exists()


def test_a_browser_gets_the_page_and_a_program_gets_json(client: FlaskClient, known: str) -> None:
    for path in ("/incidents", known):
        page, body = get(client, path, BROWSER), get(client, path, PROGRAM)

        assert (page.status_code, page.mimetype) == (200, "text/html")
        assert FRAME in page.data
        assert (body.status_code, body.mimetype) == (200, "application/json")
        assert page.headers["Vary"] == body.headers["Vary"] == "Accept"
        assert "no-store" in page.headers["Cache-Control"]


@pytest.mark.parametrize("accept", ["*/*", "", "application/*", "text/html;q=0.5,*/*", "nonsense"])
def test_who_does_not_prefer_html_gets_json(client: FlaskClient, known: str, accept: str) -> None:
    assert get(client, "/incidents", accept).mimetype == "application/json"
    assert get(client, known, accept).mimetype == "application/json"


def test_the_page_of_an_unknown_incident_is_a_page_and_not_found(client: FlaskClient) -> None:
    for name in ("INC-20200101-0001", "nothing", "%00", "x" * 3000):
        page, body = (get(client, f"/incidents/{name}", each) for each in (BROWSER, PROGRAM))

        assert (page.status_code, page.mimetype) == (404, "text/html")
        assert FRAME in page.data
        assert (body.status_code, body.mimetype) == (404, "application/problem+json")


def test_lists_for_programs_stay_json(client: FlaskClient) -> None:
    for path in ("/incidents/history", "/incidents/statistics"):
        assert get(client, path, BROWSER).mimetype == "application/json"


def test_the_page_opens_while_the_store_is_away(
    client: FlaskClient, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("away"))

    monkeypatch.setattr(IncidentReadings, "tell", away)

    assert get(client, known, BROWSER).status_code == 200
    assert get(client, known, PROGRAM).status_code == 503


def test_those_who_may_not_look_get_neither(store: Filled, known: str) -> None:
    closed = create_app(store.settings(anonymous="none"), store.engine).server.test_client()

    for path in ("/incidents", known):
        led = get(closed, path, BROWSER)
        assert (led.status_code, led.headers["Location"].partition("?")[0]) == (303, "/login")
        assert get(closed, path, PROGRAM).status_code == 401
