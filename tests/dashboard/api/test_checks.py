"""Checks over HTTP: made, edited by versions, tried; what is refused changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from dashboard.application import create_app
from domain.access import Role
from domain.facts import Detail
from monitor.publishing import schemas
from storage import catalogue, definitions
from storage.changes import CHECK
from storage.engine import reader
from storage.logins import Browser, Logins
from storage.people import People
from storage.schema import audit, commands, notices, results
from tests.dashboard.api.monitored import Monitored
from tests.dashboard.api.serving import engine, everything, now, operator, served, url, viewer
from tests.dashboard.filled import Filled
from tests.monitor.stand_ins import START
from tests.targets import targets

__all__ = ["engine", "now", "operator", "served", "url", "viewer"]

PATH = "/api/v1/checks"
SHOP: dict[str, Detail] = {"name": "shop", "kind": "http", "url": "http://shop.example/"}
# As somebody wrote it into the file, with a password in the open.
MAIL: dict[str, Detail] = {
    "name": "mail",
    "kind": "http",
    "url": "https://ana:pa55word@mail.example/",
    "headers": {"X-Token": "t0ken", "Accept": "text/html"},
}


@pytest.fixture
def silent(served: Filled, now: datetime) -> Filled:
    """No monitor has been there for an hour; the kinds it published stand. The file has `mail`."""
    plain: dict[str, Detail] = {"kind": "http", "url": "http://127.0.0.1:9/"}
    tables = [{"name": name, **plain} for name in ("shop-db", "shop-api", "cpu")]
    definitions.publish(served.engine, CHECK, [*tables, MAIL], "config.toml", START)
    catalogue.publish(served.engine, schemas())
    served.beat(now - timedelta(hours=1))
    return served


@pytest.fixture
def admin(silent: Filled, now: datetime) -> FlaskClient:
    person = People(silent.engine).add("root", Role.ADMIN, "hash", actor="setup", now=now)
    browser = Browser(address="", agent="")
    secret = Logins(silent.engine).open(person.id, person.name, browser, now)
    client: FlaskClient = create_app(silent.settings(), silent.engine).server.test_client()
    client.set_cookie("nocturne_session", secret.text)
    return client


def add(client: FlaskClient, **table: Any) -> TestResponse:
    return client.post(PATH, json={"table": {**SHOP, **table}})


def edit(client: FlaskClient, name: str, version: int, **fields: Any) -> TestResponse:
    return client.patch(f"{PATH}/{name}", json={"version": version, "fields": fields})


def attempt(client: FlaskClient, **body: Any) -> TestResponse:
    return client.post(f"{PATH}/try", json=body)


def test_checks_are_listed_page_by_page_in_their_order(
    operator: FlaskClient, silent: Filled
) -> None:
    first = operator.get(f"{PATH}?limit=3").get_json()
    second = operator.get(f"{PATH}?limit=3&cursor={first['next']}").get_json()

    assert [each["name"] for each in first["checks"]] == ["cpu", "mail", "shop-api"]
    assert [each["name"] for each in second["checks"]] == ["shop-db"]
    assert (second["count"], second["next"]) == (1, None)
    named = [operator.get(PATH, query_string={"name": each}) for each in ("mail", "nobody", "a\0")]
    assert [each.get_json()["count"] for each in named] == [1, 0, 0]
    assert first["checks"][0]["source"] == "file"
    assert first["checks"][0]["status"] == "unknown"


def test_a_page_of_an_impossible_size_is_refused(operator: FlaskClient, silent: Filled) -> None:
    for limit in ("0", "501", "-1", "x", "1e3", "9" * 50, "²"):
        answer = operator.get(PATH, query_string={"limit": limit})

        assert answer.status_code == 400, limit
        assert answer.get_json()["detail"].startswith("limit: ")


def test_a_check_that_is_made_without_a_monitor_stands_and_says_that_it_was_not_judged(
    operator: FlaskClient, silent: Filled
) -> None:
    answer = add(operator, tags=["shop"], interval="1m")

    body = answer.get_json()
    assert (answer.status_code, body["version"], body["in_file"]) == (201, 1, False)
    assert body["table"] == {**SHOP, "tags": ["shop"], "interval": "1m"}
    assert body["note"].startswith("Saved without the monitor")
    assert "note" not in operator.get(f"{PATH}/shop").get_json()


def test_a_name_can_be_used_once_and_that_of_a_page_never(
    operator: FlaskClient, silent: Filled
) -> None:
    add(operator)

    again, page = add(operator), add(operator, name="new")

    assert again.status_code == 409
    assert page.status_code == 422
    assert "taken by a page" in page.get_json()["errors"]["name"]


def test_an_edit_is_made_on_a_version_and_two_at_once_are_told_of_each_other(
    operator: FlaskClient, silent: Filled
) -> None:
    first = edit(operator, "cpu", 2, interval="1m")
    late = edit(operator, "cpu", 2, interval="5m")

    assert first.get_json()["drift"] == {"interval": None}
    assert first.get_json()["edited"] == ["interval"]
    assert late.status_code == 409
    assert late.get_json()["current"]["table"]["interval"] == "1m"
    assert late.get_json()["yours"] == {"interval": "5m"}


def test_edits_are_taken_back_to_the_file_and_what_was_made_here_is_removed(
    operator: FlaskClient, silent: Filled
) -> None:
    add(operator)
    edit(operator, "cpu", 2, interval="1m")

    reverted = operator.post(f"{PATH}/cpu/revert", json={"version": 3})
    removed = operator.post(f"{PATH}/shop/remove", json={"version": 1})

    assert "interval" not in reverted.get_json()["table"]
    assert removed.get_json() == {"state": "removed"}
    assert operator.get(f"{PATH}/shop").status_code == 404
    assert operator.post(f"{PATH}/cpu/remove", json={"version": 4}).status_code == 409
    assert operator.post(f"{PATH}/cpu/revert", json={"version": 3}).status_code == 409


WRONG: list[tuple[str, Any]] = [
    ("kind", "htpp"),
    ("kind", ""),
    ("nosuch", 1),
    ("url", None),
    ("interval", "soon"),
    ("failures", 0),
    ("tags", "shop"),
    ("depends_on", ["nobody"]),
    ("depends_on", ["shop"]),
    ("name", "a/../b"),
    ("password", "in the open"),
    ("url", "http://ana:pa55word@shop.example/"),
    ("url", "http://shop.example/?token=t0ken"),
    ("headers", {"Authorization": "Bearer t0ken"}),
    ("bearer_token", "***"),
    ("description", "${SHOP_TOKEN}"),
]


def test_a_wrong_field_is_refused_by_its_name_and_changes_nothing(
    admin: FlaskClient, silent: Filled
) -> None:
    before = everything(silent.engine)

    for field, value in WRONG:
        table = {**SHOP, field: value}
        for answer in (admin.post(PATH, json={"table": table}), attempt(admin, table=table)):
            assert answer.status_code == 422, answer.get_json()
            assert field in answer.get_json()["errors"], answer.get_json()
            assert "pa55word" not in answer.text
            assert "t0ken" not in answer.text

    assert everything(silent.engine) == before


RESERVED: list[dict[str, Any]] = [
    {"name": "x", "kind": "command", "command": ["/bin/true"]},
    {"name": "x", "kind": "custom", "entry": "check"},
    {"name": "x", "kind": "application", "modules": ["os"]},
    {"name": "x", "kind": "callable", "function": "os:getpid"},
    {**SHOP, "url": "http://evil.example/${SHOP_TOKEN}"},
    {**SHOP, "body": "file:/etc/shadow"},
    {**SHOP, "url": "${storage.url}"},
    {**SHOP, "tags": ["${SHOP_TOKEN}"]},
    {"name": "x", "kind": "sql", "url": "sqlite:///data/nocturne.db"},
    {"name": "x", "kind": "file", "path": "/etc/shadow", "expect_regex": "root:.a"},
]


def test_what_runs_code_sends_secrets_or_reads_files_is_an_administrators(
    operator: FlaskClient, silent: Filled
) -> None:
    before = everything(silent.engine)

    for table in RESERVED:
        for answer in (operator.post(PATH, json={"table": table}), attempt(operator, table=table)):
            assert answer.status_code == 403, table
            assert answer.get_json()["detail"].endswith("administrators only")

    assert everything(silent.engine) == before


def test_an_administrator_may_make_what_runs_code(admin: FlaskClient, silent: Filled) -> None:
    assert admin.post(PATH, json={"table": RESERVED[0]}).status_code == 201
    assert admin.get(f"{PATH}/x").get_json()["admin_only"]


def test_where_a_check_with_secrets_goes_is_an_administrators_and_how_often_an_operators(
    operator: FlaskClient, silent: Filled
) -> None:
    away = edit(operator, "mail", 1, url="https://evil.example/")
    tried = attempt(operator, of="mail", table={"url": "https://evil.example/"})
    often = edit(operator, "mail", 1, interval="1m")

    assert (away.status_code, tried.status_code, often.status_code) == (403, 403, 200)


def test_a_secret_of_the_file_is_shown_to_nobody_and_stays_when_it_comes_back_masked(
    admin: FlaskClient, operator: FlaskClient, silent: Filled
) -> None:
    for client in (admin, operator):
        text = client.get(f"{PATH}/mail").text + client.get(PATH).text
        assert "pa55word" not in text
        assert "t0ken" not in text
    headers = {"X-Token": "***", "Accept": "text/plain"}

    answer = edit(admin, "mail", 1, headers=headers)

    (stored,) = [each for each in definitions.load(silent.engine, CHECK) if each.name == "mail"]
    assert answer.status_code == 200
    assert answer.get_json()["table"]["headers"] == headers
    assert stored.in_force["headers"] == {"X-Token": "t0ken", "Accept": "text/plain"}


def test_viewers_may_look_and_change_and_try_nothing(viewer: FlaskClient, silent: Filled) -> None:
    assert viewer.get(f"{PATH}/cpu").status_code == 200
    assert viewer.get("/api/v1/kinds").status_code == 200
    for answer in (add(viewer), edit(viewer, "cpu", 2, weight=2), attempt(viewer, table=SHOP)):
        assert answer.status_code in (401, 403)


def test_the_kind_of_a_check_can_not_be_changed(operator: FlaskClient, silent: Filled) -> None:
    answer = edit(operator, "cpu", 2, kind="ping")

    assert answer.status_code == 422
    assert "kind" in answer.get_json()["errors"]


def test_what_the_monitor_has_against_a_draft_stands_at_its_field_and_nothing_is_saved(
    operator: FlaskClient, silent: Filled
) -> None:
    with Monitored(silent):
        made = add(operator, url="ftp://shop.example/", expect_regex="[")
        edited = edit(operator, "cpu", 2, expect_status=[42])
        tried = attempt(operator, of="cpu", table={"url": "gopher://x"})
        fine = add(operator)

    assert made.status_code == edited.status_code == tried.status_code == 422
    assert made.get_json()["errors"].keys() == {"url", "expect_regex"}
    assert edited.get_json()["errors"].keys() == {"expect_status"}
    assert tried.get_json()["errors"].keys() == {"url"}
    assert fine.status_code == 201
    assert "note" not in fine.get_json()
    assert operator.get(f"{PATH}/cpu").get_json()["version"] == 2


def test_all_that_is_wrong_is_told_at_once_whoever_finds_it(
    operator: FlaskClient, silent: Filled
) -> None:
    wrong = {**SHOP, "url": "ftp://shop.example/", "interval": "soon", "weight": -1}
    with Monitored(silent):
        made = operator.post(PATH, json={"table": wrong})
        judged = attempt(operator, table=wrong, run=False)
        fine = attempt(operator, table=SHOP, run=False)

    assert made.status_code == judged.status_code == 422
    assert made.get_json()["errors"].keys() == {"interval", "weight", "url"}
    assert judged.get_json()["errors"] == made.get_json()["errors"]
    assert (fine.status_code, fine.data) == (204, b"")
    assert operator.get(f"{PATH}/{SHOP['name']}").status_code == 404


def test_a_try_tells_what_one_run_found_and_stores_no_result(
    operator: FlaskClient, silent: Filled
) -> None:
    with targets(1) as (target,), Monitored(silent):
        address = f"http://127.0.0.1:{target.port}/"
        fresh = attempt(operator, table={**SHOP, "url": address}).get_json()
        of = attempt(operator, of="cpu", table={"url": address, "expect_status": [404]}).get_json()

    assert (fresh["state"], fresh["status"]) == ("done", "healthy")
    assert fresh["metrics"][fresh["headline"]] > 0
    assert of["status"] == "critical"
    assert "expected 404" in of["message"]
    with reader(silent.engine).connect() as connection:
        assert connection.execute(select(results)).all() == []
    assert operator.get(f"{PATH}/shop").status_code == 404


def test_a_secret_that_a_draft_names_is_masked_in_what_is_told_and_stored_nowhere(
    admin: FlaskClient, silent: Filled
) -> None:
    with targets(1) as (target,), Monitored(silent, {"SHOP_TOKEN": "s3cret-t0ken"}):
        target.fail("wrong")
        url = f"http://127.0.0.1:{target.port}/${{SHOP_TOKEN}}"
        answer = attempt(admin, table={**SHOP, "url": url})

    assert answer.get_json()["status"] == "critical"
    with reader(silent.engine).connect() as connection:
        kept = [connection.execute(select(table)).all() for table in (commands, audit)]
    assert "s3cret-t0ken" not in answer.text + repr(kept)


def test_nothing_can_be_tried_while_no_monitor_runs(operator: FlaskClient, silent: Filled) -> None:
    answer = attempt(operator, table=SHOP)

    assert answer.status_code == 503
    assert "no monitor is running" in answer.get_json()["detail"]


def test_why_edits_are_not_in_force_is_told_with_the_check(
    operator: FlaskClient, silent: Filled, now: datetime
) -> None:
    text = (
        f'{definitions.NOT_IN_FORCE} check "cpu" url = "x": must begin with http://\ncheck "cp": y'
    )
    silent.journal.notify(definitions.EDITS_NOTICE, "error", text, now)

    told = operator.get(f"{PATH}/cpu").get_json()

    assert told["refused"] == ['url = "x": must begin with http://']
    assert operator.get(f"{PATH}/mail").get_json()["refused"] == []
    with reader(silent.engine).connect() as connection:
        assert connection.execute(select(notices.c.key)).scalars().all() == [
            definitions.EDITS_NOTICE
        ]


def test_the_catalogue_has_every_kind_with_fields_levels_and_who_may_make_it(
    operator: FlaskClient, silent: Filled
) -> None:
    body = operator.get("/api/v1/kinds").get_json()

    kinds = {each["name"]: each for each in body["kinds"]}
    assert kinds.keys() == schemas().keys()
    assert kinds["http"]["schema"]["required"] == ["url"]
    assert kinds["http"]["schema"]["properties"]["password"]["writeOnly"] is True
    assert kinds["http"]["rules"][0]["warning"] == 500
    assert (kinds["http"]["allowed"], kinds["command"]["allowed"]) == (True, False)
    assert kinds["command"]["why_not"]
