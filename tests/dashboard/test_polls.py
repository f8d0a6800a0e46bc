"""A poll that is answered before Flask is answered as Flask would, for whoever asks and however."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask, Request, request
from werkzeug.test import Client, EnvironBuilder, TestResponse

from dashboard.access import Access
from dashboard.api.meter import Meter
from dashboard.api.snapshot import DELTA, PATH
from dashboard.application import create_app
from dashboard.identity import Identities
from dashboard.polls import ROUTE, is_plain
from dashboard.ratelimits import RateLimits
from dashboard.walltoken import COOKIE
from domain.access import KeyKind, Role
from domain.facts import Status
from storage import keys
from storage.logins import Browser, Logins
from storage.people import People
from tests.dashboard.filled import Filled, about, fill

# It moves from one answer to the next.
MOVING = "Nocturne-Now"
NAME = {"X-Request-Id": "named-by-a-proxy"}
# What each of them sends besides its own; the tag that is known is put in for TAG.
TAG = "the tag"
SENT: list[Mapping[str, str]] = [
    {},
    {"If-None-Match": TAG},
    {"If-None-Match": TAG, "Accept-Encoding": "gzip, br"},
    {"If-None-Match": '"of-another"', "Accept": f"{DELTA}, application/json"},
    {"If-None-Match": f"W/{TAG}"},
    {"Accept-Encoding": "gzip"},
    {"Host": "evil.example"},
    {"Host": ""},
    {"X-Forwarded-For": "203.0.113.7"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Accept": "text/html"},
]


@pytest.fixture(autouse=True)
def _as_served() -> Iterator[None]:
    """The log as it is configured by default: where it tells of polls, Flask answers all of them."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder: Path = tmp_path_factory.mktemp("polls")
    now = datetime.now(UTC)
    filled = fill(folder, now)
    filled.publish({"shop-db": about()})
    filled.results("shop-db", [Status.HEALTHY] * 3, now)
    yield filled
    filled.engine.dispose()


@pytest.fixture(scope="module")
def senders(store: Filled) -> dict[str, dict[str, str]]:
    """What the requests of each carry."""
    now = datetime.now(UTC)
    person = People(store.engine).add("ann", Role.OPERATOR, "hash", actor="setup", now=now)
    session = Logins(store.engine).open(person.id, "ann", Browser(address="", agent=""), now)
    _, wall = keys.make(store.engine, KeyKind.WALL, name="hall", actor="ann", now=now)
    gone, revoked = keys.make(store.engine, KeyKind.WALL, name="gone", actor="ann", now=now)
    keys.revoke(store.engine, gone.id, actor="ann", now=now)
    return {
        "nobody": {},
        "ann": {"Cookie": f"nocturne_session={session.text}"},
        "the wall": {"Cookie": f"{COOKIE}={wall.text}"},
        "a wall whose token was revoked": {"Cookie": f"{COOKIE}={revoked.text}"},
        "an invented session": {"Cookie": "nocturne_session=noc_000000000000_x"},
        "an invented key": {"Authorization": "Bearer noc_000000000000_x"},
    }


def whole(server: Flask) -> Any:
    """The application as Flask has it, with nothing before it."""
    return lambda environ, start: Flask.wsgi_app(server, environ, start)


def ask(application: Any, headers: Mapping[str, str]) -> TestResponse:
    builder = EnvironBuilder(PATH, headers=dict(headers))
    return Client(application, use_cookies=False).open(builder, buffered=True)


def told(answer: TestResponse) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body, without what no two answers share."""
    headers = {name: text for name, text in answer.headers.items() if name != MOVING}
    return answer.status_code, headers, answer.data


@pytest.mark.parametrize("anonymous", ["none", "viewer"])
def test_status_headers_and_body_are_those_of_the_whole_way(
    store: Filled, senders: Mapping[str, Mapping[str, str]], anonymous: str
) -> None:
    server: Flask = create_app(store.settings(anonymous=anonymous), store.engine).server
    tag = ask(server, senders["ann"]).headers["ETag"]

    for who, carried in senders.items():
        for sent in SENT:
            known = {name: text.replace(TAG, tag) for name, text in sent.items()}
            headers = {**NAME, **carried, **known}
            short, long = ask(server, headers), ask(whole(server), headers)
            assert told(short) == told(long), (who, sent)


def test_flask_is_asked_for_the_first_and_for_what_is_refused(store: Filled) -> None:
    server: Flask = create_app(store.settings(anonymous="viewer"), store.engine).server
    asked = []
    server.before_request(lambda: asked.append(request.host))

    for host in ("localhost", "127.0.0.1", "localhost", "evil.example"):
        ask(server, {"Host": host})

    # The first is for Dash, which finishes itself in it; the guard refuses before this is counted.
    assert asked == ["localhost"]


def test_a_session_that_ended_reads_nothing_more(store: Filled) -> None:
    now = datetime.now(UTC)
    server: Flask = create_app(store.settings(anonymous="none"), store.engine).server
    person = People(store.engine).add("bob", Role.VIEWER, "hash", actor="setup", now=now)
    secret = Logins(store.engine).open(person.id, "bob", Browser(address="", agent=""), now)
    carried = {"Cookie": f"nocturne_session={secret.text}"}
    before = [ask(server, carried).status_code for _ in range(2)]

    Logins(store.engine).close(secret.text, "bob", now)

    assert (before, ask(server, carried).status_code) == ([200, 200], 401)


def test_each_poll_is_counted_once_and_none_stays_open(store: Filled) -> None:
    server: Flask = create_app(store.settings(anonymous="viewer"), store.engine).server
    meter: Meter = server.extensions["nocturne.meter"]

    for _ in range(5):
        ask(server, {})
    ask(server, {"Host": "evil.example"})

    assert (meter.figures().total, meter.figures().active) == (6, 0)


def test_who_polls_too_often_is_left_to_flask_which_says_so(store: Filled) -> None:
    identities = Identities(store.engine, Role.VIEWER, lambda: datetime.now(UTC))
    # A clock that stands still: however slow this machine is, the second one is too many.
    limits = RateLimits(lambda: 0.0, per_second=0.4, at_once=1)
    access = Access(store.settings(), {}, identities, limits)
    asked = Request(EnvironBuilder(PATH).get_environ())

    found = [access.admitted(asked, ROUTE) for _ in range(2)]

    assert [each and each.role for each in found] == [Role.VIEWER, None]


@pytest.mark.parametrize(
    ("method", "path"),
    [("HEAD", PATH), ("POST", PATH), ("GET", f"{PATH}?x=1"), ("GET", f"{PATH}/"), ("GET", "/")],
)
def test_what_is_no_plain_poll_is_flasks(method: str, path: str) -> None:
    assert not is_plain(EnvironBuilder(path, method=method).get_environ())
