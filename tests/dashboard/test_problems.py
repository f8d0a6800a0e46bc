"""Every refusal of every address is a problem document with the name of its request, by any method."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dash import Dash
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboard import requestids
from dashboard.access import BY_ADDRESS, MAX_BODY, Access
from dashboard.application import create_app
from dashboard.identity import Identities
from dashboard.ratelimits import RateLimits
from dashboard.requestids import HEADER
from domain.access import Role
from tests.dashboard.filled import Filled, about, fill

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PATCH", "DELETE")
NAME = "seen-1"
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder: Path = tmp_path_factory.mktemp("problems")
    filled = fill(folder, datetime.now(UTC))
    filled.publish({"shop-db": about()})
    yield filled
    filled.engine.dispose()


@pytest.fixture(scope="module")
def server(store: Filled) -> Flask:
    app: Dash = create_app(store.settings(anonymous="operator"), store.engine)
    server: Flask = app.server
    return server


@pytest.fixture
def client(server: Flask) -> FlaskClient:
    return server.test_client()


def wrong_with(answer: TestResponse) -> str:
    """What an answer lacks; nothing when it is as it should be."""
    if answer.headers.get(HEADER) != NAME:
        return f"the name of its request is {answer.headers.get(HEADER)!r}"
    if answer.status_code < 400 or tells_health(answer):
        return ""
    if answer.content_type != PROBLEM:
        return f"{answer.status_code} as {answer.content_type}"
    if answer.request.method == "HEAD":
        return "a HEAD has a body" if answer.data else ""
    told = answer.get_json()
    if told["status"] != answer.status_code or told["request_id"] != NAME or not told["detail"]:
        return f"{answer.status_code} tells {told}"
    return ""


def tells_health(answer: TestResponse) -> bool:
    """Whether this is the 503 by which probes learn that the monitor is silent, as it is here."""
    path, status = answer.request.path, answer.status_code
    return status == 503 and path.startswith(("/health", "/api/health", "/live/"))


def test_every_address_by_every_method_answers_with_the_name_and_refuses_with_a_problem(
    server: Flask, client: FlaskClient
) -> None:
    wrong, refused = [], 0
    for number, rule in enumerate(server.url_map.iter_rules()):
        if rule.rule in BY_ADDRESS or rule.rule == "/<path:path>":
            # Jobs read words, and the frame of the pages stands for any page.
            continue
        path = re.sub(r"<int:[^>]+>", "1", rule.rule)
        path = re.sub(r"<[^>]+>", "nobody", path)
        for method in METHODS:
            # From another address each time: none of them asks too often.
            sender = {"REMOTE_ADDR": f"127.2.{number}.1"}
            # A body that nothing takes, so that nothing is done.
            body = {"data": b"{", "content_type": "application/json"}
            given = {} if method in ("GET", "HEAD", "OPTIONS", "TRACE") else body
            answer = client.open(
                path, method=method, headers={HEADER: NAME}, environ_overrides=sender, **given
            )
            refused += answer.status_code >= 400
            found = wrong_with(answer)
            if found or (answer.status_code >= 500 and not tells_health(answer)):
                wrong.append((method, rule.rule, answer.status_code, found))

    assert wrong == []
    assert refused > 300


@pytest.mark.parametrize("method", [*METHODS, "PUT", "TRACE"])
def test_an_address_for_programs_where_nothing_is_refuses_every_method_alike(
    client: FlaskClient, method: str
) -> None:
    answer = client.open("/api/v1/nothing", method=method, headers={HEADER: NAME})

    assert (answer.status_code, wrong_with(answer)) == (404, "")


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (400, {"Host": "evil.example"}, b"{}"),
        (401, {"Authorization": "Bearer noc_000000000000_x"}, b"{}"),
        (403, {"Origin": "https://evil.example"}, b"{}"),
        (413, {}, b"x" * (MAX_BODY + 1)),
        (415, {"Content-Type": "text/plain"}, b"{}"),
    ],
)
def test_what_the_guard_refuses_is_a_problem(
    client: FlaskClient, status: int, headers: dict[str, str], body: bytes
) -> None:
    given = {"Content-Type": "application/json", HEADER: NAME, **headers}
    answer = client.post("/api/v1/monitoring/stop", data=body, headers=given)

    assert (answer.status_code, wrong_with(answer)) == (status, "")


def test_who_asks_too_often_is_told_when_to_ask_again(store: Filled) -> None:
    identities = Identities(store.engine, Role.VIEWER, lambda: datetime.now(UTC))
    # A clock that stands still: however slow this machine is, the second one is too many.
    limits = RateLimits(lambda: 0.0, per_second=0.4, at_once=1)
    server = Flask("small")
    server.add_url_rule("/api/v1/session", view_func=lambda: "ok")
    requestids.attach(server)
    server.before_request(Access(store.settings(), {}, identities, limits).guard)
    client = server.test_client()

    answers = [client.get("/api/v1/session", headers={HEADER: NAME}) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 429]
    assert wrong_with(answers[1]) == ""
    assert answers[1].headers["Retry-After"] == "3"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_error_of_ours_is_a_problem_that_says_nothing_about_it(
    store: Filled, method: str
) -> None:
    server: Flask = create_app(store.settings(), store.engine).server

    def failing() -> None:
        raise RuntimeError("/secret/path")

    server.view_functions["health.alive"] = failing

    answer = server.test_client().open("/health/live", method=method, headers={HEADER: NAME})

    assert (answer.status_code, wrong_with(answer)) == (500, "")
    assert b"secret" not in answer.data


def test_a_snapshot_that_has_not_changed_is_not_sent_again(store: Filled) -> None:
    client = create_app(store.settings(), store.engine).server.test_client()
    store.beat(datetime.now(UTC))

    first = client.get("/live/snapshot")
    again = client.get("/live/snapshot", headers={"If-None-Match": first.headers["ETag"]})

    assert (first.status_code, again.status_code) == (200, 304)
    assert again.data == b""
    assert again.headers["ETag"] == first.headers["ETag"]
