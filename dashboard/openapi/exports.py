"""Entries: exports."""

from __future__ import annotations

from dashboard.openapi.entry import LIST, TEXT, TIME, WORDS, Entries, Entry, Query, Schema, shape

EXPORTS = "Exports"
COMMON = (
    Query(
        name="format",
        says="The form of the table.",
        schema={"type": "string", "enum": ["csv", "json", "jsonl"]},
    ),
    Query(name="start", says="Rows from this time on.", schema=TIME),
    Query(name="end", says="Rows before this time; now without it.", schema=TIME),
    Query(
        name="hours",
        says="How long before the end, instead of a start.",
        schema={"type": "number", "exclusiveMinimum": 0, "maximum": 43920},
    ),
    Query(name="check", says="The name of a check; once for each.", schema=WORDS),
)


def _export(what: str, says: str, *more: Query) -> Entry:
    # As JSON it is one document; what is streamed as CSV or lines has no shape to tell.
    gives: dict[int, Schema | None] = {200: shape({"from": TIME, "to": TIME, what: LIST})}
    return Entry(
        tag=EXPORTS,
        says=says,
        gives=gives,
        unshaped=("text/csv", "application/x-ndjson"),
        query=(*COMMON, *more),
        refuses=(404,),
    )


ENTRIES: Entries = {
    ("/api/v1/export/results", "GET"): _export("results", "The runs of checks, as a table."),
    ("/api/v1/export/series", "GET"): _export(
        "series",
        "Series of numbers, as a table.",
        Query(name="metric", says="The name of a metric."),
        Query(
            name="label",
            says="A label, as host=web-1; once for each.",
            schema={"type": "array", "items": {**TEXT, "pattern": "^[^=]+="}},
        ),
        Query(
            name="resolution",
            says="Samples, or steps of them.",
            schema={"type": "string", "enum": ["samples", "10m", "1h", "1d"]},
        ),
    ),
    ("/api/v1/export/incidents", "GET"): _export("incidents", "Incidents, as a table."),
    ("/api/v1/export/alerts", "GET"): _export("alerts", "Who was told of what, as a table."),
    ("/api/v1/export/availability", "GET"): _export(
        "availability",
        "Availability by check and period, as a table.",
        Query(
            name="period",
            says="How long each row tells of.",
            schema={"type": "string", "enum": ["day", "week", "month", "range"]},
        ),
    ),
}
