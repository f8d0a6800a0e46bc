"""What no field can be, and the routes with a body that takes fields: for the tests of bad input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from domain.facts import Detail
from tests.dashboard.api.serving import LONG

SWAP: dict[str, Detail] = {
    "id": "swap-high",
    "metric": "system.swap.percent",
    "operator": "gt",
    "warning": 50,
    "critical": 80,
}
NIGHTLY: dict[str, Detail] = {
    "name": "nightly",
    "match": {"tags": ["shop"]},
    "start": "02:00",
    "duration": "30m",
}
ONCE: dict[str, Detail] = {
    **NIGHTLY,
    "name": "move",
    "start": "2026-11-30 22:00",
    "timezone": "Europe/Berlin",
}
LATENCY: dict[str, Any] = {
    "id": "cpu:http.total_ms",
    "metric": "http.total_ms",
    "title": "Response time",
    "operator": "gte",
    "warning": 400.0,
    "critical": 800.0,
    "unit": "ms",
}

# As JSON, since some of it is none. What no field of any body can be:
NO_VALUE = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1e999",
    str(2**63),
    str(-(2**63) - 1),
    "9" * 5000,
    '"\\ud800"',
    '"a\\udfffb"',
    '"a\\u0000b"',
    '"a\\u202eb"',
    '"a\\u2066b"',
)
NO_TABLE = ("true", "1", '"x"', "[]", "[[[[]]]]")
NO_LIST = ("true", "1", '"x"', '{"a": 1}')
NO_NUMBER = ("1e308", "-1e308", '"1,5"', '"50"', '""', "true", "[]", "{}")
NO_WHOLE = ("1.5", "1e308", '"1,5"', '"1"', '""', "true", "null", "[]", "{}")
NO_WHOLE_BUT_NULL = tuple(each for each in NO_WHOLE if each != "null")
NO_TEXT = ("1", "1e308", "true", "[]", "{}", f'"{LONG * 2}"')
NO_LINE = (*NO_TEXT, '""', '" "', '"a\\nb"', f'"{LONG}"')
NO_FLAG = ("0", "1", "1.0", "1e308", '"1,5"', '"true"', '""', "[]", "{}")
NO_WORD = (*NO_TEXT, '""', '"nosuch"', '"1,5"', '"../../etc/passwd"')
NO_LENGTH = ("60", "-1", "1e308", "true", "[]", "{}", '""', '"1,5s"', '"-5s"', '"soon"', '"99999d"')
NO_LENGTH_AT_ALL = (*NO_LENGTH, '"0s"', '"-0s"')
NO_MOMENT = (
    "0",
    "-1",
    "1e308",
    "true",
    "[]",
    "{}",
    '""',
    '"1,5"',
    '"9999-12-31T23:59:59Z"',
    '"0001-01-01T00:00:00+14:00"',
    '"2026-01-31T22:00:00"',
    '"2026-02-30T22:00:00Z"',
)
NO_ID = (
    *NO_LINE,
    "null",
    '".."',
    '"../x"',
    '"a/../b"',
    '"a//b"',
    '"/"',
    f'"{LONG}"',
)
BROKEN_PATTERNS = ('"x["', '"[]"', '"[z-a]"', '""', '" "', f'"{LONG}"', "1", "true", "[]", "{}")
NO_MATCH = (
    *NO_TABLE,
    "null",
    '{"nmae": "x"}',
    '{"name": "a", "name": "b"}',
    '{"\\u0000": "x"}',
    *(f'{{"name": {pattern}}}' for pattern in BROKEN_PATTERNS),
    *(f'{{"tags": ["shop", {pattern}]}}' for pattern in BROKEN_PATTERNS),
)
NO_ZONE = (
    *NO_WORD,
    '"Europe/Atlantis"',
    '"europe/berlin"',
    '"localtime"',
    '"posixrules"',
    '"right/UTC"',
    '"posix/Europe/Berlin"',
    '"+01:00"',
)
NO_START = (
    "0",
    "-1",
    "1e308",
    "true",
    "null",
    "[]",
    '""',
    '"1,5"',
    '"25:00"',
    '"2026-02-30 10:00"',
    '"9999-12-31 23:59"',
    '"1969-12-31 23:59"',
    '"0001-01-01 00:00"',
    # Clocks in Berlin are set forward over it.
    '"2026-03-29 02:30"',
)
RULE_FIELDS: Mapping[str, Sequence[str]] = {
    "metric": (*NO_LINE, '"two words"'),
    "title": NO_LINE,
    "description": NO_TEXT,
    "runbook": NO_TEXT,
    "kind": NO_WORD,
    "check": (*NO_LINE, '"a/../b"', '"nosuch"'),
    "labels": (
        *NO_TABLE,
        '{"mount": 1}',
        '{"mount": ""}',
        '{"mount": "x["}',
        '{"check": "nosuch"}',
    ),
    "operator": NO_WORD,
    "warning": (*NO_NUMBER, "90"),
    "critical": NO_NUMBER,
    "clear_warning": (*NO_NUMBER, "65"),
    "clear_critical": (*NO_NUMBER, "81"),
    "for": NO_LENGTH,
    "keep_firing_for": NO_LENGTH,
    "interval": NO_LENGTH_AT_ALL,
    "cooldown": NO_LENGTH,
    "window": (*NO_LENGTH_AT_ALL, '"1h"'),
    "reaches": (*NO_NUMBER, "100"),
    "missing": NO_WORD,
    "severity": NO_WORD,
    "enabled": NO_FLAG,
    "channels": (*NO_LIST, '["nosuch"]', "[1]", '[""]'),
    "tags": (*NO_LIST, "[1]", '[""]', '[".."]'),
    "thershold": ("1", '"x"'),
}
WINDOW_FIELDS: Mapping[str, Sequence[str]] = {
    "match": (*NO_MATCH, "{}", '{"name": "*"}', '{"kind": "[a-z]*"}', '{"severity": "minor"}'),
    "start": NO_START,
    "end": (*NO_START[:-1], '"2026-11-30 23:00"'),
    "duration": NO_LENGTH_AT_ALL,
    "flexible": NO_LENGTH_AT_ALL,
    "recurrence": (*NO_WORD, '"yearly"', '"* * * * *"', '"FREQ=DAILY"'),
    "days": (*NO_LIST, '["someday"]', "[0]", "[32]", "[true]"),
    "timezone": NO_ZONE,
    "reason": NO_TEXT,
    "author": NO_TEXT,
    "enabled": NO_FLAG,
    "everything": (*NO_FLAG, "true"),
    "cron": ('"* * * * *"',),
}


@dataclass(frozen=True, kw_only=True)
class Route:
    """A route with a body that it takes; `wrong` are values by the path of a field, as JSON."""

    method: str = "POST"
    path: str
    good: Mapping[str, Any]
    wrong: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def bodies(self) -> Iterator[tuple[str, str]]:
        """The name of each field, with a body in which it is wrong."""
        for place, values in self.wrong.items():
            for value in (*values, *NO_VALUE):
                yield place.rpartition(".")[2], self.body(place, value)

    def body(self, place: str, value: str) -> str:
        """The good body with another value at one place."""
        parts = place.split(".")
        body: dict[str, Any] = dict(self.good)
        table = body
        for part in parts[:-1]:
            table[part] = dict(table[part])
            table = table[part]
        table[parts[-1]] = msgspec.Raw(value.encode("utf-8"))
        return msgspec.json.encode(body).decode()


def within(place: str, fields: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    return {f"{place}.{name}": values for name, values in fields.items()}


def without_null(fields: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    return {name: [each for each in values if each != "null"] for name, values in fields.items()}


VERSION = {"version": NO_WHOLE, "actor": ('"root"',)}
ROUTES: Mapping[str, Sequence[Route]] = {
    "rules": [
        Route(
            path="/api/v1/rules",
            good={"table": {**SWAP, "id": "other"}},
            wrong={"table": NO_TABLE, "table.id": NO_ID, **within("table", RULE_FIELDS)},
        ),
        Route(
            method="PATCH",
            path="/api/v1/rules/swap-high",
            good={"version": 1, "fields": {"warning": 60}},
            wrong={**VERSION, "fields": NO_TABLE, **without_null(within("fields", RULE_FIELDS))},
        ),
        Route(
            path="/api/v1/rules/backtest",
            good={"table": SWAP, "hours": 1},
            wrong={"hours": (*NO_NUMBER, "0", "-1", "2161"), **within("table", RULE_FIELDS)},
        ),
        Route(path="/api/v1/rules/swap-high/revert", good={"version": 1}, wrong=VERSION),
        Route(path="/api/v1/rules/swap-high/remove", good={"version": 1}, wrong=VERSION),
    ],
    "maintenance": [
        Route(
            path="/api/v1/maintenance",
            good={"table": ONCE},
            wrong={
                "table": NO_TABLE,
                "everything": NO_FLAG,
                "table.name": NO_ID,
                **within("table", WINDOW_FIELDS),
            },
        ),
        Route(
            method="PATCH",
            path="/api/v1/maintenance/nightly",
            good={"version": 1, "fields": {"timezone": "Europe/Berlin"}},
            wrong={
                **VERSION,
                "fields": NO_TABLE,
                "everything": NO_FLAG,
                # A null would take a field back to what the file says.
                **without_null(within("fields", WINDOW_FIELDS)),
            },
        ),
        Route(path="/api/v1/maintenance/nightly/revert", good={"version": 1}, wrong=VERSION),
        Route(path="/api/v1/maintenance/nightly/remove", good={"version": 1}, wrong=VERSION),
    ],
    "silences": [
        Route(
            path="/api/v1/silences",
            good={"match": {"name": "shop-*"}, "reason": "the move", "minutes": 60},
            wrong={
                "match": (*NO_MATCH, "{}", '{"name": "[a-z]*"}', '{"severity": "warning"}'),
                "reason": (*NO_TEXT, '""', '" "'),
                "author": NO_LINE,
                "starts_at": NO_MOMENT,
                "ends_at": (*NO_MOMENT, '"2999-01-01T00:00:00Z"'),
                "minutes": (*NO_WHOLE_BUT_NULL, "0", "-5", "527041"),
                "everything": NO_FLAG,
                "actor": ('"root"',),
            },
        ),
        Route(path="/api/v1/silences/1/end", good={}, wrong={"actor": ('"root"', "1")}),
    ],
    "levels": [
        Route(
            method="PATCH",
            path="/api/v1/checks/cpu/levels",
            good={"version": 1, "fields": {"warning": 300}},
            wrong={
                **VERSION,
                "fields": NO_TABLE,
                "fields.warning": (*NO_NUMBER, "900"),
                "fields.critical": NO_NUMBER,
                "fields.operator": NO_WORD,
                "fields.url": ('"http://evil.example/"',),
            },
        ),
    ],
    "channels": [
        Route(
            path="/health/alerts/test",
            good={"channel": "ops"},
            wrong={"channel": (*NO_LINE, '"nosuch"'), "actor": ('"root"',)},
        ),
    ],
    "incidents": [
        Route(
            path="/incidents/{id}/acknowledge",
            good={"minutes": 5},
            wrong={
                "acknowledged_by": NO_LINE,
                "sticky": NO_FLAG,
                "minutes": (*NO_WHOLE_BUT_NULL, "0", "-5", "10081"),
                "actor": ('"root"',),
            },
        ),
        *(
            Route(path=f"/incidents/{{id}}/{verb}", good={}, wrong={"by": NO_LINE})
            for verb in ("investigate", "progress", "reopen")
        ),
        Route(
            path="/incidents/{id}/comment",
            good={"text": "x"},
            wrong={"text": (*NO_TEXT, '""', '" "', "null"), "by": NO_LINE},
        ),
        Route(
            path="/incidents/{id}/assign",
            good={"assignee": "ana"},
            wrong={"assignee": NO_LINE, "by": NO_LINE},
        ),
        Route(
            path="/incidents/{id}/resolve",
            good={"notes": "x"},
            wrong={"notes": NO_TEXT, "force": NO_FLAG, "by": NO_LINE},
        ),
    ],
}

ALL = [route for routes in ROUTES.values() for route in routes]
