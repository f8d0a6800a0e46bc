"""Bytes that are no request: to every route that changes something, and to Dash's own. Never an error of
ours, and nothing is changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from dashboard.access import BY_ADDRESS, DASH_CALLBACKS, ROUTES, SAFE
from dashboard.application import create_app
from dashboard.callbacks.check import ROLES
from domain.access import KeyKind, Scope
from storage import keys
from tests.dashboard.api.serving import MALFORMED, SENT, engine, everything, now, served, url
from tests.dashboard.filled import Filled

__all__ = ["engine", "now", "served", "url"]

CALLBACK = "/_dash-update-component"
CHANGING = [
    route
    for route in ROUTES
    if route[1] not in SAFE and route[0] not in BY_ADDRESS and route[0] != CALLBACK
]
KNOWN = {"name": "shop-db", "incident_id": "INC-20260101-0001"}
# The same sequence at every run: what is found once is found always.
EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
GIANT = "x" * 60_000


@pytest.fixture
def admin(served: Filled) -> FlaskClient:
    """A client that may do everything."""
    _, secret = keys.make(
        served.engine,
        KeyKind.API,
        name="ci",
        actor="setup",
        now=datetime.now(UTC),
        scopes=[Scope.ADMIN],
    )
    client: FlaskClient = create_app(served.settings(), served.engine).server.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret.text}"
    return client


def unchanged(engine: Engine) -> dict[str, Any]:
    """All rows but those of keys, which tell when a key was used last."""
    return {name: rows for name, rows in everything(engine).items() if name != "keys"}


def address(rule: str) -> str:
    """An address that a rule takes."""
    return re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", lambda found: KNOWN.get(found[1], "1"), rule)


def elsewhere() -> dict[str, str]:
    """Another sender for each request: none of them asks too often."""
    number = next(SENT)
    return {"REMOTE_ADDR": f"127.{4 + (number >> 16) % 100}.{number >> 8 & 255}.{number & 255}"}


TEXT = st.text(max_size=40)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
# As JSON, though some of it is none: NaN, Infinity, numbers of thousands of digits, half characters.
NO_VALUE = ("NaN", "-Infinity", "1e999", "9" * 5_000, '"\\ud800"', '"\\u0000"', "[" * 5_000)


def no_body() -> st.SearchStrategy[bytes]:
    """Bytes that no route takes for an order."""
    wrong = st.sampled_from(NO_VALUE)
    return st.one_of(
        st.sampled_from(MALFORMED),
        # Never an object, and so never what is asked for.
        st.binary(min_size=1, max_size=200).map(lambda raw: b"\x00" + raw),
        VALUE.filter(lambda value: not isinstance(value, dict)).map(msgspec.json.encode),
        wrong.map(lambda text: f'{{"no such field": {text}}}'.encode()),
        wrong.map(lambda text: f'{{"name": 1, "name": {text}}}'.encode()),
        st.sampled_from(("utf-16", "utf-32", "utf-8-sig")).map('{"by": "caf\u00e9"}'.encode),
        st.just('{"by": "caf\u00e9"}'.encode("latin-1")),
        st.just(b'{"by": "' + b"x" * 300_000 + b'"}'),
        st.just(b" " * (1 << 20) + b" 1"),
    )


TYPES = st.sampled_from(
    (
        "application/json",
        "application/json; charset=utf-16",
        "application/json; charset=nonsense",
        "text/html",
        "multipart/form-data; boundary=",
        "multipart/form-data",
        "",
        "\xff/\xfe",
        "application/" + GIANT,
    )
)
HEADERS: Mapping[str, tuple[str, ...]] = {
    "X-Request-Id": (GIANT, "\xff", "a b"),
    "Cookie": ("nocturne_session=" + GIANT, "nocturne_session=\xff", "=;=;;"),
    "Accept": (GIANT, "text/html;q=nan", "*/*;q=9999999999999"),
    "If-None-Match": (GIANT, '"', "W/\xff"),
    "Content-Encoding": ("gzip", GIANT),
    "Content-Length": ("-1", "1e3", "9" * 5_000),
    "Transfer-Encoding": ("chunked",),
    "Range": ("bytes=9-1", GIANT),
}
HEADER = st.sampled_from([(name, value) for name, values in HEADERS.items() for value in values])


def test_bytes_that_are_no_order_are_refused_by_every_route_and_change_nothing(
    admin: FlaskClient, served: Filled
) -> None:
    before = unchanged(served.engine)

    def send(route: tuple[str, str], body: bytes, content_type: str) -> None:
        answer = admin.open(
            address(route[0]),
            method=route[1],
            data=body,
            content_type=content_type,
            environ_overrides=elsewhere(),
        )
        assert 400 <= answer.status_code < 500, (route, body[:100], content_type, answer.text[:300])
        assert answer.content_type == "application/problem+json"

    for route in CHANGING:
        send(route, b"{", "application/json")

    @EXAMPLES
    @given(route=st.sampled_from(CHANGING), body=no_body(), content_type=TYPES)
    def any_bytes(route: tuple[str, str], body: bytes, content_type: str) -> None:
        send(route, body, content_type)

    any_bytes()
    assert unchanged(served.engine) == before


def callback_bodies() -> st.SearchStrategy[bytes]:
    """Bodies that look more or less as Dash's own do, and what is none."""
    outputs = st.sampled_from([*DASH_CALLBACKS, *ROLES, "forged.children"]) | VALUE
    part = st.fixed_dictionaries({"id": VALUE, "property": VALUE}, optional={"value": VALUE})
    parts = st.lists(part | st.lists(part, max_size=2) | VALUE, max_size=4) | VALUE
    made = st.fixed_dictionaries(
        {"output": outputs},
        optional={
            "outputs": parts | part,
            "inputs": parts,
            "state": parts,
            "changedPropIds": st.lists(TEXT, max_size=2) | VALUE,
            "parsedChangedPropsIds": VALUE,
        },
    )
    return no_body() | made.map(msgspec.json.encode)


def test_no_body_of_a_callback_is_ever_an_error_of_ours_or_changes_anything(
    admin: FlaskClient, served: Filled
) -> None:
    before = unchanged(served.engine)

    @EXAMPLES
    @given(body=callback_bodies(), content_type=TYPES | st.just("application/json"))
    def any_callback(body: bytes, content_type: str) -> None:
        answer = admin.post(
            CALLBACK, data=body, content_type=content_type, environ_overrides=elsewhere()
        )
        assert answer.status_code < 500, body[:1_000]

    any_callback()
    assert unchanged(served.engine) == before


def odd_addresses() -> Iterator[str]:
    """What Dash answers by itself, and what it would if it were asked."""
    yield from ("/_dash-layout", "/_dash-dependencies", "/_reload-hash", "/_favicon.ico", "/")
    yield from ("/_dash-component-suites/dash/..%2f..%2fapp.py", "/_dash-nothing", "/live/snapshot")


def test_no_header_and_no_query_is_ever_an_error_of_ours(
    admin: FlaskClient, served: Filled
) -> None:
    before = unchanged(served.engine)
    addresses = [*odd_addresses(), "/health", "/api/v1/checks", "/incidents", "/metrics"]
    query = st.binary(max_size=60) | st.sampled_from(
        (b"limit=\x00", b"limit=1&limit=2", b"%ff=%fe")
    )

    @EXAMPLES
    @given(
        path=st.sampled_from(addresses),
        method=st.sampled_from(("GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE")),
        header=HEADER,
        asked=query,
    )
    def any_request(path: str, method: str, header: tuple[str, str], asked: bytes) -> None:
        answer = admin.open(
            path,
            method=method,
            headers=[header],
            query_string=asked.decode("latin-1"),
            environ_overrides=elsewhere(),
        )
        assert answer.status_code < 500, (method, path, header[0], header[1][:50], asked)

    any_request()
    assert unchanged(served.engine) == before
