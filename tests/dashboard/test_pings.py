"""The addresses that jobs ping: what is kept, what is refused, and that no token is ever shown."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, text
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from dashboard import pings
from dashboard.application import create_app
from domain.access import KeyKind, Scope
from domain.heartbeat import LONGEST_BODY, Beat, Signal
from storage import inbox, keys
from storage.schema import inbox as inbox_table
from tests.dashboard.api.serving import STRANGE, everything
from tests.dashboard.filled import Filled, fill


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Filled]:
    """An empty store: the inbox itself is tried on both databases, in tests/storage."""
    filled = fill(tmp_path, datetime.now(UTC))
    yield filled
    filled.engine.dispose()


@pytest.fixture
def client(served: Filled) -> Iterator[FlaskClient]:
    """A browser without a login, where nobody may even look without one."""
    app = create_app(served.settings(anonymous="none"), served.engine)
    with app.server.test_client() as client:
        yield client


@pytest.fixture
def token(served: Filled) -> str:
    return made(served)


def made(served: Filled, kind: KeyKind = KeyKind.HEARTBEAT, **more: object) -> str:
    _, secret = keys.make(
        served.engine,
        kind,
        name="backup",
        subject="shop-db",
        actor="ann",
        now=datetime.now(UTC),
        **more,  # type: ignore[arg-type] # as `make` takes them
    )
    return secret.text


def beats(served: Filled) -> list[Beat]:
    found = inbox.waiting(served.engine, "beat")
    assert {each.subject for each in found} <= {"shop-db"}
    return [msgspec.json.decode(each.body, type=Beat) for each in found]


def said(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("path", "signal", "status"),
    [
        ("", Signal.SUCCESS, 0),
        ("/0", Signal.SUCCESS, 0),
        ("/3", Signal.FAIL, 3),
        ("/255", Signal.FAIL, 255),
        ("/start", Signal.START, None),
        ("/fail", Signal.FAIL, None),
        ("/log", Signal.LOG, None),
    ],
)
def test_a_ping_is_kept_before_it_is_answered(
    client: FlaskClient,
    served: Filled,
    token: str,
    path: str,
    signal: Signal,
    status: int | None,
) -> None:
    answers = [
        said(client.open(f"/ping/{token}{path}", method=method))
        for method in ("GET", "POST", "HEAD")
    ]

    assert answers == [(200, "OK"), (200, "OK"), (200, "")]
    for beat in beats(served):
        assert (beat.signal, beat.exit_status, beat.rid) == (signal, status, "")
        assert abs(datetime.now(UTC) - beat.at) < timedelta(minutes=1)
    assert len(beats(served)) == 3


def test_what_a_job_printed_is_kept_up_to_its_limit(
    client: FlaskClient, served: Filled, token: str
) -> None:
    client.post(f"/ping/{token}", data=b"412 files\x00\xff")
    client.post(f"/ping/{token}/fail", data=b"x" * 100_000, content_type="text/plain")
    client.post(f"/ping/{token}/log", data={"form": "as curl -d sends it"})

    first, second, third = beats(served)
    assert first.body == "412 files\ufffd\ufffd"
    assert second.body == "x" * LONGEST_BODY
    assert third.body.startswith("form=as")


@pytest.mark.case("hostile", kind="heartbeat")
def test_a_body_beyond_all_measure_is_refused(client: FlaskClient, token: str) -> None:
    assert client.post(f"/ping/{token}", data=b"x" * (1 << 21)).status_code == 413


def test_runs_are_told_apart_by_their_id(client: FlaskClient, served: Filled, token: str) -> None:
    rid = uuid.uuid4()

    client.get(f"/ping/{token}/start?rid={rid}")
    client.get(f"/ping/{token}?rid={str(rid).upper()}")

    assert [beat.rid for beat in beats(served)] == [str(rid)] * 2


@pytest.mark.case("refused", kind="heartbeat")
def test_what_is_no_signal_is_refused_and_changes_nothing(
    client: FlaskClient, served: Filled, token: str
) -> None:
    paths = [
        "/256",
        "/-1",
        "/1.5",
        "/stop",
        "/Start",
        "/%D9%A3",
        "?rid=1",
        "?rid=../x",
        "/log?rid=%00",
    ]
    client.get(f"/ping/{token}")
    before = everything(served.engine)

    answers = [client.get(f"/ping/{token}{path}") for path in paths]

    assert [answer.status_code for answer in answers] == [400] * len(paths)
    assert everything(served.engine) == before


def test_every_token_that_opens_nothing_is_answered_alike(
    client: FlaskClient, served: Filled
) -> None:
    revoked = made(served)
    replaced = made(served)
    made(served, replaces=True)
    found = keys.listed(served.engine, KeyKind.HEARTBEAT)
    keys.revoke(served.engine, found[0].id, actor="ann", now=datetime.now(UTC))
    expired = made(served, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    api = made(served, KeyKind.API, scopes=[Scope.ADMIN])
    wrong = f"{replaced[:-1]}{'a' if replaced[-1] != 'a' else 'b'}"
    before = everything(served.engine)

    tried = [revoked, replaced, expired, api, wrong, "x", "noc_", "a" * 5000]
    answers = {said(client.get(f"/ping/{token}")) for token in tried}

    assert answers == {(404, "not found")}
    assert everything(served.engine) == before


def test_no_strange_address_is_an_error_of_ours(client: FlaskClient) -> None:
    for strange in STRANGE:
        for path in (f"/ping/{strange}", f"/ping/{strange}/start", f"/ping//{strange}"):
            assert client.post(path).status_code in (308, 404, 405, 429)


@pytest.fixture
def still(served: Filled) -> FlaskClient:
    """The addresses alone, by a clock that stands still: however slow a machine is, nothing is regained."""
    server = Flask("pings")
    server.register_blueprint(
        pings.blueprint(served.engine, lambda: datetime.now(UTC), lambda: 0.0)
    )
    return server.test_client()


def test_a_token_that_pings_too_often_is_told_to_wait(still: FlaskClient, token: str) -> None:
    answers = [still.get(f"/ping/{token}") for _ in range(int(pings.AT_ONCE) + 5)]

    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_who_tries_tokens_is_told_to_wait(still: FlaskClient, token: str) -> None:
    tried = [still.get("/ping/x").status_code for _ in range(int(pings.UNKNOWN_AT_ONCE) + 5)]

    assert (tried[0], tried[-1]) == (404, 429)
    assert still.get(f"/ping/{token}").status_code == 200


def test_a_full_inbox_tells_when_to_try_again(
    client: FlaskClient, served: Filled, token: str
) -> None:
    row = {"at": datetime.now(UTC), "kind": "samples", "subject": "", "body": b""}
    with served.engine.begin() as connection:
        connection.execute(insert(inbox_table), [row] * inbox.FULL)
    beside_metrics = client.get(f"/ping/{token}")
    with served.engine.begin() as connection:
        connection.execute(insert(inbox_table), [row] * inbox.FULL)

    answer = client.get(f"/ping/{token}")

    assert beside_metrics.status_code == 200
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert len(beats(served)) == 1


def test_a_store_that_is_away_tells_when_to_try_again(
    client: FlaskClient, served: Filled, token: str
) -> None:
    with served.engine.begin() as connection:
        connection.execute(text("ALTER TABLE inbox RENAME TO elsewhere"))

    answer = client.get(f"/ping/{token}")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_page_of_another_site_may_not_change_anything_else(client: FlaskClient) -> None:
    headers = {"Origin": "http://elsewhere.example"}

    assert client.post("/api/v1/session", json={}, headers=headers).status_code == 403


def test_no_log_and_no_answer_shows_a_token(
    client: FlaskClient, served: Filled, token: str
) -> None:
    paths = ["", "/start", "/fail", "/300", "/a/b", "/", "?rid=x", "/start?rid=y"]
    with capture_logs() as logged:
        answers = [
            client.open(f"{base}/{token}{path}", method=method)
            for base in ("/ping", "//ping", "/Ping", "/ping//")
            for path in paths
            for method in ("GET", "POST", "PUT")
        ]
        with served.engine.begin() as connection:
            connection.execute(text("ALTER TABLE inbox RENAME TO elsewhere"))
        answers.append(client.get(f"/ping/{token}"))

    # A redirect tells the address that was asked for, to whoever asked.
    told = [each for each in answers if each.status_code != 308]
    assert [each.status_code for each in told if token in each.get_data(as_text=True)] == []
    assert logged
    assert [line for line in logged if token in str(line)] == []
