"""What screens poll: the document, its tag, and the beat that travels in headers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, insert, select, update

from dashboard.api import snapshot
from dashboard.live import Live
from domain.access import Role
from domain.facts import Mark, Status
from domain.operating import Order, Verb
from storage import definitions
from storage.engine import to_ms
from storage.incident_changes import IncidentChanges
from storage.incident_readings import IncidentReadings
from storage.readings import Readings
from storage.schema import channel_health, outbox
from tests.dashboard.filled import Filled, about, fill
from tests.domain.test_deltas import applied
from tests.monitor.stand_ins import START, Clock


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    filled = fill(tmp_path, START)
    filled.publish({"db": about(position=1), "api": about(position=0, group="Front")})
    filled.results("db", [Status.HEALTHY] * 3, START, {"http.total_ms": 812.4})
    yield filled
    filled.engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def client(store: Filled, clock: Clock) -> FlaskClient:
    def monotonic() -> float:
        return clock.now.timestamp()

    told = IncidentReadings(store.engine)
    live = Live(Readings(store.engine), told, clock=clock, monotonic=monotonic)
    snapshots = snapshot.Snapshots(live, "1.2.3", "boot")
    server = Flask("test")
    server.register_blueprint(snapshot.blueprint(snapshots, lambda: Role.OPERATOR))
    return server.test_client()


def test_a_check_is_told_with_value_ticks_and_due_time(client: FlaskClient) -> None:
    body = client.get("/live/snapshot").get_json()

    check = next(each for each in body["checks"] if each["name"] == "db")
    assert (check["status"], check["mark"], check["value"]) == ("healthy", "none", "812 ms")
    assert len(check["ticks"]) == 48
    assert check["ticks"].endswith("h")
    assert check["stale_at"] == to_ms(START + timedelta(seconds=30 + 60))
    assert body["counts"]["healthy"] == 1
    assert body["counts"]["pending"] == 1


def test_the_last_hour_is_told_by_minute_unless_all_of_it_was_healthy(
    store: Filled, client: FlaskClient, clock: Clock
) -> None:
    clock.forward(2 * 3600)
    quiet = check_of(client.get("/live/snapshot").get_json(), "db")["hour"]
    store.results("db", [Status.CRITICAL] * 3, clock.now)
    clock.forward(90)

    bad = check_of(client.get("/live/snapshot").get_json(), "db")["hour"]

    assert quiet is None
    assert len(bad) == 60
    assert (bad[0], bad[-1]) == ("h", "c")


def test_groups_stand_in_the_order_of_the_file(client: FlaskClient) -> None:
    groups = client.get("/live/snapshot").get_json()["groups"]

    assert groups == [{"name": "Front", "checks": ["api"]}, {"name": "Shop", "checks": ["db"]}]


def test_nothing_new_is_answered_304_with_the_beat_in_its_headers(
    store: Filled, client: FlaskClient, clock: Clock
) -> None:
    tag = client.get("/live/snapshot").headers["ETag"]
    clock.forward(2)
    store.beat(clock.now)

    answer = client.get("/live/snapshot", headers={"If-None-Match": tag})

    assert answer.status_code == 304
    assert answer.headers["Nocturne-Beat"] == str(to_ms(clock.now))
    assert answer.headers["Nocturne-Now"] == str(to_ms(clock.now))
    assert answer.headers["Nocturne-Store"] == "ok"
    assert answer.data == b""


def test_a_new_result_changes_the_tag(store: Filled, client: FlaskClient, clock: Clock) -> None:
    tag = client.get("/live/snapshot").headers["ETag"]
    clock.forward(2)
    store.results("api", [Status.CRITICAL] * 3, clock.now)

    answer = client.get("/live/snapshot", headers={"If-None-Match": tag})

    assert answer.status_code == 200
    assert answer.get_json()["overall"] == "critical"


def test_who_takes_deltas_gets_what_changed_and_others_get_all(
    store: Filled, client: FlaskClient, clock: Clock
) -> None:
    clock.forward(2 * 3600)
    first = client.get("/live/snapshot")
    clock.forward(2)
    store.results("api", [Status.CRITICAL] * 3, clock.now)
    known = {"If-None-Match": first.headers["ETag"]}

    change = client.get("/live/snapshot", headers={**known, "Accept": snapshot.DELTA})
    whole = client.get("/live/snapshot", headers=known)

    body = change.get_json(force=True)
    assert change.content_type == snapshot.DELTA
    assert change.headers["ETag"] == whole.headers["ETag"]
    assert body["base"] == first.headers["ETag"]
    assert (body["added"], body["order"]) == ([], None)
    assert applied(first.get_json(), body) == whole.get_json()
    assert [each["name"] for each in body["changed"]] == ["api"]


def test_with_time_alone_no_check_is_news(client: FlaskClient, clock: Clock) -> None:
    clock.forward(2 * 3600)
    first = client.get("/live/snapshot").headers["ETag"]
    clock.forward(25)

    body = client.get(
        "/live/snapshot", headers={"If-None-Match": first, "Accept": snapshot.DELTA}
    ).get_json(force=True)

    assert (body["changed"], body["top"].keys()) == ([], {"at"})


def test_a_snapshot_that_is_not_known_any_more_is_answered_with_all(client: FlaskClient) -> None:
    asked = {"If-None-Match": '"another-7"', "Accept": snapshot.DELTA}

    answer = client.get("/live/snapshot", headers=asked)

    assert answer.content_type == snapshot.WHOLE
    assert len(answer.get_json()["checks"]) == 2


def test_the_body_is_compressed_for_those_who_take_it(client: FlaskClient) -> None:
    answer = client.get("/live/snapshot", headers={"Accept-Encoding": "gzip"})

    assert json.loads(gzip.decompress(answer.data))["version"] == "1.2.3"


def test_a_blocked_check_is_counted_as_blocked_and_not_as_healthy(
    store: Filled, client: FlaskClient
) -> None:
    store.mark("api", Mark.BLOCKED, "db", START)

    body = client.get("/live/snapshot").get_json()

    assert body["counts"]["blocked"] == 1
    check = next(each for each in body["checks"] if each["name"] == "api")
    assert (check["status"], check["blocked_by"]) == ("unknown", "db")


def test_when_the_store_is_away_the_last_snapshot_stands_and_says_so(
    store: Filled, client: FlaskClient, clock: Clock, tmp_path: Path
) -> None:
    client.get("/live/snapshot")
    store.engine.dispose()
    for path in tmp_path.glob("nocturne.db*"):
        path.unlink()
    (tmp_path / "nocturne.db").mkdir()
    clock.forward(6)

    answer = client.get("/live/snapshot")

    assert answer.status_code == 200
    assert answer.headers["Nocturne-Store"] == "unreachable"
    assert datetime.fromtimestamp(int(answer.headers["Nocturne-Beat"]) / 1000, UTC) == START


def check_of(body: Any, name: str) -> Any:
    return next(each for each in body["checks"] if each["name"] == name)


def test_a_check_with_an_open_incident_carries_it_and_others_carry_none(
    store: Filled, client: FlaskClient
) -> None:
    incident = store.incident("db", START)

    body = client.get("/live/snapshot").get_json()

    assert check_of(body, "db")["incident"] == {
        "id": incident.id,
        "stage": "new",
        "severity": "critical",
        "acknowledged_by": None,
        "acknowledged_at": None,
        "assignee": None,
        "page_gate": incident.page_gate,
        "opened_at": to_ms(START),
    }
    assert check_of(body, "api")["incident"] is None
    assert body["incidents"] == 1


def test_an_acknowledgement_is_news_for_all_screens(
    store: Filled, client: FlaskClient, clock: Clock
) -> None:
    incident = store.incident("db", START)
    tag = client.get("/live/snapshot").headers["ETag"]
    clock.forward(2)

    IncidentChanges(store.engine).carry_out(
        incident.id, Order(verb=Verb.ACKNOWLEDGE), actor="Mara Lind", now=clock.now
    )
    answer = client.get("/live/snapshot", headers={"If-None-Match": tag})

    shown = check_of(answer.get_json(), "db")["incident"]
    assert (shown["acknowledged_by"], shown["acknowledged_at"]) == ("Mara Lind", to_ms(clock.now))


def test_without_a_channel_in_use_nobody_is_paged(store: Filled, client: FlaskClient) -> None:
    off = {"name": "ops", "kind": "webhook", "enabled": False}
    definitions.publish(store.engine, "channel", [off], "config.toml", START)

    assert client.get("/live/snapshot").get_json()["paging"] == {
        "configured": False,
        "pending": 0,
        "dead": 0,
        "lost": {},
        "failing": [],
    }


def test_paging_tells_what_waits_what_is_lost_and_which_channels_fail(
    store: Filled, client: FlaskClient
) -> None:
    tables = [{"name": name, "kind": "webhook"} for name in ("ops", "chat")]
    definitions.publish(store.engine, "channel", tables, "config.toml", START)
    for name in ("db", "api"):
        store.incident(name, START)
    with store.engine.begin() as connection:
        first = select(func.min(outbox.c.id)).scalar_subquery()
        connection.execute(update(outbox).where(outbox.c.id == first).values(state="dead"))
        rows = [{"channel": name, "failures": 2} for name in ("ops", "gone")]
        connection.execute(insert(channel_health), rows)

    assert client.get("/live/snapshot").get_json()["paging"] == {
        "configured": True,
        "pending": 1,
        "dead": 1,
        "lost": {"ops": 1},
        "failing": ["ops"],
    }


def test_what_the_viewer_may_do_stands_in_a_header_and_not_in_the_shared_document(
    client: FlaskClient,
) -> None:
    answer = client.get("/live/snapshot")
    again = client.get("/live/snapshot", headers={"If-None-Match": answer.headers["ETag"]})

    assert again.status_code == 304
    assert [each.headers["Nocturne-Role"] for each in (answer, again)] == ["operator"] * 2
    assert "operator" not in answer.get_data(as_text=True)


def test_an_alert_rule_that_fires_is_a_problem_of_the_whole(
    store: Filled, client: FlaskClient, clock: Clock
) -> None:
    before = client.get("/live/snapshot").get_json()
    store.alert("disk-other-mounts", "Disk (mount /srv) is critical", START)

    clock.forward(1)
    body = client.get("/live/snapshot").get_json()

    assert body["overall"] == "critical"
    assert body["counts"]["critical"] == before["counts"]["critical"] + 1
    (alert,) = body["alerts"]
    assert (alert["name"], alert["alert"], alert["status"], alert["message"]) == (
        "Disk (mount /srv)",
        "disk-other-mounts",
        "critical",
        "92 %, expected < 90 %",
    )
