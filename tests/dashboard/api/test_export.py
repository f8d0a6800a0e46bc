"""Exports over HTTP: whole, exact, harmless in a spreadsheet, and no burden for the server."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, insert, update
from waitress.server import create_server

from dashboard.api import export
from dashboard.application import utc_now
from dashboard.exports import Exports
from domain.exporting import What, asked
from domain.facts import Change, CheckState, Mark, Sample, Status, Transition
from domain.ladder import ladder
from domain.operating import Order, Verb
from storage import schema, uptimes
from storage.engine import to_ms
from storage.incident_changes import IncidentChanges
from storage.journal import Entry
from tests.dashboard.api.serving import (
    assert_refused,
    engine,
    now,
    send,
    served,
    url,
    viewer,
)
from tests.dashboard.filled import Filled, about
from tests.waiting import wait_for

__all__ = ["engine", "now", "served", "url", "viewer"]

NASTY = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "\uff1d1+1",
    'say "no", then; go\r\nnext line',
    "café 東京 \U0001f525",
    "plain",
]
PLANTED = "pl4nted-s3cret"


def rows_of(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    text = answer.get_data().decode()
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def shop(served: Filled, now: datetime, count: int = 5) -> None:
    served.results("shop-db", [Status.HEALTHY] * count, now - timedelta(seconds=1))


def say(served: Filled, messages: list[str]) -> None:
    """Let the newest results of all checks have said this."""
    table = schema.results
    with served.engine.begin() as connection:
        found = connection.execute(table.select().order_by(table.c.at)).all()
        for row, message in zip(found, messages, strict=True):
            mine = (table.c.check_id == row.check_id) & (table.c.at == row.at)
            connection.execute(update(table).where(mine).values(message=message))


# ── What it holds ───────────────────────────────────────────────────────────────────────────────


def test_what_a_check_said_comes_back_whole_and_no_spreadsheet_carries_it_out(
    served: Filled, viewer: FlaskClient, now: datetime
) -> None:
    shop(served, now, len(NASTY))
    say(served, NASTY)

    rows = rows_of(viewer.get("/api/v1/export/results?check=shop-db"))

    told = [row["message"] for row in rows]
    assert told == [*(f"'{text}" for text in NASTY[:8]), *NASTY[8:]]
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@\t\r" and cell]
    assert {row["check"] for row in rows} == {"shop-db"}
    assert [float(row["response_ms"]) for row in rows] == [12.0] * len(NASTY)


def test_all_forms_tell_the_same_rows(served: Filled, viewer: FlaskClient, now: datetime) -> None:
    shop(served, now, len(NASTY))
    say(served, NASTY)

    document = json.loads(viewer.get("/api/v1/export/results?format=json").get_data())
    lines = viewer.get("/api/v1/export/results?format=jsonl").get_data().splitlines()
    rows = rows_of(viewer.get("/api/v1/export/results"))

    assert [json.loads(line) for line in lines] == document["results"]
    assert [row["message"] for row in document["results"]] == NASTY
    assert [row["at"] for row in document["results"]] == [row["at"] for row in rows]
    assert datetime.fromisoformat(rows[-1]["at"]) == now - timedelta(seconds=1)
    assert rows[-1]["at"].endswith("+00:00")


def test_rows_beyond_a_slice_are_all_there_once_and_in_order(
    served: Filled, viewer: FlaskClient, now: datetime
) -> None:
    made = stocked(served, now, 2_500)

    rows = rows_of(viewer.get("/api/v1/export/results?hours=48&check=cpu&check=shop-db"))

    assert [row["check"] for row in rows] == ["cpu"] * made + ["shop-db"] * made
    times = [row["at"] for row in rows[:made]]
    assert times == sorted(set(times))


def test_the_end_is_left_out_and_the_beginning_is_not(
    served: Filled, viewer: FlaskClient, now: datetime
) -> None:
    shop(served, now, 3)
    last = now - timedelta(seconds=1)
    first = last - timedelta(seconds=60)

    rows = rows_of(
        viewer.get(
            "/api/v1/export/results",
            query_string={"start": first.isoformat(), "end": last.isoformat()},
        )
    )

    assert [row["at"] for row in rows] == [
        each.isoformat() for each in (first, first + timedelta(seconds=30))
    ]


def test_an_empty_export_has_its_columns_all_the_same(viewer: FlaskClient) -> None:
    for what in ("results", "incidents", "alerts"):
        answer = viewer.get(f"/api/v1/export/{what}")
        assert rows_of(answer) == []
        assert b"," in answer.get_data()
        found = json.loads(viewer.get(f"/api/v1/export/{what}?format=json").get_data())
        assert found[what] == []


def test_it_is_a_file_of_a_plain_name_and_packed_for_who_takes_that(
    served: Filled, viewer: FlaskClient, now: datetime
) -> None:
    shop(served, now)

    plain = viewer.get("/api/v1/export/results?format=json")
    packed = viewer.get("/api/v1/export/results?format=json", headers={"Accept-Encoding": "gzip"})

    name = r'attachment; filename="nocturne-results-\d{8}-\d{8}\.json"'
    assert re.fullmatch(name, plain.headers["Content-Disposition"])
    assert plain.headers["Cache-Control"] == "no-store"
    assert packed.headers["Content-Encoding"] == "gzip"
    unpacked = json.loads(gzip.decompress(packed.get_data()))
    assert unpacked["results"] == json.loads(plain.get_data())["results"]


def test_incidents_tell_how_long_people_took_and_alerts_who_was_told(
    served: Filled, viewer: FlaskClient, now: datetime
) -> None:
    opened = now - timedelta(minutes=30)
    incident = served.incident("shop-db", opened)
    acknowledge(served, incident.id, opened + timedelta(minutes=2))
    served.incident("shop-db", opened + timedelta(minutes=10), Status.HEALTHY)
    served.incident("cpu", opened)

    [row] = rows_of(viewer.get("/api/v1/export/incidents?check=shop-db"))
    alerts = rows_of(viewer.get("/api/v1/export/alerts?check=shop-db"))

    assert (row["id"], row["status"], row["severity"]) == (incident.id, "resolved", "critical")
    assert (row["to_acknowledge_s"], row["to_resolve_s"]) == ("120.0", "600.0")
    assert {each["incident"] for each in alerts} == {incident.id}
    assert {each["channel"] for each in alerts} == {"ops"}
    assert len(rows_of(viewer.get("/api/v1/export/incidents"))) == 2


def test_a_series_is_told_by_its_samples_or_by_what_was_rolled_up(
    served: Filled, viewer: FlaskClient, now: datetime
) -> None:
    samples = tuple(
        Sample(
            name="queue.length",
            at=now - timedelta(seconds=seconds),
            value=-float(seconds),
            labels=(("check", "cpu"), ("queue", name)),
        )
        for seconds in (30, 20, 10)
        for name in ("=a", "b")
    )
    served.journal.commit(served.lease, [], samples)
    bucket = to_ms(now) // 3_600_000 - 1
    with served.engine.begin() as connection:
        [first, *_] = connection.execute(schema.series.select().order_by(schema.series.c.id)).all()
        rolled = {"step": 3600, "series_id": first.id, "bucket": bucket, "count": 2}
        numbers = {"min": -1.5, "max": 4.0, "sum": 2.5, "last": 4.0}
        connection.execute(insert(schema.rollups).values(**rolled, **numbers))

    rows = rows_of(viewer.get("/api/v1/export/series?metric=queue.length&label=queue=b"))
    both = rows_of(viewer.get("/api/v1/export/series?check=cpu"))
    [hour] = rows_of(
        viewer.get("/api/v1/export/series?metric=queue.length&label=queue=%3Da&resolution=1h")
    )

    assert [float(row["value"]) for row in rows] == [-30.0, -20.0, -10.0]
    assert json.loads(rows[0]["labels"]) == {"check": "cpu", "queue": "b"}
    assert len(both) == 6
    assert (hour["count"], hour["min"], hour["sum"]) == ("2", "-1.5", "2.5")
    assert datetime.fromisoformat(hour["at"]) == datetime.fromtimestamp(bucket * 3600, UTC)


# ── Availability ────────────────────────────────────────────────────────────────────────────────

MIDNIGHT = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}


@pytest.fixture
def two_days(served: Filled, now: datetime) -> datetime:
    """Two days of two checks. Returns the first's midnight; `now` is on the third."""
    start = now.replace(**MIDNIGHT) - timedelta(days=2)  # type: ignore[arg-type]
    served.publish({"shop-db": about(weight=3.0), "shop-api": about(weight=1.0), "cpu": about()})

    def at(hours: float) -> datetime:
        return start + timedelta(hours=hours)

    for name in ("shop-db", "shop-api"):
        turn(served, name, at(0), Status.UNKNOWN, Status.HEALTHY, was=Mark.PENDING)
    # 6 h down on the first day, 3 of them in one piece, 2 h of maintenance, 1 h over midnight.
    for begin, end in ((2, 5), (8, 10), (23.5, 24.5)):
        turn(served, "shop-db", at(begin), Status.HEALTHY, Status.CRITICAL)
        incident = served.incident("shop-db", at(begin))
        if begin == 2:
            acknowledge(served, incident.id, at(begin) + timedelta(minutes=6))
        turn(served, "shop-db", at(end), Status.CRITICAL, Status.HEALTHY)
        served.incident("shop-db", at(end), Status.HEALTHY)
    turn(served, "shop-db", at(14), Status.HEALTHY, Status.CRITICAL, Mark.MAINTENANCE)
    turn(served, "shop-db", at(16), Status.CRITICAL, Status.HEALTHY, was=Mark.MAINTENANCE)
    uptimes.roll(served.slices, now)
    return start


def turn(
    served: Filled,
    name: str,
    at: datetime,
    before: Status,
    to: Status,
    mark: Mark = Mark.NONE,
    was: Mark = Mark.NONE,
) -> None:
    moved = Transition(
        check=name,
        at=at,
        change=Change.HARD,
        before=before,
        after=to,
        mark_before=was,
        mark=mark,
        reason="refused",
        message="",
    )
    state = CheckState(check=name, hard=to, mark=mark, last_at=at)
    served.journal.commit(served.lease, [Entry(state=state, due=at, transitions=(moved,))])


def acknowledge(served: Filled, incident_id: str, at: datetime) -> None:
    order = Order(verb=Verb.ACKNOWLEDGE)
    IncidentChanges(served.engine).carry_out(incident_id, order, actor="ann", now=at)


def test_availability_is_what_one_computes_by_hand(viewer: FlaskClient, two_days: datetime) -> None:
    end = two_days + timedelta(days=2)
    query = {
        "start": two_days.isoformat(),
        "end": end.isoformat(),
        "period": "day",
        "format": "json",
    }

    told = json.loads(viewer.get("/api/v1/export/availability", query_string=query).get_data())

    by = {(row["period"], row["from"], row["check"]): row for row in told["availability"]}
    assert len(told["availability"]) == len(by) == 3 * 4
    day = by["day", two_days.isoformat(), "shop-db"]
    assert (day["critical_s"], day["downtime_s"]) == (5.5 * 3600, 5.5 * 3600)
    assert (day["maintenance_s"], day["healthy_s"]) == (2 * 3600, 16.5 * 3600)
    assert day["percent"] == 75.0
    assert (day["incidents"], day["mtta_s"], day["longest_outage_s"]) == (3, 360.0, 3 * 3600)
    assert day["mttr_s"] == 2 * 3600.0
    second = by["day", (two_days + timedelta(days=1)).isoformat(), "shop-db"]
    assert (second["downtime_s"], second["longest_outage_s"]) == (1800, 1800)
    assert (second["incidents"], second["mttr_s"]) == (0, None)
    total = by["range", two_days.isoformat(), "shop-db"]
    assert (total["downtime_s"], total["longest_outage_s"]) == (6 * 3600, 3 * 3600)
    assert total["percent"] == round(100 * 40 / 46, 4)
    unmeasured = by["range", two_days.isoformat(), "cpu"]
    assert (unmeasured["percent"], unmeasured["unmeasured_s"]) == (None, 48 * 3600)
    overall = by["day", two_days.isoformat(), None]
    # Three parts of 75 %, one of 100 %; what was not measured counts for nothing.
    assert overall["percent"] == (3 * 75 + 100) / 4
    assert (overall["incidents"], overall["downtime_s"]) == (3, 5.5 * 3600)
    assert list(by)[-1] == ("range", two_days.isoformat(), None)


def test_availability_agrees_with_uptime(viewer: FlaskClient, two_days: datetime) -> None:
    for days in (1, 2, 30):
        for period in ("day", "week", "month", "range"):
            query = {"hours": days * 24, "period": period, "format": "json"}
            uptime = viewer.get(f"/api/v1/uptime?days={days}").get_json()
            answer = viewer.get("/api/v1/export/availability", query_string=query)
            told = json.loads(answer.get_data())

            assert told["from"] == uptime["from"]
            later = datetime.fromisoformat(told["to"]) - datetime.fromisoformat(uptime["to"])
            assert len(uptime["checks"]) == 3
            for check in uptime["checks"]:
                row = whole_of(told, check["name"])
                seconds = {name: row[f"{name}_s"] for name in check["seconds"]}
                # In between, what is healthy and what is not measured yet went on.
                seconds["healthy" if check["percent"] else "unmeasured"] -= later.total_seconds()
                assert seconds == pytest.approx(check["seconds"], abs=0.002)
                assert row["percent"] == pytest.approx(check["percent"], abs=0.001)


def whole_of(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The row of the whole range of a check: the last one of it."""
    rows: list[Mapping[str, Any]] = told["availability"]
    return [row for row in rows if row["check"] == name][-1]


def test_availability_of_a_check_alone_and_of_too_many_rows(
    served: Filled, viewer: FlaskClient, two_days: datetime
) -> None:
    rows = rows_of(viewer.get("/api/v1/export/availability?check=shop-api&hours=48"))
    assert [row["check"] for row in rows] == ["shop-api", ""]

    served.publish({f"more-{number}": about() for number in range(60)})
    refused = viewer.get("/api/v1/export/availability?hours=43800&period=day")

    assert refused.status_code == 400
    assert refused.get_json()["detail"].startswith("period: ")


# ── What is refused ─────────────────────────────────────────────────────────────────────────────


WRONG = [
    *(f"start={text}" for text in ("x", "0", "-1", "2026-01-01", "9999-12-31T23:59:59Z", "")),
    "start=0001-01-01T00:00:00%2B14:00",
    "start=2100-01-01T00:00:00Z",
    "start=2026-11-20T00:00:00+00:00",
    "start=1971-01-02T00:00:00Z",
    "start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z",
    "end=never",
    *(f"hours={text}" for text in ("nan", "inf", "-1", "0", "1e308", "1,5", "true", "")),
    "hours=1&start=2026-01-01T00:00:00Z",
    *(f"format={text}" for text in ("xml", "CSV", "")),
    "check=",
    "check=%00",
    "check=a%0Ab",
    "check=nobody",
    "check=../../etc/passwd",
    f"check={'x' * 10_000}",
    "chek=cpu",
    "hours=1&hours=2",
]
WRONG_SERIES = [
    "metric=",
    "metric=nothing.such",
    "metric=%00",
    "label=x&metric=a",
    "label=x=1&label=x=2&metric=a",
    "resolution=1s&metric=a",
    "period=day&metric=a",
]


def test_what_cannot_be_is_refused_by_the_name_of_its_field(viewer: FlaskClient) -> None:
    for what in ("results", "series", "incidents", "alerts", "availability"):
        more = "&metric=a" if what == "series" else ""
        queries = [f"{query}{more}" for query in WRONG] + (WRONG_SERIES if more else [])
        for query in queries:
            answered = send(viewer, "GET", f"/api/v1/export/{what}?{query}", b"")

            assert_refused(answered, 400, 404)
            assert answered.detail.startswith(f"{query.partition('=')[0]}: "), query[:100]
            assert len(answered.detail) < 500
    nothing = send(viewer, "GET", "/api/v1/export/series", b"")
    assert nothing.detail.startswith("metric: ")


def test_secrets_that_the_store_holds_are_in_no_export(
    served: Filled, viewer: FlaskClient, now: datetime
) -> None:
    shop(served, now)
    served.incident("shop-db", now - timedelta(minutes=5))
    with served.engine.begin() as connection:
        base = {"name": "shop-db", "kind": "http", "headers": {"Authorization": PLANTED}}
        connection.execute(update(schema.definitions).values(base=base, source=PLANTED))
        connection.execute(update(schema.outbox).values(body={"token": PLANTED}, key=PLANTED))
        connection.execute(update(schema.check_state).values(details={"token": PLANTED}))
        document = about(target=f"http://user:{PLANTED}@shop.example/")
        connection.execute(update(schema.check_state).values(about=document))

    for what in ("results", "incidents", "alerts", "availability", "series?check=shop-db"):
        for form in ("csv", "json", "jsonl"):
            sign = "&" if "?" in what else "?"
            found = viewer.get(f"/api/v1/export/{what}{sign}format={form}").get_data()
            assert PLANTED.encode() not in found


# ── What it costs ───────────────────────────────────────────────────────────────────────────────


def stocked(served: Filled, now: datetime, count: int) -> int:
    """So many results of each of two checks, over the last day."""
    with served.engine.begin() as connection:
        ids = connection.scalars(
            schema.check_state.select()
            .with_only_columns(schema.check_state.c.id)
            .where(schema.check_state.c.name.in_(["shop-db", "cpu"]))
        ).all()
        rows = [
            {
                "check_id": key,
                "at": now - timedelta(seconds=10 + number),
                "status": 4,
                "attempt": 1,
                "response_ms": number / 8,
                "message": f"answered {number} times",
            }
            for key in ids
            for number in range(count)
        ]
        connection.execute(insert(schema.results), rows)
    return count


def test_rows_are_read_as_they_are_taken_and_no_more_of_them(served: Filled, now: datetime) -> None:
    stocked(served, now, 5_000)
    exports = Exports(served.engine, ladder(30, 365), lambda: now)
    statements: list[str] = []
    event.listen(
        served.engine, "before_cursor_execute", lambda *told: statements.append(str(told[2]))
    )

    pieces = exports.pieces(asked(What.RESULTS, {"hours": ["24"]}, now))
    first = [next(pieces) for _ in range(3)]
    read = len([each for each in statements if "FROM results" in each])
    rest = list(pieces)

    assert read == 2
    assert len(rest) == 8
    assert max(map(len, [*first, *rest])) < 200_000


def small_server(served: Filled, longest_s: float) -> Flask:
    server = Flask("small")
    exports = Exports(served.engine, ladder(30, 365), utc_now)
    server.register_blueprint(export.blueprint(exports, utc_now, time.monotonic, longest_s))
    return server


def test_two_are_made_at_once_and_the_third_is_told_to_come_again(
    served: Filled, now: datetime
) -> None:
    stocked(served, now, 5_000)
    client = small_server(served, 60).test_client()
    address = "/api/v1/export/results"

    begun = [client.get(address, buffered=False) for _ in range(2)]
    refused = client.get(address)

    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    begun[0].close()
    assert client.get(address, buffered=True).status_code == 200
    begun[1].get_data()
    for _ in range(3):
        assert client.head(address, buffered=True).status_code == 200
        assert client.get(f"{address}?check=nobody").status_code == 404


def test_one_that_takes_too_long_is_broken_off(served: Filled, now: datetime) -> None:
    stocked(served, now, 5_000)
    times = iter([0.0, 1.0, 2.0, *[61.0] * 100])
    server = Flask("small")
    exports = Exports(served.engine, ladder(30, 365), lambda: now)
    server.register_blueprint(export.blueprint(exports, lambda: now, lambda: next(times), 60))

    answer = server.test_client().get("/api/v1/export/results", buffered=False)

    with pytest.raises(export.TookTooLong, match="broken off"):
        list(answer.response)
    answer.close()


@pytest.fixture
def listening(served: Filled) -> Iterator[Any]:
    """The exports behind the real server, which waits for those who take nothing."""
    server = create_server(
        small_server(served, 1.0), host="127.0.0.1", port=0, outbuf_high_watermark=10_000
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server
    # In its own thread, which ends when nothing is open any more.
    server.trigger.pull_trigger(server.close)
    thread.join(20)
    server.task_dispatcher.shutdown()


def test_who_takes_nothing_holds_no_thread_for_ever(
    served: Filled, listening: Any, now: datetime
) -> None:
    stocked(served, now, 10_000)
    request = b"GET /api/v1/export/results HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.socket() as sluggish:
        sluggish.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sluggish.connect(("127.0.0.1", int(listening.effective_port)))
        sluggish.sendall(request)
        wait_for(lambda: listening.task_dispatcher.active_count == 1, 20)

        wait_for(lambda: listening.task_dispatcher.active_count == 0, 30)
