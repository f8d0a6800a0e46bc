"""The shapes of answers that more than one route gives."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.openapi.entry import (
    FLAG,
    LIST,
    OBJECT,
    TEXT,
    TIME,
    WHOLE,
    WORDS,
    Schema,
    maybe,
    shape,
)

SHAPES: Mapping[str, Schema] = {
    "Problem": {
        **shape(
            {"status": WHOLE, "detail": TEXT},
            type=TEXT,
            title=TEXT,
            request_id=TEXT,
            errors=OBJECT,
        ),
        "description": "An error (RFC 9457). `detail` begins with the name of the field, where one "
        "is wrong; `errors` has each of several by its field.",
    },
    "Incident": shape(
        {
            "id": TEXT,
            "title": TEXT,
            "component": TEXT,
            "kind": TEXT,
            "stage": {
                "enum": [
                    "new",
                    "acknowledged",
                    "investigating",
                    "in progress",
                    "resolved",
                    "closed",
                ]
            },
            "open": FLAG,
            "severity": {"enum": ["info", "minor", "major", "critical", "emergency"]},
            "opened_at": TIME,
            "acknowledged_by": maybe(TEXT),
            "acknowledged_at": maybe(TIME),
            "acknowledged_until": maybe(TIME),
            "sticky": FLAG,
            "assignee": maybe(TEXT),
            "resolved_at": maybe(TIME),
            "resolution": maybe(TEXT),
            "held": FLAG,
            "flapping": FLAG,
            "parent": maybe(TEXT),
            "page_held_by": maybe(TEXT),
            "tags": WORDS,
            "runbook": maybe(TEXT),
        },
        lines=LIST,
        deliveries=LIST,
        affected=WORDS,
        nested=WORDS,
    ),
    "Definition": shape(
        {
            "name": TEXT,
            "table": OBJECT,
            "version": WHOLE,
            "source": TEXT,
            "in_file": FLAG,
            "orphaned": FLAG,
            "edited": WORDS,
            "drift": OBJECT,
        }
    ),
    "Silence": shape(
        {
            "id": WHOLE,
            "match": OBJECT,
            "author": TEXT,
            "reason": TEXT,
            "starts_at": TIME,
            "ends_at": TIME,
            "state": {"enum": ["pending", "active", "ended"]},
            "expires_soon": FLAG,
            "ended_by": maybe(TEXT),
        },
        matches=WORDS,
    ),
}
