"""Entries: incidents, what may be done with one, and why somebody was paged."""

from __future__ import annotations

from msgspec import Struct

from dashboard.api import incidents
from dashboard.api.orders import Acknowledge, Assign, Comment, Move, Resolve
from dashboard.openapi.entry import (
    FLAG,
    HOURS,
    LIST,
    NUMBER,
    OBJECT,
    TEXT,
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

INCIDENTS = "Incidents"
INCIDENT = {200: ref("Incident")}
# Each order with what it means, and its body.
ORDERS: dict[str, tuple[str, type[Struct]]] = {
    "acknowledge": ("Somebody has it in hand.", Acknowledge),
    "investigate": ("The cause is being looked for.", Move),
    "progress": ("It is being repaired.", Move),
    "comment": ("A line for the timeline.", Comment),
    "assign": ("Says whose it is.", Assign),
    "resolve": ("It is over.", Resolve),
    "reopen": ("It is not over after all.", Move),
}


def _order(says: str, body: type[Struct]) -> Entry:
    # 409: of somebody who may do it, but not with this incident now.
    return Entry(tag=INCIDENTS, says=says, gives=INCIDENT, body=body, refuses=(409,), forms=True)


ENTRIES: Entries = {
    ("/incidents", "GET"): Entry(
        tag=INCIDENTS,
        says="Those that stand, worst first. A browser gets the page.",
        gives={200: listing("incidents", ref("Incident"))},
    ),
    ("/incidents/history", "GET"): Entry(
        tag=INCIDENTS,
        says="Those opened lately, newest first.",
        gives={
            200: shape(
                {"hours": NUMBER, "count": WHOLE, "incidents": LIST, "truncated": FLAG},
                next=maybe(TEXT),
            )
        },
        query=(HOURS, *paged(incidents.HISTORY_ROWS)),
    ),
    ("/incidents/statistics", "GET"): Entry(
        tag=INCIDENTS,
        says="How many there were, and the mean time until they were acknowledged and resolved.",
        gives={
            200: shape(
                {
                    "hours": NUMBER,
                    "count": WHOLE,
                    "open": WHOLE,
                    "mtta_s": maybe(NUMBER),
                    "mttr_s": maybe(NUMBER),
                    "by_component": OBJECT,
                    "by_severity": OBJECT,
                    "by_week": OBJECT,
                }
            )
        },
        query=(HOURS,),
    ),
    ("/incidents/<incident_id>", "GET"): Entry(
        tag=INCIDENTS, says="One with its timeline and deliveries.", gives=INCIDENT
    ),
    **{
        (f"/incidents/<incident_id>/{name}", "POST"): _order(says, body)
        for name, (says, body) in ORDERS.items()
    },
    ("/api/v1/explain", "GET"): Entry(
        tag=INCIDENTS,
        says="Why somebody was, or was not, paged. Ask by exactly one parameter.",
        gives={200: shape({"explanations": LIST})},
        query=(
            Query(name="check", says="The name of a check."),
            Query(name="rule", says="The name of a rule."),
            Query(name="incident", says="The id of an incident."),
        ),
        refuses=(404,),
    ),
}
