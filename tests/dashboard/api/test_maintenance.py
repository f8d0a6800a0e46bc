"""Maintenance windows over HTTP: what covers what and when; what is refused changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from domain.facts import Detail
from storage import definitions
from storage.changes import MAINTENANCE
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

PATH = "/api/v1/maintenance"
NIGHTLY: dict[str, Detail] = {
    "name": "nightly",
    "match": {"tags": ["shop"]},
    "start": "02:00",
    "duration": "30m",
}
ONCE: dict[str, Detail] = {**NIGHTLY, "name": "move", "start": "2026-11-30 22:00"}


@pytest.fixture
def filed(served: Filled) -> Filled:
    """The file has the window `nightly`."""
    definitions.publish(served.engine, MAINTENANCE, [NIGHTLY], "config.toml", START)
    return served


def add(client: FlaskClient, **table: Any) -> TestResponse:
    return client.post(PATH, json={"table": {**ONCE, **table}})


def edit(client: FlaskClient, name: str, version: int, **fields: Any) -> TestResponse:
    return client.patch(f"{PATH}/{name}", json={"version": version, "fields": fields})


def order(client: FlaskClient, name: str, verb: str, version: int = 1) -> TestResponse:
    return client.post(f"{PATH}/{name}/{verb}", json={"version": version})


def test_windows_are_listed_with_when_they_cover_and_when_they_come_next(
    operator: FlaskClient, filed: Filled, now: datetime
) -> None:
    begins = now - timedelta(minutes=5)
    add(operator, name="present", start=f"{begins:%Y-%m-%d %H:%M:%S}", duration="1h")

    body = operator.get(PATH).get_json()

    nightly, present = body["maintenance"]
    assert (body["count"], nightly["name"], present["name"]) == (2, "nightly", "present")
    assert nightly["next"]["start"].endswith("T02:00:00+00:00")
    assert present["active"] == {
        "start": begins.isoformat(),
        "end": (begins + timedelta(hours=1)).isoformat(),
    }
    assert present["next"] is None
    assert (nightly["in_file"], present["in_file"]) == (True, False)


def test_a_window_is_added_edited_and_removed(operator: FlaskClient, served: Filled) -> None:
    made = add(operator)
    edited = edit(operator, "move", 1, duration="2h", reason="the rack moves")
    gone = order(operator, "move", "remove", 2)

    assert (made.status_code, made.get_json()["version"]) == (201, 1)
    assert edited.get_json()["table"] == {**ONCE, "duration": "2h", "reason": "the rack moves"}
    assert (gone.status_code, gone.get_json()) == (200, {"state": "removed"})
    assert operator.get(PATH).get_json() == {"count": 0, "maintenance": [], "next": None}


def test_a_window_of_the_file_is_edited_and_reverted_and_not_removed(
    operator: FlaskClient, filed: Filled
) -> None:
    off = edit(operator, "nightly", 1, enabled=False).get_json()
    kept = order(operator, "nightly", "remove", 2)
    on = order(operator, "nightly", "revert", 2).get_json()

    assert (off["edited"], off["next"]) == (["enabled"], None)
    assert kept.status_code == 409
    assert (on["table"], on["edited"]) == (NIGHTLY, [])


def test_a_name_is_used_once_however_it_is_encoded(operator: FlaskClient, served: Filled) -> None:
    made = add(operator, name="café")
    twin = add(operator, name="cafe\u0301")
    found = operator.get(f"{PATH}/caf%C3%A9")

    assert (made.status_code, twin.status_code, found.status_code) == (201, 409, 200)


def test_a_name_with_slashes_is_found_at_its_address(operator: FlaskClient, served: Filled) -> None:
    add(operator, name="dc1/rack 4/revert")

    found = operator.get(f"{PATH}/dc1/rack%204/revert")
    edited = edit(operator, "dc1/rack%204/revert", 1, reason="x")
    gone = order(operator, "dc1%2frack%204%2frevert", "remove", 2)

    assert found.get_json()["name"] == "dc1/rack 4/revert"
    assert (edited.status_code, gone.status_code) == (200, 200)


def test_of_two_edits_of_one_version_the_second_is_refused_and_shown_both(
    operator: FlaskClient, filed: Filled
) -> None:
    edit(operator, "nightly", 1, duration="45m")

    second = edit(operator, "nightly", 1, duration="1h")

    body = second.get_json()
    assert second.status_code == 409
    assert body["current"]["table"]["duration"] == "45m"
    assert body["yours"] == {"duration": "1h"}


# What can't be: a change of a good table, and the field that is named.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"end": "2026-11-30 21:00", "duration": None}, "end"),
    ({"end": "2026-11-30 22:00", "duration": None}, "end"),
    ({"end": "2027-12-30 22:00", "duration": None}, "end"),
    ({"end": "2026-11-30 23:00"}, "end"),
    ({"duration": "0s"}, "duration"),
    ({"duration": "-1h"}, "duration"),
    ({"duration": 60}, "duration"),
    ({"duration": "9999d"}, "duration"),
    ({"start": "9999-12-31 23:59"}, "start"),
    ({"start": "0001-01-01 00:00"}, "start"),
    ({"start": "2026-02-30 10:00"}, "start"),
    ({"start": "25:00"}, "start"),
    ({"start": 0}, "start"),
    ({"start": "2026-11-30T22:00:00.5Z"}, "start"),
    ({"start": "2026-03-29 02:30", "timezone": "Europe/Berlin"}, "start"),
    ({"timezone": "Europe/Atlantis"}, "timezone"),
    ({"timezone": "../../etc/passwd"}, "timezone"),
    ({"timezone": "right/UTC"}, "timezone"),
    ({"timezone": "posix/Europe/Berlin"}, "timezone"),
    ({"timezone": "localtime"}, "timezone"),
    ({"timezone": "posixrules"}, "timezone"),
    ({"timezone": "Factory"}, "timezone"),
    ({"timezone": "zone.tab"}, "timezone"),
    ({"timezone": ""}, "timezone"),
    ({"timezone": 1}, "timezone"),
    ({"recurrence": "yearly"}, "recurrence"),
    ({"recurrence": "weekly", "start": "02:00"}, "days"),
    ({"recurrence": "weekly", "start": "02:00", "days": ["someday"]}, "days"),
    ({"recurrence": "monthly", "start": "02:00", "days": [0]}, "days"),
    ({"recurrence": "monthly", "start": "02:00", "days": [True]}, "days"),
    ({"recurrence": "monthly", "start": "02:00", "days": [1] * 101}, "days"),
    ({"recurrence": "daily"}, "start"),
    ({"days": ["mon"]}, "days"),
    ({"flexible": "soon"}, "flexible"),
    ({"match": {}}, "match"),
    ({"match": {"name": "*"}}, "match"),
    ({"match": {"severity": "minor"}}, "match"),
    ({"match": {"nmae": "x"}}, "match"),
    ({"match": {"name": "x["}}, "match"),
    ({"match": {"name": "[z-a]"}}, "match"),
    ({"match": None}, "match"),
    ({"everything": True}, "everything"),
    ({"enabled": "yes"}, "enabled"),
    ({"reason": RTL}, "reason"),
    ({"reason": "x" * 1001}, "reason"),
    ({"cron": "* * * * *"}, "cron"),
    ({"name": 5}, "name"),
    ({"name": None}, "name"),
    ({"name": ""}, "name"),
    ({"name": ".."}, "name"),
    ({"name": "a/../b"}, "name"),
    ({"name": "a//b"}, "name"),
    ({"name": "/a"}, "name"),
    ({"name": RTL}, "name"),
    ({"name": "a\x00b"}, "name"),
    ({"name": LONG}, "name"),
    ({"name": "x" * 201}, "name"),
]


def test_a_window_that_can_not_be_is_refused_by_the_fields_name_and_changes_nothing(
    operator: FlaskClient, served: Filled
) -> None:
    before = everything(served.engine)

    for change, field in WRONG:
        table = {**ONCE, **change}
        if "end" in change and "duration" in change:
            del table["duration"]
        answered = send(operator, "POST", PATH, msgspec.json.encode({"table": table}))
        assert_refused(answered)
        assert field in answered.detail, change

    assert everything(served.engine) == before


def test_a_window_of_everything_is_asked_for_twice(operator: FlaskClient, served: Filled) -> None:
    assert add(operator, match={}, everything=True).status_code == 201


def test_a_window_that_would_leave_no_check_out_is_asked_for_twice(
    operator: FlaskClient, filed: Filled
) -> None:
    before = everything(filed.engine)
    table = {**ONCE, "match": {"kind": "http"}}
    change = {"version": 1, "fields": {"match": {"name": "[a-z]*"}}}

    made = send(operator, "POST", PATH, msgspec.json.encode({"table": table}))
    edited = send(operator, "PATCH", f"{PATH}/nightly", msgspec.json.encode(change))

    for answered, beside in ((made, "table"), (edited, "fields")):
        assert_refused(answered, 409)
        assert answered.detail == (
            "match: it covers all 3 checks that there are: "
            f'send "everything": true beside "{beside}" if that is meant'
        )
    assert everything(filed.engine) == before
    assert operator.post(PATH, json={"table": table, "everything": True}).status_code == 201
    meant = operator.patch(f"{PATH}/nightly", json={**change, "everything": True})
    assert meant.status_code == 200
    # It was asked for once and for all: other fields are edited without another question.
    assert edit(operator, "nightly", 2, duration="45m").status_code == 200


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
        '""',
        '" "',
        "null",
    }
    null = {"null"}
    fits = dict.fromkeys(("start", "duration", "match", "timezone", "days", "flexible"), null)
    fits |= {"enabled": {"true", "null"}, "reason": words}

    for field, value in product(fits, HOSTILE):
        if value not in fits[field]:
            body = f'{{"version": 1, "fields": {{"{field}": {value}}}}}'
            assert_refused(send(operator, "PATCH", f"{PATH}/nightly", body))

    assert everything(filed.engine) == before


def test_what_is_no_object_is_refused(operator: FlaskClient, filed: Filled) -> None:
    before = everything(filed.engine)
    routes = [
        ("POST", ""),
        ("PATCH", "/nightly"),
        ("POST", "/nightly/revert"),
        ("POST", "/nightly/remove"),
    ]

    for (method, path), data in product(routes, [*MALFORMED, b""]):
        assert_refused(send(operator, method, PATH + path, data), 400)

    assert everything(filed.engine) == before


def test_a_window_that_nobody_defined_is_not_found(operator: FlaskClient, filed: Filled) -> None:
    before = everything(filed.engine)
    routes = [
        ("GET", "", b""),
        ("PATCH", "", b'{"version": 1, "fields": {"reason": "x"}}'),
        ("POST", "/revert", b'{"version": 1}'),
        ("POST", "/remove", b'{"version": 1}'),
    ]

    for name, (method, verb, data) in product(STRANGE, routes):
        answered = send(operator, method, f"{PATH}/{name}{verb}", data)
        assert answered.response.status_code in (404, 405), (name, verb)
        assert answered.took_s < SLOWEST_S

    assert everything(filed.engine) == before


def test_viewers_read_windows_and_change_none(viewer: FlaskClient, filed: Filled) -> None:
    before = everything(filed.engine)

    assert viewer.get(PATH).status_code == 200
    assert viewer.get(f"{PATH}/nightly").status_code == 200
    assert add(viewer).status_code == 401
    assert edit(viewer, "nightly", 1, reason="x").status_code == 401
    assert order(viewer, "nightly", "revert").status_code == 401
    assert order(viewer, "nightly", "remove").status_code == 401
    assert everything(filed.engine) == before
