"""Passive results over HTTP: kept before they are answered; what is refused, and that it changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from dashboard.application import create_app
from domain.access import KeyKind, Scope
from domain.facts import CheckState, Status
from domain.passive import Told
from storage import inbox, keys
from storage.journal import Entry, Published
from tests.dashboard.api.serving import (
    HOSTILE,
    MALFORMED,
    STRANGE,
    assert_refused,
    everything,
    operator,
    send,
    viewer,
)
from tests.dashboard.filled import Filled, about, fill

__all__ = ["operator", "viewer"]

PATH = "/api/v1/checks/tapes/results"
GOOD: dict[str, Any] = {"status": "warning", "message": "2 of 40 slots are free"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Filled]:
    """A store with a passive check and another; the inbox is tried on both databases elsewhere."""
    filled = fill(tmp_path, datetime.now(UTC))
    kinds = {"tapes": "passive", "shop-db": "http"}
    checks = [Published(name=name, kind=kind, about=about()) for name, kind in kinds.items()]
    filled.journal.publish(filled.lease, checks)
    yield filled
    filled.engine.dispose()


def kept(served: Filled) -> list[Told]:
    found = inbox.waiting(served.engine, "result")
    assert {each.subject for each in found} <= {"tapes"}
    return [msgspec.json.decode(each.body, type=Told) for each in found]


def test_a_result_is_kept_before_it_is_answered(operator: FlaskClient, served: Filled) -> None:
    answer = operator.post(PATH, json={**GOOD, "metrics": {"slots.free": 2}})

    assert (answer.status_code, answer.get_json()["state"]) == (202, "taken")
    [told] = kept(served)
    assert (told.status, told.message) == (Status.WARNING, "2 of 40 slots are free")
    assert told.metrics == {"slots.free": 2.0}
    assert datetime.fromisoformat(answer.get_json()["at"]) == told.at


def test_a_key_of_the_scope_is_enough(served: Filled) -> None:
    def key(scope: Scope) -> dict[str, str]:
        _, secret = keys.make(
            served.engine,
            KeyKind.API,
            name="robot",
            actor="ann",
            now=datetime.now(UTC),
            scopes=[scope],
        )
        return {"Authorization": f"Bearer {secret.text}"}

    app = create_app(served.settings(anonymous="none"), served.engine)
    client = app.server.test_client()

    tried = {
        scope: client.post(PATH, json=GOOD, headers=key(scope)).status_code
        for scope in (Scope.RESULTS, Scope.OPERATE, Scope.READ, Scope.METRICS)
    }

    assert tried == {Scope.RESULTS: 202, Scope.OPERATE: 202, Scope.READ: 403, Scope.METRICS: 403}


@pytest.mark.case("refused", kind="passive")
def test_who_may_only_look_reports_nothing(viewer: FlaskClient, served: Filled) -> None:
    assert viewer.post(PATH, json=GOOD).status_code in (401, 403)
    assert kept(served) == []


def test_the_time_of_a_measurement_is_kept(operator: FlaskClient, served: Filled) -> None:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)

    answer = operator.post(PATH, json={**GOOD, "at": at.isoformat()})

    assert answer.status_code == 202
    assert [told.at for told in kept(served)] == [at]


def test_a_result_older_than_the_last_is_refused(operator: FlaskClient, served: Filled) -> None:
    last = datetime.now(UTC) - timedelta(minutes=1)
    memory = {"since": last.isoformat(), "last": {"at": last.isoformat(), "status": 0}}
    state = CheckState(check="tapes", memory=memory)
    served.journal.commit(served.lease, [Entry(state=state, due=None)])

    before = (last - timedelta(seconds=1)).isoformat()
    answer = operator.post(PATH, json={**GOOD, "at": before})

    assert answer.status_code == 409
    assert "a newer result" in answer.get_json()["detail"]
    assert operator.post(PATH, json=GOOD).status_code == 202


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "status"),
    ({"status": "ok"}, "status"),
    ({"status": 2}, "status"),
    ({**GOOD, "state": "x"}, "state"),
    ({**GOOD, "message": "x" * 1001}, "message"),
    ({**GOOD, "message": 7}, "message"),
    ({**GOOD, "metrics": {"Free": 1}}, "metrics"),
    ({**GOOD, "metrics": {"free": True}}, "metrics"),
    ({**GOOD, "metrics": {"free": "1,5"}}, "metrics"),
    ({**GOOD, "metrics": {"free": 1e308}}, "metrics"),
    ({**GOOD, "metrics": {f"n{number}": 1 for number in range(51)}}, "metrics"),
    ({**GOOD, "at": 0}, "at"),
    ({**GOOD, "at": "2026-03-01T12:00:00"}, "at"),
    ({**GOOD, "at": "1970-01-01T00:00:00Z"}, "at"),
    ({**GOOD, "at": "9999-12-31T23:59:59Z"}, "at"),
    ({**GOOD, "at": "0001-01-01T00:00:00+14:00"}, "at"),
]


@pytest.mark.case("wrong", kind="passive")
def test_what_is_wrong_is_named_and_changes_nothing(operator: FlaskClient, served: Filled) -> None:
    before = everything(served.engine)

    for body, field in WRONG:
        answered = send(operator, "POST", PATH, msgspec.json.encode(body))
        assert_refused(answered, 400)
        said = answered.detail
        assert field in said.split(":")[0] or f"`{field}`" in said, (body, said)

    assert everything(served.engine) == before


@pytest.mark.case("hostile", kind="passive")
def test_no_hostile_value_is_an_error_of_ours(operator: FlaskClient) -> None:
    fields = ("status", "message", "metrics", "at", "metrics.free")
    for field, value in product(fields, HOSTILE):
        inner = f'{{"free": {value}}}' if field == "metrics.free" else value
        parts = {"status": '"healthy"', field.split(".")[0]: inner}
        body = "{" + ", ".join(f'"{key}": {each}' for key, each in parts.items()) + "}"
        answered = send(operator, "POST", PATH, body)
        assert answered.response.status_code in (202, 400), (field, value[:50])


def test_what_is_no_object_is_refused(operator: FlaskClient, served: Filled) -> None:
    for body in MALFORMED:
        assert_refused(send(operator, "POST", PATH, body), 400)
    assert kept(served) == []


def test_a_name_that_no_check_has_is_not_found(operator: FlaskClient) -> None:
    for name in STRANGE:
        address = f"/api/v1/checks/{name}/results"
        answered = send(operator, "POST", address, b'{"status":"healthy"}')
        assert answered.response.status_code in (308, 404), name


def test_a_check_that_measures_by_itself_takes_no_results(
    operator: FlaskClient, served: Filled
) -> None:
    answer = operator.post("/api/v1/checks/shop-db/results", json=GOOD)

    assert (answer.status_code, kept(served)) == (409, [])
