"""The public status page over a real store: what everybody sees, and what nobody does."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from dashboard import statuspage
from dashboard.application import create_app
from dashboard.live import Live
from domain.access import KeyKind, Role
from domain.facts import Status
from domain.operating import Order, Verb
from domain.statuspage import StatusPage
from storage import keys
from storage.engine import reader
from storage.incident_changes import IncidentChanges
from storage.incident_readings import IncidentReadings
from storage.readings import Readings
from tests.dashboard.filled import Filled, about, fill
from tests.monitor.stand_ins import START, Clock

SHOWN = StatusPage(
    enabled=True, title="Lindqvist", groups={"Shop": "Ordering"}, checks={"secret-mx": "Mail"}
)
Asks = Callable[..., FlaskClient]


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    filled = fill(tmp_path, START)
    filled.publish({"secret-db": about(), "secret-mx": about(group="Hidden")})
    for name in ("secret-db", "secret-mx"):
        filled.results(name, [Status.HEALTHY] * 3, START)
    yield filled
    filled.engine.dispose()


@pytest.fixture
def asks(store: Filled, clock: Clock) -> Asks:
    """Somebody who asks for a page of these settings; the role is what they are logged in as."""

    def made(page: StatusPage = SHOWN, role: Role = Role.NOBODY) -> FlaskClient:
        def monotonic() -> float:
            return clock.now.timestamp()

        told = IncidentReadings(store.engine)
        live = Live(Readings(store.engine), told, clock=clock, monotonic=monotonic)
        server = Flask("test")
        server.register_blueprint(
            statuspage.blueprint(page, live, store.engine, clock, monotonic, lambda: role)
        )
        return server.test_client()

    return made


def text_of(answer: Any) -> str:
    """What stands on the page, without its markup."""
    body = answer.get_data(as_text=True).split("<body", 1)[1]
    return html.unescape(re.sub(r"<[^>]+>", " ", body))


def test_without_being_switched_on_there_is_no_status_page(store: Filled) -> None:
    client = create_app(store.settings(), store.engine).server.test_client()

    assert client.get("/status").status_code == 404


def test_everybody_sees_that_it_works_under_the_labels_and_no_name_of_a_check(asks: Asks) -> None:
    answer = asks().get("/status")

    body = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "Everything works" in body
    assert body.count("working</p>") == 2
    for hidden in ("secret", "Shop", "Hidden", "Nocturne", "shop.example"):
        assert hidden not in body, hidden
    assert answer.headers["Cache-Control"] == "public, max-age=10"
    assert "Set-Cookie" not in answer.headers


def test_while_nothing_is_measured_the_page_cannot_tell_whatever_was_last_known(
    asks: Asks, clock: Clock
) -> None:
    client = asks()
    assert "Everything works" in text_of(client.get("/status"))
    clock.forward(11)

    body = text_of(client.get("/status"))

    assert "We can’t tell at the moment" in body
    assert "Everything works" not in body
    assert body.count("not known") == 2


def test_a_copy_on_the_way_ends_when_the_server_itself_would_not_say_working_any_more(
    asks: Asks, clock: Clock
) -> None:
    client = asks()

    ages = {}
    for age in (0, 3, 9, 11):
        clock.now = START + timedelta(seconds=age)
        ages[age] = client.get("/status").headers["Cache-Control"]

    assert ages == {
        0: "public, max-age=10",
        3: "public, max-age=7",
        9: "public, max-age=1",
        11: "public, max-age=10",
    }


def test_what_was_measured_for_minutes_is_not_called_a_day(asks: Asks) -> None:
    body = text_of(asks().get("/status"))

    assert re.search(r"100\.00 % over the \d+ \w+ measured", body)
    assert "over 1 day" not in body


def test_a_monitor_that_died_yesterday_leaves_no_green_day_behind(
    store: Filled, asks: Asks, clock: Clock
) -> None:
    clock.forward(36 * 3600)

    body = asks().get("/status").get_data(as_text=True)

    assert 'class="status-day" data-state="healthy"' not in body


def test_a_page_of_nothing_claims_nothing(asks: Asks) -> None:
    body = text_of(asks(StatusPage(enabled=True)).get("/status"))

    assert "We can’t tell at the moment" in body
    assert "Nothing has been chosen" in body


def test_an_incident_is_told_by_its_public_notes_alone(
    store: Filled, asks: Asks, clock: Clock
) -> None:
    incident = store.incident("secret-db", START)
    changes = IncidentChanges(store.engine)
    for text, public in (("The <b>disk</b>\nis full.", True), ("It is host db7.", False)):
        order = Order(verb=Verb.COMMENT, text=text, public=public)
        changes.carry_out(incident.id, order, actor="mara", now=START)

    body = asks().get("/status").get_data(as_text=True)

    assert "Ordering: outage" in body
    assert "The &lt;b&gt;disk&lt;/b&gt;\nis full." in body
    for hidden in ("db7", "mara", incident.id, "secret"):
        assert hidden not in body, hidden


def test_the_page_is_made_once_for_all_and_costs_the_store_nothing_more(
    store: Filled, asks: Asks
) -> None:
    client, statements = asks(), []
    first = client.get("/status")
    for engine in {store.engine, reader(store.engine)}:
        event.listen(
            engine, "before_cursor_execute", lambda *each: statements.append(each[2]), named=False
        )

    again = client.get("/status")
    known = client.get("/status", headers={"If-None-Match": first.headers["ETag"]})

    assert again.data == first.data
    assert (known.status_code, known.data) == (304, b"")
    assert statements == []


def test_a_page_by_token_opens_by_its_link_alone_until_that_is_revoked(
    store: Filled, asks: Asks, clock: Clock
) -> None:
    page = StatusPage(enabled=True, access="token", groups={"Shop": "Ordering"})
    client, stranger = asks(page), asks(page)
    made, secret = keys.make(store.engine, KeyKind.STATUS, name="all", actor="a", now=clock.now)
    _, wall = keys.make(store.engine, KeyKind.WALL, name="hall", actor="a", now=clock.now)

    entered = client.get(f"/status?token={secret.text}")
    seen = client.get("/status")
    refused = [stranger.get("/status"), stranger.get(f"/status?token={wall.text}")]
    keys.revoke(store.engine, made.id, actor="a", now=clock.now)
    clock.forward(timedelta(minutes=1).total_seconds())
    after = client.get("/status")

    assert (entered.status_code, entered.headers["Location"]) == (303, "/status")
    assert (seen.status_code, seen.headers["Cache-Control"]) == (200, "private, max-age=10")
    assert [each.status_code for each in (*refused, after)] == [401, 401, 401]
    assert asks(page, Role.VIEWER).get("/status").status_code == 200
