"""Actions on many checks in one request: an outcome a name, audited, and nothing by halves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from domain.facts import Status
from storage import commands, definitions
from storage.changes import CHECK
from storage.engine import reader
from storage.incident_readings import IncidentReadings
from storage.readings import Readings
from storage.schema import audit
from tests.dashboard.api.serving import (
    HOSTILE,
    LONG,
    MALFORMED,
    RTL,
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

PATH = "/api/v1/checks/bulk"


def bulk(client: FlaskClient, action: str, *names: str, **more: Any) -> dict[str, dict[str, Any]]:
    """Order it; the outcomes by name."""
    response = client.post(PATH, json={"action": action, "names": names, **more})
    assert response.status_code == 200, response.get_json()
    return {each.pop("name"): each for each in response.get_json()["outcomes"]}


def words(outcomes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {name: each["outcome"] for name, each in outcomes.items()}


def tables(engine: Engine) -> dict[str, dict[str, Any]]:
    return {each.name: each.in_force for each in definitions.load(engine, CHECK)}


def test_each_name_is_answered_for_itself_in_the_order_in_which_it_came(
    operator: FlaskClient, served: Filled
) -> None:
    first = bulk(operator, "pause", "shop-db", "gone", "cpu", "shop-db", by="Mara")
    again = bulk(operator, "pause", "cpu", "shop-api")

    assert list(first.items()) == [
        ("shop-db", {"outcome": "done", "detail": ""}),
        ("gone", {"outcome": "unknown", "detail": "there is no check of this name"}),
        ("cpu", {"outcome": "done", "detail": ""}),
    ]
    assert words(again) == {"cpu": "unchanged", "shop-api": "done"}
    assert all(table["enabled"] is False for table in tables(served.engine).values())
    told = Readings(served.engine).audit(CHECK, "cpu", 5)
    # The one that changed nothing is not told of.
    assert [(row.actor, row.action, row.after) for row in told[:-1]] == [
        ("Mara", "pause", {"enabled": False})
    ]


def test_what_was_paused_is_resumed_and_nothing_is_left_of_it(
    operator: FlaskClient, served: Filled
) -> None:
    bulk(operator, "pause", "shop-db", "cpu")

    outcomes = bulk(operator, "resume", "shop-db", "cpu", "shop-api")

    assert words(outcomes) == {"shop-db": "done", "cpu": "done", "shop-api": "unchanged"}
    assert [dict(each.patch) for each in definitions.load(served.engine, CHECK)] == [{}, {}, {}]


def test_tags_are_put_on_and_taken_off_and_the_answer_tells_what_would_undo_it(
    operator: FlaskClient, served: Filled
) -> None:
    bulk(operator, "tag", "shop-db", add=["old", "shop"])

    outcomes = bulk(operator, "tag", "shop-db", "cpu", add=["shop", "tier-1"], remove=["old"])

    assert outcomes["shop-db"] == {
        "outcome": "done",
        "detail": "",
        "tags": ["shop", "tier-1"],
        "added": ["tier-1"],
        "removed": ["old"],
    }
    assert outcomes["cpu"]["added"] == ["shop", "tier-1"]
    assert tables(served.engine)["shop-db"]["tags"] == ["shop", "tier-1"]
    undone = bulk(operator, "tag", "cpu", remove=["shop", "tier-1"])
    assert undone["cpu"]["tags"] == []


def test_only_those_with_an_open_incident_are_acknowledged(
    operator: FlaskClient, served: Filled, now: datetime
) -> None:
    incident = served.incident("shop-db", now, Status.CRITICAL)

    outcomes = bulk(operator, "acknowledge", "shop-db", "cpu", by="Mara")
    again = bulk(operator, "acknowledge", "shop-db")

    assert outcomes["shop-db"] == {"outcome": "done", "detail": "", "incident": incident.id}
    assert outcomes["cpu"]["detail"] == "no incident stands for it"
    told = IncidentReadings(served.engine).tell(incident.id)
    assert told is not None and told.incident.acknowledged_by == "Mara"
    assert again["shop-db"]["outcome"] == "unchanged"
    assert "acknowledged by Mara already" in again["shop-db"]["detail"]


def test_check_now_asks_the_monitor_for_each_that_is_not_paused(
    operator: FlaskClient, served: Filled, now: datetime
) -> None:
    bulk(operator, "pause", "cpu")

    outcomes = bulk(operator, "check-now", "shop-db", "cpu", "shop-api")

    assert words(outcomes) == {"shop-db": "done", "cpu": "refused", "shop-api": "done"}
    for name in ("shop-db", "shop-api"):
        reply = operator.get(outcomes[name]["reply"])
        assert (reply.status_code, reply.get_json()["state"]) == (202, "pending")
    taken = commands.take(served.engine, served.lease, now)
    assert [(each.verb, each.subject) for each in taken] == [
        ("check-now", "shop-api"),
        ("check-now", "shop-db"),
    ]
    with reader(served.engine).connect() as connection:
        rows = connection.execute(select(audit.c.name).where(audit.c.action == "check-now"))
        assert sorted(row.name for row in rows) == ["shop-api", "shop-db"]


def test_a_thousand_checks_are_changed_in_one_go_and_more_are_refused(
    operator: FlaskClient, served: Filled
) -> None:
    names = [f"edge-{number}" for number in range(1_001)]
    definitions.publish(
        served.engine,
        CHECK,
        [{"name": name, "kind": "tcp"} for name in names],
        "config.toml",
        START,
    )

    done = operator.post(PATH, json={"action": "pause", "names": names[:1_000]}).get_json()["done"]

    assert done == 1_000
    answered = operator.post(PATH, json={"action": "pause", "names": names})
    assert answered.status_code == 400
    assert "names" in answered.get_json()["detail"]


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("action", {"names": ["cpu"]}),
        ("action", {"action": "explode", "names": ["cpu"]}),
        ("names", {"action": "pause"}),
        ("names", {"action": "pause", "names": []}),
        ("names", {"action": "pause", "names": [""]}),
        ("names", {"action": "pause", "names": [LONG]}),
        ("names", {"action": "pause", "names": ["cpu", RTL]}),
        ("add", {"action": "pause", "names": ["cpu"], "add": ["x"]}),
        ("add", {"action": "tag", "names": ["cpu"]}),
        ("add", {"action": "tag", "names": ["cpu"], "add": ["x"] * 21}),
        ("add", {"action": "tag", "names": ["cpu"], "add": [" x"]}),
        ("remove", {"action": "tag", "names": ["cpu"], "add": ["x"], "remove": ["x"]}),
        ("by", {"action": "pause", "names": ["cpu"], "by": " "}),
        ("enabled", {"action": "pause", "names": ["cpu"], "enabled": True}),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_field(
    operator: FlaskClient, served: Filled, field: str, body: dict[str, Any]
) -> None:
    before = everything(served.engine)

    answered = operator.post(PATH, json=body)

    assert answered.status_code == 400
    assert field in answered.get_json()["detail"]
    assert everything(served.engine) == before


@pytest.mark.parametrize("field", ["action", "names", "add"])
def test_no_value_of_a_field_is_an_error_of_ours(
    operator: FlaskClient, served: Filled, field: str
) -> None:
    fine = {"action": '"tag"', "names": '["cpu"]', "add": '["x"]', "by": '"Mara"'}
    for value in HOSTILE:
        body = ", ".join(f'"{key}": {told}' for key, told in {**fine, field: value}.items())
        assert_refused(send(operator, "POST", PATH, "{" + body + "}"))
    for data in MALFORMED:
        assert_refused(send(operator, "POST", PATH, data))


def test_a_viewer_changes_nothing(viewer: FlaskClient, served: Filled) -> None:
    before = everything(served.engine)

    assert viewer.post(PATH, json={"action": "pause", "names": ["cpu"]}).status_code == 401
    assert everything(served.engine) == before
