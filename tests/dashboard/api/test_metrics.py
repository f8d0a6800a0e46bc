"""Pushed metrics over HTTP: what is answered, what waits for the monitor, and who may push."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, text
from werkzeug.test import TestResponse

from dashboard.api import metrics
from dashboard.application import create_app
from domain.access import KeyKind, Scope
from domain.facts import Sample, SeriesKind
from domain.pushing import unpacked
from storage import inbox, keys
from storage.inbox import InboxFull
from storage.journal import TakenIn
from storage.schema import inbox as inbox_table
from tests.dashboard.filled import Filled, fill
from tests.waiting import PATIENCE_S

ENTRY: dict[str, Any] = {"name": "files.done", "kind": "counter", "labels": {"a": "b"}, "value": 3}
URL = "/api/v1/metrics"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    filled = fill(tmp_path, datetime.now(UTC).replace(microsecond=0))
    yield filled
    filled.engine.dispose()


@pytest.fixture
def client(store: Filled) -> FlaskClient:
    return client_of(store)


def client_of(store: Filled, anonymous: str = "operator") -> FlaskClient:
    server = create_app(store.settings(anonymous=anonymous), store.engine).server
    made: FlaskClient = server.test_client()
    return made


def key(store: Filled, *scopes: Scope) -> dict[str, str]:
    _, secret = keys.make(
        store.engine,
        KeyKind.API,
        name="pusher",
        actor="test",
        now=datetime.now(UTC),
        scopes=scopes,
    )
    return {"Authorization": f"Bearer {secret.text}"}


def push(client: FlaskClient, *entries: Any, **more: Any) -> TestResponse:
    return client.post(URL, json={"metrics": list(entries)}, **more)


def waiting(store: Filled) -> list[Sample]:
    return [
        sample
        for arrival in inbox.waiting(store.engine, metrics.KIND)
        for sample in unpacked(arrival.body)
    ]


@pytest.mark.case("healthy", kind="push")
def test_what_is_accepted_waits_for_the_monitor(client: FlaskClient, store: Filled) -> None:
    answer = push(client, ENTRY, {**ENTRY, "value": True})

    assert answer.status_code == 202
    assert answer.get_json() == {
        "accepted": 1,
        "refused": [{"index": 1, "reason": "value: must be a finite number"}],
        "refused_count": 1,
    }
    [sample] = waiting(store)
    assert (sample.name, sample.value, sample.kind) == ("files.done", 3.0, SeriesKind.COUNTER)


@pytest.mark.case("healthy", kind="push")
def test_a_page_of_prometheus_text_is_pushed_with_a_key(store: Filled) -> None:
    client = client_of(store, "none")
    plain = {"Content-Type": "text/plain; version=0.0.4"}
    page = b"# TYPE done counter\ndone 4\n"

    without = client.post(URL, data=page, headers=plain)
    answer = client.post(URL, data=page, headers={**plain, **key(store, Scope.METRICS)})

    assert without.status_code == 401
    assert (answer.status_code, answer.get_json()["accepted"]) == (202, 1)
    assert [sample.kind for sample in waiting(store)] == [SeriesKind.COUNTER]


@pytest.mark.parametrize(
    ("scope", "status"),
    [(Scope.METRICS, 202), (Scope.OPERATE, 202), (Scope.READ, 403), (Scope.RESULTS, 403)],
)
def test_a_key_pushes_by_its_scope(store: Filled, scope: Scope, status: int) -> None:
    answer = push(client_of(store, "none"), ENTRY, headers=key(store, scope))

    assert answer.status_code == status
    assert len(waiting(store)) == (status == 202)


BAD: list[tuple[bytes, str]] = [
    (b"", "metrics"),
    (b"{", "JSON"),
    (b"[" * 10_000, "JSON"),
    (b'{"metrics":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "JSON"),
    (b"[]", "JSON object"),
    (b'{"metrics": []}', "metrics"),
    (b'{"metrics": {}}', "metrics"),
    (b'{"metrics": [], "metrics": []}', "metrics"),
    (b'{"metrics": [], "more": 1}', "more"),
    (b'{"metrics": [{"name": "a", "kind": "gauge", "value": NaN}]}', "value"),
    (b'{"metrics": [{"name": "a", "kind": "gauge", "value": 1e999}]}', "value"),
    (b'{"metrics": [{"name": "a", "kind": "gauge", "value": 9999999999999999999}]}', "value"),
    (b'{"metrics": [{"name": "a", "kind": "gauge", "value": 1, "value": 2}]}', "value"),
    (b'{"metrics": [{"name": "a", "name": "b", "kind": "gauge", "value": 1}]}', "name"),
    (b'{"metrics": [{"name": "a", "kind": "gauge", "kind": "gauge", "value": 1}]}', "kind"),
    (
        b'{"metrics": [{"name": "a", "kind": "gauge", "labels": {"x": "1", "x": "2"}, "value": 1}]}',
        "labels.x",
    ),
    ('{"metrics": [{"name": "ä"}]}'.encode("utf-16"), "UTF-8"),
    (b'{"metrics": [{"name": "\\ud800", "kind": "gauge", "value": 1}]}', "name"),
]


@pytest.mark.case("wrong", kind="push")
@pytest.mark.parametrize(("body", "words"), BAD, ids=range(len(BAD)))
def test_bad_input_is_refused_by_name_and_changes_nothing(
    client: FlaskClient, store: Filled, body: bytes, words: str
) -> None:
    begun = time.monotonic()
    answer = client.post(URL, data=body, content_type="application/json")

    assert answer.status_code == 400
    assert words in json.dumps(answer.get_json())
    assert time.monotonic() - begun < PATIENCE_S
    assert waiting(store) == []


@pytest.mark.case("refused", kind="push")
@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "application/json"}, b" " * (1 << 20) + b"{}", 413),
        ({"Content-Type": "application/openmetrics-text"}, b"a 1\n", 415),
        ({"Content-Type": "text/csv"}, b"a,1\n", 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"\x1f\x8b", 415),
        ({"Content-Type": "text/plain"}, b"nothing is here", 400),
        ({"Content-Type": "text/plain"}, b"", 400),
        ({"Content-Type": "text/plain"}, b"\xff\xfe", 400),
    ],
)
def test_what_is_not_read_is_told_so(
    store: Filled, headers: dict[str, str], body: bytes, status: int
) -> None:
    sent = {**headers, **key(store, Scope.METRICS)}
    answer = client_of(store).post(URL, data=body, headers=sent)

    assert (answer.status_code, waiting(store)) == (status, [])


def test_only_the_first_hundred_refusals_are_told(client: FlaskClient) -> None:
    answer = push(client, ENTRY, *[{"name": "x"}] * 150)

    assert len(answer.get_json()["refused"]) == 100
    assert answer.get_json()["refused_count"] == 150


@pytest.mark.case("hostile", kind="push")
def test_ten_thousand_samples_are_taken_and_one_more_is_not(
    client: FlaskClient, store: Filled
) -> None:
    many = [
        {"name": "a", "kind": "gauge", "labels": {"n": str(n)}, "value": n} for n in range(9_999)
    ]

    answer = push(client, *many, ENTRY)
    more = push(client, *many, ENTRY, ENTRY)

    assert (answer.status_code, answer.get_json()["accepted"]) == (202, 10_000)
    assert more.status_code == 400 and "10,000" in more.get_json()["detail"]
    assert len(waiting(store)) == 10_000


def test_a_full_inbox_tells_when_to_try_again(client: FlaskClient, store: Filled) -> None:
    row = {"at": datetime.now(UTC), "kind": "beat", "subject": "", "body": b""}
    with store.engine.begin() as connection:
        connection.execute(insert(inbox_table), [row] * metrics.FULL)

    answer = push(client, ENTRY)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert str(InboxFull(metrics.FULL)) == answer.get_json()["detail"]
    assert waiting(store) == []


@pytest.mark.case("timeout", kind="push")
def test_a_store_that_is_away_tells_when_to_try_again(client: FlaskClient, store: Filled) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("ALTER TABLE inbox RENAME TO elsewhere"))

    answer = push(client, ENTRY)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_metric_that_is_stored_stays_what_it_is(client: FlaskClient, store: Filled) -> None:
    push(client, {**ENTRY, "kind": "gauge"})
    taken_in(store)

    answer = push(client, ENTRY)

    assert answer.status_code == 400
    assert "files.done is a gauge" in answer.get_json()["refused"][0]["reason"]


def taken_in(store: Filled) -> None:
    """What the monitor does with what waits."""
    arrivals = inbox.waiting(store.engine, metrics.KIND)
    ids = tuple(arrival.id for arrival in arrivals)
    samples = tuple(sample for each in arrivals for sample in unpacked(each.body))
    store.journal.commit(store.lease, [TakenIn(ids=ids, samples=samples)])


def test_the_board_lists_pushed_metrics_and_how_each_went(
    client: FlaskClient, store: Filled
) -> None:
    now = time.time()
    rising = [(hours, 100 - hours) for hours in (40, 30, 20, 10, 1, 0.1)]
    entries = [{**ENTRY, "value": value, "at": now - hours * 3600} for hours, value in rising]
    push(client, *entries, {"name": "users.active", "kind": "gauge", "value": 7})
    taken_in(store)

    listed = client.get(URL).get_json()
    done = client.get(f"{URL}/files.done").get_json()
    users = client.get(f"{URL}/users.active?hours=168").get_json()

    assert [(each["name"], each["group"], each["shape"]) for each in listed["metrics"]] == [
        ("files.done", "Files", "increase"),
        ("users.active", "Users and features", "level"),
    ]
    assert (done["value"], done["before"], done["series"]) == (pytest.approx(29.9), 10, 1)
    assert len(done["at"]) == len(done["values"]) == 96
    assert (users["value"], users["before"]) == (7, None)


def test_a_card_that_is_not_there_or_makes_no_sense_is_refused(client: FlaskClient) -> None:
    assert client.get(f"{URL}/nothing").status_code == 404
    assert client.get(f"{URL}/nothing?hours=5").status_code == 400


def test_an_old_sample_is_refused_and_a_late_one_taken(client: FlaskClient) -> None:
    now = datetime.now(UTC)
    late = {**ENTRY, "at": (now - timedelta(days=2)).isoformat()}
    old = {**ENTRY, "at": (now - timedelta(days=40)).isoformat()}

    answer = push(client, late, old)

    assert answer.get_json()["refused"] == [{"index": 1, "reason": "at: lies before what is kept"}]
