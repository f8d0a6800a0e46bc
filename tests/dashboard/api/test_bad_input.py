"""What is no input: every field of every body that changes or tries something, over a real store.

Each answer is 4xx, names the field, comes within a second, and leaves all tables as they were.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.facts import Status
from storage import definitions
from storage.changes import MAINTENANCE, RULE
from storage.journal import Published
from tests.dashboard.api.bad_bodies import ALL, LATENCY, NIGHTLY, ROUTES, SWAP, Route
from tests.dashboard.api.serving import (
    MALFORMED,
    SLOWEST_S,
    STRANGE,
    Answered,
    engine,
    everything,
    now,
    operator,
    send,
    served,
    url,
)
from tests.dashboard.filled import Filled, about
from tests.monitor.stand_ins import START

__all__ = ["engine", "now", "operator", "served", "url"]


@pytest.fixture
def stocked(served: Filled, now: datetime) -> Filled:
    """A rule and a window of the file, a check with levels, and an open incident."""
    definitions.publish(served.engine, RULE, [SWAP], "config.toml", START, key="id")
    definitions.publish(served.engine, MAINTENANCE, [NIGHTLY], "config.toml", START)
    others = [
        Published(name="shop-db", kind="http", about=about()),
        Published(name="shop-api", kind="http", about=about(tags=["shop"])),
    ]
    cpu = Published(name="cpu", kind="http", about=about(rules=[LATENCY]))
    served.journal.publish(served.lease, [*others, cpu])
    served.results("shop-db", [Status.CRITICAL] * 3, now)
    return served


def assert_refused(answered: Answered, name: str, asked: str) -> None:
    shown = asked[:300]
    assert 400 <= answered.response.status_code < 500, (answered.response.status_code, shown)
    assert answered.response.content_type == "application/problem+json", shown
    assert name in answered.detail, (name, answered.detail, shown)
    assert len(answered.detail) < 1_000
    assert answered.took_s < SLOWEST_S, shown


@pytest.mark.parametrize("of", ROUTES)
def test_a_wrong_value_of_any_field_is_refused_by_its_name_and_changes_nothing(
    operator: FlaskClient, stocked: Filled, now: datetime, of: str
) -> None:
    incident = stocked.incident("shop-db", now - timedelta(minutes=4)).id
    before = everything(stocked.engine)

    for route in ROUTES[of]:
        path = route.path.replace("{id}", incident)
        for name, body in route.bodies():
            assert_refused(send(operator, route.method, path, body), name, f"{path} {body}")

    assert everything(stocked.engine) == before


def test_a_field_that_is_given_twice_is_refused_by_its_name_and_changes_nothing(
    operator: FlaskClient, stocked: Filled, now: datetime
) -> None:
    incident = stocked.incident("shop-db", now - timedelta(minutes=4)).id
    before = everything(stocked.engine)

    for route in ALL:
        path = route.path.replace("{id}", incident)
        for place in route.wrong:
            name = place.rpartition(".")[2]
            body = route.body(place, f'1, "{name}": 1')
            answered = send(operator, route.method, path, body)
            assert_refused(answered, f"{name}: it is given twice", f"{path} {body}")

    assert everything(stocked.engine) == before


def test_what_is_no_json_object_is_refused_and_changes_nothing(
    operator: FlaskClient, stocked: Filled, now: datetime
) -> None:
    incident = stocked.incident("shop-db", now - timedelta(minutes=4)).id
    before = everything(stocked.engine)
    deep = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
    latin = '{"reason": "caf\u00e9", "by": "caf\u00e9"}'
    bodies = [
        *MALFORMED,
        deep,
        deep[:300_000],
        latin.encode("latin-1"),
        latin.encode("utf-16"),
        latin.encode("utf-8-sig"),
        b'{"by": "a\x00b"}',
        b'{"by": 1,5}',
        b"[" * 200_000,
        b'{"a": "' + b"x" * 300_000 + b'"}',
    ]

    for route in ALL:
        path = route.path.replace("{id}", incident)
        for body in bodies:
            answered = send(operator, route.method, path, body)
            assert_refused(answered, "the body", f"{path} {body[:100]!r}")
            assert answered.response.status_code == 400

    assert everything(stocked.engine) == before


def test_an_address_of_nothing_is_not_found_and_changes_nothing(
    operator: FlaskClient, stocked: Filled
) -> None:
    before = everything(stocked.engine)
    addresses = [
        ("PATCH", "/api/v1/rules/{}", b'{"version": 1, "fields": {"warning": 1}}'),
        ("PATCH", "/api/v1/maintenance/{}", b'{"version": 1, "fields": {"reason": "x"}}'),
        ("PATCH", "/api/v1/checks/{}/levels", b'{"version": 1, "fields": {"warning": 1}}'),
        ("POST", "/api/v1/rules/{}/revert", b'{"version": 1}'),
        ("POST", "/api/v1/maintenance/{}/remove", b'{"version": 1}'),
        ("POST", "/api/v1/channels/{}/test", b"{}"),
        ("POST", "/api/v1/silences/{}/end", b"{}"),
        ("POST", "/incidents/{}/acknowledge", b"{}"),
        ("POST", "/incidents/{}/comment", b'{"text": "x"}'),
    ]

    for method, path, body in addresses:
        for name in (*STRANGE, "a//b", "INC-20260101-0001", "\u0661", "x\u0301"):
            answered = send(operator, method, path.format(name), body)
            # Two slashes are led to one: another request, which is not made here.
            assert answered.response.status_code in (404, 405, 308), (path, name)
            assert answered.took_s < SLOWEST_S

    assert everything(stocked.engine) == before


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=6,
)
PLACES = [(route, place) for routes in ROUTES.values() for route in routes for place in route.wrong]


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(at=st.sampled_from(PLACES), value=JSON)
def test_no_value_of_any_field_is_ever_an_error_of_ours(
    operator: FlaskClient, stocked: Filled, at: tuple[Route, str], value: Any
) -> None:
    route, place = at
    body = route.body(place, msgspec.json.encode(value).decode())
    path = route.path.replace("{id}", "INC-20260101-0001")

    answered = send(operator, route.method, path, body)

    assert answered.response.status_code < 500, body
    assert answered.took_s < SLOWEST_S
