"""Names of requests, forms as bodies, and characters that no store takes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from dashboard.application import create_app
from dashboard.requestids import HEADER, named
from domain.access import KeyKind, Scope
from domain.facts import Status
from storage import keys
from tests.dashboard.filled import Filled, about, fill

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    filled = fill(tmp_path, datetime.now(UTC))
    filled.publish({"shop-db": about()})
    filled.results("shop-db", [Status.CRITICAL] * 3, datetime.now(UTC))
    yield filled
    filled.engine.dispose()


@pytest.fixture
def server(store: Filled) -> Flask:
    made: Flask = create_app(store.settings(), store.engine).server
    return made


@pytest.fixture
def key(store: Filled) -> dict[str, str]:
    _, secret = keys.make(
        store.engine,
        KeyKind.API,
        name="cron",
        actor="setup",
        now=datetime.now(UTC),
        scopes=[Scope.OPERATE],
    )
    return {"Authorization": f"Bearer {secret.text}"}


def test_an_answer_has_the_name_that_its_request_came_with(server: Flask) -> None:
    answer = server.test_client().get("/health", headers={HEADER: "edge-7f/3"})

    assert answer.headers[HEADER] == "edge-7f/3"


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 129, '"', "ä", "-x", "a\x7fb"])
def test_a_name_that_is_not_one_word_is_replaced(given: str | None) -> None:
    assert len(named(given)) == 32
    assert named(given) != named(given)


def test_an_error_tells_the_name_of_its_request(server: Flask) -> None:
    client = server.test_client()

    missing = client.get("/api/v1/rules/none", headers={HEADER: "seen-1"})
    refused = client.get("/health", headers={HEADER: "seen-2", "Host": "evil.example"})

    assert (missing.status_code, refused.status_code) == (404, 400)
    assert [each.get_json()["request_id"] for each in (missing, refused)] == ["seen-1", "seen-2"]


def test_a_form_acknowledges_and_resolves_for_who_has_a_key(
    store: Filled, server: Flask, key: dict[str, str]
) -> None:
    number, client = store.incident("shop-db", datetime.now(UTC)).id, server.test_client()

    def send(order: str, form: str) -> object:
        path = f"/incidents/{number}/{order}"
        answer = client.post(path, data=form, content_type=FORM, headers=key)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    taken = send("acknowledge", "acknowledged_by=Zo%C3%AB&sticky=true&minutes=30")
    over = send("resolve", "notes=all+well&force=true")

    assert isinstance(taken, dict) and isinstance(over, dict)
    assert (taken["acknowledged_by"], taken["sticky"]) == ("Zoë (key cron)", True)
    assert (over["stage"], over["resolution"]) == ("resolved", "all well")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ("minutes=soon", "minutes"),
        ("minutes=0", "minutes"),
        ("sticky=perhaps", "sticky"),
        ("by=me", "by"),
        ("minutes=1&minutes=2", "minutes"),
        ("acknowledged_by=%00", "acknowledged_by"),
        ("acknowledged_by=%ff", "form"),
        ("acknowledged_by", "form"),
    ],
)
def test_a_wrong_field_of_a_form_is_named(
    store: Filled, server: Flask, key: dict[str, str], form: str, field: str
) -> None:
    number = store.incident("shop-db", datetime.now(UTC)).id
    path = f"/incidents/{number}/acknowledge"

    answer = server.test_client().post(path, data=form, content_type=FORM, headers=key)

    assert answer.status_code == 400
    assert field in answer.get_json()["detail"]


def test_a_form_without_a_key_is_refused(store: Filled) -> None:
    number = store.incident("shop-db", datetime.now(UTC)).id
    client = create_app(store.settings(anonymous="operator"), store.engine).server.test_client()

    answer = client.post(f"/incidents/{number}/acknowledge", data="sticky=true", content_type=FORM)

    assert answer.status_code == 415


def test_the_history_of_incidents_is_read_page_by_page(store: Filled, server: Flask) -> None:
    now, client = datetime.now(UTC), server.test_client()
    made = [store.alert(f"rule-{number}", "full", now).id for number in range(5)]

    seen, cursor = [], ""
    while cursor is not None:
        after = f"&cursor={cursor}" if cursor else ""
        page = client.get(f"/incidents/history?limit=2{after}").get_json()
        seen += [each["id"] for each in page["incidents"]]
        cursor = page["next"]

    assert sorted(seen) == sorted(made)
    assert len(seen) == len(set(seen))
    assert client.get("/incidents/history?cursor=INC-20200101-9999").status_code == 400
    assert client.get("/incidents/history?limit=0").status_code == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/health/components/a%00b", 404),
        ("/api/v1/series?rule=a%00b", 404),
        ("/api/v1/series?metric=a%00b", 400),
        ("/api/v1/series/points?metric=m&label=a=%00", 400),
    ],
)
def test_a_name_with_a_nul_is_one_of_nothing(server: Flask, path: str, status: int) -> None:
    assert server.test_client().get(path).status_code == status
