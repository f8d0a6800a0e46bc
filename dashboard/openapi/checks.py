"""Entries: checks and their definitions, operating, series, uptime, what applications send."""

from __future__ import annotations

from dashboard.api import bulk, checks, defined, pages, results, series
from dashboard.api.orders import Nothing
from dashboard.openapi.entry import (
    ASKED,
    FLAG,
    LIST,
    NUMBER,
    OBJECT,
    REPLY,
    STATE,
    TEXT,
    TIME,
    WHOLE,
    Entries,
    Entry,
    Query,
    listing,
    maybe,
    paged,
    ref,
    shape,
)

CHECKS, OPERATING, SERIES, INTAKE = "Checks", "Operating", "Series", "Sending"
DEFINITION = {200: ref("Definition")}
WRONG = (409, 422)
ENDED: dict[int, None] = {200: None}
PING = Entry(
    tag=INTAKE,
    says="A job says that it ended well. The token stands in the address.",
    gives=ENDED,
    media="text/plain",
    query=(Query(name="rid", says="One run of the job.", schema={**TEXT, "format": "uuid"}),),
    loose=("text/plain", "application/octet-stream"),
)
SIGNAL = Entry(
    tag=INTAKE,
    says="A job says start, fail, log, or the exit status that it ended with.",
    gives=ENDED,
    media="text/plain",
    query=PING.query,
    loose=PING.loose,
)
LABEL = Query(
    name="label",
    says="A label, as host=web-1; once for each.",
    schema={"type": "array", "items": {"type": "string", "pattern": "^[^=]+="}},
)

PAGED = paged(pages.LARGEST_PAGE)

ENTRIES: Entries = {
    ("/api/v1/checks", "GET"): Entry(
        tag=CHECKS,
        says="The definitions, by name, a page at a time.",
        gives={200: listing("checks", ref("Definition"), next=maybe(TEXT))},
        query=(
            *paged(checks.LARGEST_PAGE),
            Query(name="name", says="Only the check of this name."),
        ),
    ),
    ("/api/v1/checks", "POST"): Entry(
        tag=CHECKS,
        says="Adds a check.",
        gives={201: ref("Definition")},
        body=defined.Added,
        refuses=WRONG,
    ),
    ("/api/v1/checks/try", "POST"): Entry(
        tag=CHECKS,
        says="Runs a draft once, or judges it alone, and stores nothing of it.",
        gives={**REPLY, 204: None},
        body=checks.Tried,
        refuses=(404, *ASKED, 422),
    ),
    ("/api/v1/checks/<path:name>", "GET"): Entry(
        tag=CHECKS, says="One definition: its table, and what was edited.", gives=DEFINITION
    ),
    ("/api/v1/checks/<path:name>", "PATCH"): Entry(
        tag=CHECKS,
        says="Changes fields, on the version that was seen.",
        gives=DEFINITION,
        body=defined.Edited,
        refuses=WRONG,
    ),
    ("/api/v1/checks/<path:name>/revert", "POST"): Entry(
        tag=CHECKS,
        says="Takes it back to what the file says.",
        gives=DEFINITION,
        body=defined.Versioned,
        refuses=WRONG,
    ),
    ("/api/v1/checks/<path:name>/remove", "POST"): Entry(
        tag=CHECKS,
        says="Removes one that stands in no file.",
        gives={200: STATE},
        body=defined.Versioned,
        refuses=WRONG,
    ),
    ("/api/v1/checks/bulk", "POST"): Entry(
        tag=CHECKS,
        says="Does one thing to many checks, and says what came of each.",
        gives={200: OBJECT},
        body=bulk.Bulk,
        refuses=WRONG,
    ),
    ("/api/v1/kinds", "GET"): Entry(
        tag=CHECKS,
        says="The kinds of checks there are, and their fields.",
        gives={200: listing("kinds", OBJECT, common=OBJECT, next=maybe(TEXT))},
        query=PAGED,
    ),
    ("/api/v1/checks/<path:name>/check-now", "POST"): Entry(
        body=Nothing, tag=OPERATING, says="Runs a check at once.", gives=REPLY, refuses=ASKED
    ),
    ("/api/v1/checks/<path:name>/pause", "POST"): Entry(
        body=Nothing, tag=OPERATING, says="Pauses a check.", gives={200: STATE}
    ),
    ("/api/v1/checks/<path:name>/resume", "POST"): Entry(
        body=Nothing, tag=OPERATING, says="Resumes a check.", gives={200: STATE}
    ),
    ("/api/v1/monitoring/start", "POST"): Entry(
        body=Nothing, tag=OPERATING, says="Starts all monitoring again.", gives={200: STATE}
    ),
    ("/api/v1/monitoring/stop", "POST"): Entry(
        body=Nothing,
        tag=OPERATING,
        says="Stops all monitoring until it is started again.",
        gives={200: STATE},
    ),
    ("/api/v1/commands/<int:command_id>", "GET"): Entry(
        tag=OPERATING,
        says="The monitor's reply to what it was asked.",
        gives=REPLY,
        refuses=ASKED,
    ),
    ("/api/v1/series", "GET"): Entry(
        tag=SERIES,
        says="The series that are stored.",
        gives={200: listing("series", OBJECT, truncated=FLAG, next=maybe(TEXT))},
        query=(
            Query(name="metric", says="Those of one metric."),
            LABEL,
            Query(name="rule", says="Those that a rule selects."),
            *paged(series.LARGEST_PAGE),
        ),
        refuses=(404, 422),
    ),
    ("/api/v1/series/points", "GET"): Entry(
        tag=SERIES,
        says="One series for a chart.",
        gives={
            200: shape(
                {
                    "metric": TEXT,
                    "labels": OBJECT,
                    "unit": TEXT,
                    "hours": NUMBER,
                    "from": TIME,
                    "to": TIME,
                    "samples": WHOLE,
                    "step_s": NUMBER,
                    "resolution_s": NUMBER,
                    "at": {"type": "array", "items": WHOLE},
                    "low": {"type": "array", "items": maybe(NUMBER)},
                    "high": {"type": "array", "items": maybe(NUMBER)},
                }
            )
        },
        query=(
            Query(name="metric", says="Its name.", required=True),
            LABEL,
            Query(
                name="hours",
                says="How far back, in hours.",
                schema={"type": "number", "exclusiveMinimum": 0, "maximum": 43920},
            ),
            Query(name="until", says="The end; now without it.", schema=TIME),
        ),
        refuses=(404,),
    ),
    ("/api/v1/uptime", "GET"): Entry(
        tag=SERIES,
        says="For how long each check read what.",
        gives={200: shape({"from": TIME, "to": TIME, "checks": LIST, "next": maybe(TEXT)})},
        query=(
            Query(
                name="days",
                says="How far back, in days.",
                schema={"type": "number", "exclusiveMinimum": 0, "maximum": 1830},
            ),
            *PAGED,
        ),
    ),
    ("/api/v1/metrics", "GET"): Entry(
        tag=SERIES,
        says="The metrics that were pushed.",
        gives={200: listing("metrics", next=maybe(TEXT))},
        query=PAGED,
    ),
    ("/api/v1/metrics/<name>", "GET"): Entry(
        tag=SERIES,
        says="The course of one metric that was pushed.",
        gives={200: shape({"name": TEXT, "title": TEXT, "group": TEXT, "shape": TEXT})},
        query=(
            Query(
                name="hours", says="How far back.", schema={"type": "string", "enum": ["24", "168"]}
            ),
        ),
    ),
    ("/api/v1/metrics", "POST"): Entry(
        tag=INTAKE,
        says="Takes in samples. What is refused is named one by one.",
        gives={202: shape({"accepted": WHOLE, "refused": LIST, "refused_count": WHOLE})},
        body={
            "type": "object",
            "properties": {"metrics": {"type": "array", "minItems": 1, "items": OBJECT}},
            "required": ["metrics"],
            "additionalProperties": False,
        },
        loose=("text/plain",),
    ),
    ("/api/v1/checks/<path:name>/results", "POST"): Entry(
        tag=INTAKE,
        says="A result of a passive check, measured by somebody else.",
        gives={202: shape({"state": TEXT, "at": TIME})},
        body=results.Reported,
        refuses=(409,),
    ),
    ("/ping/<token>", "GET"): PING,
    ("/ping/<token>", "POST"): PING,
    ("/ping/<token>/<what>", "GET"): SIGNAL,
    ("/ping/<token>/<what>", "POST"): SIGNAL,
}
