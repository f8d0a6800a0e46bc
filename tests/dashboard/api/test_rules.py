"""Alert rules over HTTP: edited by versions, tried over history; what is refused changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboard.application import create_app
from domain.facts import Detail, Sample
from monitor.stock import STOCK, with_stock
from storage import definitions
from storage.changes import CHANNEL, CHECK, RULE
from tests.dashboard.api.serving import (
    HOSTILE,
    LONG,
    MALFORMED,
    RTL,
    SLOWEST_S,
    STRANGE,
    assert_refused,
    engine,
    everything,
    now,
    operator,
    send,
    served,
    url,
    viewer,
)
from tests.dashboard.filled import Filled
from tests.monitor.stand_ins import START

__all__ = ["engine", "now", "operator", "served", "url", "viewer"]

PATH = "/api/v1/rules"
SWAP: dict[str, Detail] = {
    "id": "swap-high",
    "metric": "system.swap.percent",
    "operator": "gt",
    "warning": 50,
    "critical": 80,
}
QUEUE: dict[str, Detail] = {"id": "queue", "metric": "shop.queue", "warning": 10}
STOCK_ID = next(iter(STOCK))


@pytest.fixture
def filed(served: Filled) -> Filled:
    """The file has the rule `swap-high`."""
    definitions.publish(served.engine, RULE, with_stock([SWAP]), "config.toml", START, key="id")
    return served


def add(client: FlaskClient, **table: Any) -> TestResponse:
    return client.post(PATH, json={"table": {**QUEUE, **table}})


def edit(client: FlaskClient, name: str, version: int, **fields: Any) -> TestResponse:
    return client.patch(f"{PATH}/{name}", json={"version": version, "fields": fields})


def order(client: FlaskClient, name: str, verb: str, version: int = 1) -> TestResponse:
    return client.post(f"{PATH}/{name}/{verb}", json={"version": version})


def test_rules_of_the_file_and_those_that_are_shipped_are_listed(
    operator: FlaskClient, filed: Filled
) -> None:
    body = operator.get(PATH).get_json()

    found = {each["name"]: each for each in body["rules"]}
    assert body["count"] == len(found) == 1 + len(STOCK)
    assert found.keys() == {"swap-high", *STOCK}
    assert found["swap-high"]["table"] == SWAP
    assert found["swap-high"]["in_file"] is True
    assert (found["swap-high"]["version"], found["swap-high"]["edited"]) == (1, [])
    assert found["swap-high"]["condition"].startswith("system.swap.percent above 50 % (warning)")


def test_an_edit_holds_and_shows_what_the_file_says(operator: FlaskClient, filed: Filled) -> None:
    answer = edit(operator, "swap-high", 1, warning=60, runbook="Look at RSS.")

    body = answer.get_json()
    assert answer.status_code == 200
    assert (body["version"], body["edited"]) == (2, ["runbook", "warning"])
    assert body["drift"] == {"runbook": None, "warning": 50}
    assert (body["table"]["warning"], body["table"]["critical"]) == (60, 80)
    assert operator.get(f"{PATH}/swap-high").get_json() == body


def test_null_takes_a_field_back_to_what_the_file_says(
    operator: FlaskClient, filed: Filled
) -> None:
    edit(operator, "swap-high", 1, warning=60, runbook="x")

    body = edit(operator, "swap-high", 2, warning=None, runbook=None).get_json()

    assert (body["table"], body["edited"], body["drift"]) == (SWAP, [], {})


def test_null_removes_a_field_of_a_rule_that_was_added_unless_it_is_required(
    operator: FlaskClient, served: Filled
) -> None:
    add(operator, critical=20)

    refused = edit(operator, "queue", 1, metric=None)
    without = edit(operator, "queue", 1, critical=None)

    assert refused.status_code == 422
    assert "metric" in refused.get_json()["detail"]
    assert without.get_json()["table"] == QUEUE


def test_all_edits_are_taken_back_at_once(operator: FlaskClient, filed: Filled) -> None:
    edit(operator, "swap-high", 1, warning=60, runbook="x")

    body = order(operator, "swap-high", "revert", 2).get_json()

    assert (body["table"], body["edited"], body["version"]) == (SWAP, [], 3)


def test_a_shipped_rule_is_switched_off_and_reverted(operator: FlaskClient, filed: Filled) -> None:
    off = edit(operator, STOCK_ID, 1, enabled=False).get_json()
    on = order(operator, STOCK_ID, "revert", 2)

    assert (off["table"]["enabled"], off["edited"]) == (False, ["enabled"])
    assert on.status_code == 200
    assert on.get_json()["table"] == msgspec.to_builtins(STOCK[STOCK_ID])


def test_what_stands_in_the_file_is_not_removed_but_what_was_added_is(
    operator: FlaskClient, filed: Filled
) -> None:
    made = add(operator)

    kept = order(operator, "swap-high", "remove")
    stock = order(operator, STOCK_ID, "remove")
    gone = order(operator, "queue", "remove")

    assert (made.status_code, made.get_json()["in_file"]) == (201, False)
    assert (kept.status_code, stock.status_code) == (409, 409)
    assert "stands in the configuration file" in kept.get_json()["detail"]
    assert (gone.status_code, gone.get_json()) == (200, {"state": "removed"})
    assert operator.get(f"{PATH}/queue").status_code == 404


def test_what_was_added_has_nothing_to_be_reverted_to(
    operator: FlaskClient, served: Filled
) -> None:
    add(operator)

    answer = order(operator, "queue", "revert")

    assert answer.status_code == 409
    assert "does not stand in the configuration file" in answer.get_json()["detail"]


def test_an_id_is_used_once(operator: FlaskClient, filed: Filled) -> None:
    again = add(operator, id="swap-high")
    add(operator)
    twice = add(operator)

    assert (again.status_code, twice.status_code) == (409, 409)
    assert again.get_json()["detail"] == (
        "there is a rule named 'swap-high' already: edit that one"
    )


def test_one_that_is_gone_from_the_file_can_be_added_again_and_is_in_force(
    operator: FlaskClient, filed: Filled
) -> None:
    definitions.publish(filed.engine, RULE, with_stock([]), "config.toml", START, key="id")
    before = operator.get(f"{PATH}/swap-high").get_json()

    made = operator.post(PATH, json={"table": SWAP})

    assert before["orphaned"] is True
    assert made.status_code == 201
    assert (made.get_json()["orphaned"], made.get_json()["version"]) == (False, 3)


def test_of_two_edits_of_one_version_the_second_is_refused_and_shown_both(
    operator: FlaskClient, filed: Filled
) -> None:
    first = edit(operator, "swap-high", 1, critical=70)
    # On what it was made for this fits; over the first it would have its levels the wrong way round.
    second = edit(operator, "swap-high", 1, warning=75)

    body = second.get_json()
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.content_type == "application/problem+json"
    assert body["current"]["table"]["critical"] == 70
    assert body["current"]["version"] == 2
    assert body["yours"] == {"warning": 75}
    assert operator.get(f"{PATH}/swap-high").get_json()["version"] == 2


@pytest.mark.parametrize("verb", ["revert", "remove"])
def test_a_revert_or_removal_of_an_old_version_is_refused(
    operator: FlaskClient, served: Filled, verb: str
) -> None:
    add(operator)
    edit(operator, "queue", 1, warning=11)

    answer = order(operator, "queue", verb, 1)

    assert answer.status_code == 409
    assert answer.get_json()["current"]["version"] == 2
    assert answer.get_json()["yours"] is None


def test_a_version_that_is_not_the_present_one_is_refused(
    operator: FlaskClient, filed: Filled
) -> None:
    for version in (0, -1, 2, 2**63 - 1):
        assert edit(operator, "swap-high", version, warning=60).status_code == 409
        assert order(operator, "swap-high", "revert", version).status_code == 409


# Edits that can't be, and the field that is named.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"warning": 90}, "warning"),
    ({"critical": 10}, "warning"),
    ({"warning": "50"}, "warning"),
    ({"warning": "1,5"}, "warning"),
    ({"warning": True}, "warning"),
    ({"warning": 2**1100}, "warning"),
    ({"operator": "above"}, "operator"),
    ({"for": 60}, "for"),
    ({"for": "1 fortnight"}, "for"),
    ({"for": "-5s"}, "for"),
    ({"severity": "bad"}, "severity"),
    ({"missing": "whatever"}, "missing"),
    ({"enabled": "no"}, "enabled"),
    ({"enabled": 0}, "enabled"),
    ({"labels": {"mount": 3}}, "labels"),
    ({"labels": ["/"]}, "labels"),
    ({"channels": ["opz"]}, "channels"),
    ({"channels": "ops"}, "channels"),
    ({"window": "1h"}, "window"),
    ({"kind": "rate"}, "window"),
    ({"kind": "guess"}, "kind"),
    ({"clear_warning": 60}, "clear_warning"),
    ({"thershold": 3}, "thershold"),
    ({"title": "x" * 201}, "title"),
    ({"runbook": "x" * 10_001}, "runbook"),
    ({"tags": [1]}, "tags"),
    ({"metric": "two words"}, "metric"),
    ({"metric": ""}, "metric"),
    ({"check": ".."}, "check"),
]


def test_an_edit_that_can_not_be_is_refused_by_the_fields_name_and_changes_nothing(
    operator: FlaskClient, filed: Filled
) -> None:
    before = everything(filed.engine)

    for fields, field in WRONG:
        body = msgspec.json.encode({"version": 1, "fields": fields})
        answered = send(operator, "PATCH", f"{PATH}/swap-high", body)
        assert_refused(answered)
        assert field in answered.detail, fields

    assert everything(filed.engine) == before


def test_an_edit_does_not_rename(operator: FlaskClient, filed: Filled) -> None:
    for given in ("other", None, 3):
        answer = edit(operator, "swap-high", 1, id=given)
        assert answer.status_code == 400
        assert answer.get_json()["detail"] == "id: a name can't be changed by an edit"


def test_an_id_that_can_not_be_one_is_refused(operator: FlaskClient, served: Filled) -> None:
    before = everything(served.engine)
    wrong: list[Any] = [
        None,
        3,
        True,
        "",
        " ",
        "a b",
        "a/b",
        "..",
        RTL,
        "a\x00b",
        "x" * 101,
        LONG,
        ["a"],
        {},
    ]

    for given in wrong:
        body = msgspec.json.encode({"table": {**QUEUE, "id": given}})
        answered = send(operator, "POST", PATH, body)
        assert_refused(answered)
        assert "id" in answered.detail, given

    assert everything(served.engine) == before


def test_a_channel_that_does_not_exist_is_refused_with_the_one_that_was_meant(
    operator: FlaskClient, served: Filled
) -> None:
    wrong = add(operator, channels=["op"])
    right = add(operator, channels=["ops"])

    assert wrong.status_code == 422
    assert wrong.get_json()["detail"] == (
        'rule "queue" channels = ["op"]: there is no channel "op", did you mean "ops"?'
    )
    assert right.status_code == 201


def test_a_check_that_does_not_exist_is_refused_with_the_one_that_was_meant(
    operator: FlaskClient, served: Filled
) -> None:
    before = everything(served.engine)

    wrong = add(operator, check="shop-dd")
    within = add(operator, labels={"check": "nosuch"})
    tried = operator.post(f"{PATH}/backtest", json={"table": {**QUEUE, "check": "nosuch"}})

    assert (wrong.status_code, within.status_code, tried.status_code) == (422, 422, 422)
    assert wrong.get_json()["detail"] == (
        'rule "queue" check = "shop-dd": there is no check "shop-dd", did you mean "shop-db"?'
    )
    assert within.get_json()["detail"] == (
        'rule "queue" labels.check = "nosuch": there is no check "nosuch"'
    )
    assert everything(served.engine) == before
    assert add(operator, check="shop-db").status_code == 201
    assert add(operator, id="to-come", labels={"check": "web-*"}).status_code == 201


def test_a_rule_whose_check_and_channel_are_gone_can_still_be_switched_off(
    operator: FlaskClient, served: Filled
) -> None:
    add(operator, check="cpu", channels=["ops"])
    definitions.publish(served.engine, CHECK, [{"name": "shop-db"}], "config.toml", START)
    definitions.publish(served.engine, CHANNEL, [], "config.toml", START)

    off = edit(operator, "queue", 1, enabled=False)
    again = edit(operator, "queue", 2, check="cpu")
    told = edit(operator, "queue", 2, channels=["ops"])

    assert (off.status_code, again.status_code, told.status_code) == (200, 422, 422)


def test_a_rule_on_a_metric_that_was_never_measured_says_no_data_yet(
    operator: FlaskClient, served: Filled, now: datetime
) -> None:
    made = add(operator, check="shop-db").get_json()

    assert made["states"] == [
        {
            "labels": {"check": "shop-db"},
            "level": None,
            "since": None,
            "pending": None,
            "pending_since": None,
            "value": None,
            "message": "no data yet",
        }
    ]


def test_a_rule_that_was_not_evaluated_yet_says_so_when_there_is_data(
    operator: FlaskClient, served: Filled, now: datetime
) -> None:
    found = [Sample(name="system.swap.percent", at=now - timedelta(seconds=10), value=20)]
    served.journal.commit(served.lease, [], found)

    made = operator.post(PATH, json={"table": SWAP}).get_json()

    assert [each["message"] for each in made["states"]] == ["measured, and not evaluated yet"]


def test_a_rule_that_is_switched_off_says_nothing(operator: FlaskClient, served: Filled) -> None:
    assert add(operator, enabled=False).get_json()["states"] == []


def test_no_hostile_value_of_any_field_is_more_than_refused(
    operator: FlaskClient, filed: Filled
) -> None:
    before = everything(filed.engine)
    words = {
        '"1,5"',
        '"9999-12-31T23:59:59Z"',
        '"0001-01-01T00:00:00+14:00"',
        '"0001-01-01T00:00:00"',
        '"../../etc/passwd"',
    }
    fits = {
        # Over the critical level of the file a large number is refused, so none of them fits.
        "warning": {"null"},
        "metric": words | {"null"},
        "labels": {"null", "{}"},
        "channels": {"null", "[]"},
        "tags": {"null", "[]"},
        "enabled": {"true", "null"},
        "for": {"null"},
        # Without `kind = "rate"` it can't stand there, whatever it is.
        "reaches": {"null"},
    }

    for field, value in product(fits, HOSTILE):
        if value in fits[field]:
            continue
        body = f'{{"version": 1, "fields": {{"{field}": {value}}}}}'
        assert_refused(send(operator, "PATCH", f"{PATH}/swap-high", body))

    assert everything(filed.engine) == before


def test_what_is_no_object_is_refused(operator: FlaskClient, filed: Filled) -> None:
    before = everything(filed.engine)
    routes = [
        ("POST", ""),
        ("POST", "/backtest"),
        ("PATCH", "/swap-high"),
        ("POST", "/swap-high/revert"),
        ("POST", "/swap-high/remove"),
    ]

    for (method, path), data in product(routes, MALFORMED):
        assert_refused(send(operator, method, PATH + path, data), 400)

    assert everything(filed.engine) == before


BODIES = [
    (b"", "table"),
    (b'{"table": []}', "table"),
    (b'{"table": null}', "table"),
    (b'{"table": {}, "actor": "root"}', "actor"),
    (b'{"table": {}, "table": {}}', "table: it is given twice"),
    (b'{"table": {"id": "a", "id": "b"}}', "id: it is given twice"),
    (b'{"table": {"id": "a"}}', "metric"),
]


def test_a_body_that_is_not_what_it_should_be_is_refused(
    operator: FlaskClient, served: Filled
) -> None:
    for data, field in BODIES:
        answered = send(operator, "POST", PATH, data)
        assert_refused(answered)
        assert field in answered.detail

    assert operator.get(PATH).get_json()["count"] == 0


def test_a_rule_that_nobody_defined_is_not_found(operator: FlaskClient, filed: Filled) -> None:
    before = everything(filed.engine)
    routes = [
        ("GET", "", b""),
        ("PATCH", "", b'{"version": 1, "fields": {"warning": 1}}'),
        ("POST", "/revert", b'{"version": 1}'),
        ("POST", "/remove", b'{"version": 1}'),
    ]

    for name, (method, verb, data) in product(STRANGE, routes):
        answered = send(operator, method, f"{PATH}/{name}{verb}", data)
        assert answered.response.status_code in (404, 405), (name, verb)
        assert answered.took_s < SLOWEST_S

    assert everything(filed.engine) == before


def test_viewers_read_and_try_rules_and_change_none(viewer: FlaskClient, filed: Filled) -> None:
    before = everything(filed.engine)

    assert viewer.get(PATH).status_code == 200
    assert viewer.get(f"{PATH}/swap-high").status_code == 200
    assert viewer.post(f"{PATH}/backtest", json={"table": SWAP}).status_code == 200
    assert add(viewer).status_code == 401
    assert edit(viewer, "swap-high", 1, warning=1).status_code == 401
    assert order(viewer, "swap-high", "revert").status_code == 401
    assert order(viewer, "swap-high", "remove").status_code == 401
    assert everything(filed.engine) == before


def test_nobody_else_reads_anything(filed: Filled) -> None:
    nobody = create_app(filed.settings(anonymous="none"), filed.engine).server.test_client()

    assert nobody.get(PATH).status_code == 401
    assert nobody.post(f"{PATH}/backtest", json={"table": SWAP}).status_code == 401


def test_a_patch_from_another_site_is_refused(operator: FlaskClient, filed: Filled) -> None:
    body = {"version": 1, "fields": {"warning": 60}}

    evil = operator.patch(
        f"{PATH}/swap-high", json=body, headers={"Origin": "https://evil.example"}
    )
    form = operator.patch(f"{PATH}/swap-high", data={"version": "1"})

    assert (evil.status_code, form.status_code) == (403, 415)
