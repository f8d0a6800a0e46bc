"""Entries: logging in, people, keys, the audit."""

from __future__ import annotations

from dashboard.api import keys, people, session
from dashboard.api.orders import Nothing
from dashboard.openapi.entry import (
    FLAG,
    OBJECT,
    STATE,
    TEXT,
    TIME,
    WHOLE,
    WORDS,
    Entries,
    Entry,
    Query,
    listing,
    maybe,
    paged,
    shape,
)

LOGINS, PEOPLE, KEYS, AUDIT = "Logins", "People", "Keys", "Audit"
ENTERED = {200: shape({"name": TEXT, "role": TEXT}, next=TEXT)}
KEY = shape(
    {"id": WHOLE, "kind": TEXT, "prefix": TEXT, "name": TEXT, "in_force": FLAG}, secret=TEXT
)
PAGED = paged(people.LARGEST_PAGE)
# A field of a form that was left empty asks for nothing.
MOMENT = {"anyOf": [TIME, {"const": ""}]}

ENTRIES: Entries = {
    ("/api/v1/session", "GET"): Entry(
        tag=LOGINS,
        says="Who asks, and what they may do.",
        gives={
            200: shape(
                {"name": TEXT, "role": TEXT, "via": TEXT, "scopes": WORDS, "setup_needed": FLAG}
            )
        },
    ),
    ("/api/v1/session", "POST"): Entry(
        tag=LOGINS, says="Logs in.", gives=ENTERED, body=session.Entering, refuses=(401, 429)
    ),
    ("/api/v1/session", "DELETE"): Entry(tag=LOGINS, says="Logs out.", gives={200: STATE}),
    ("/api/v1/setup", "POST"): Entry(
        tag=LOGINS,
        says="Makes the first admin, with the token of the one-time link.",
        gives=ENTERED,
        body=session.SettingUp,
        refuses=(401, 409),
    ),
    ("/api/v1/account/password", "POST"): Entry(
        tag=LOGINS,
        says="Changes one's own password, and ends all other sessions.",
        gives=ENTERED,
        body=session.NewPassword,
    ),
    ("/api/v1/account/sessions", "GET"): Entry(
        tag=LOGINS, says="One's own sessions.", gives={200: listing("sessions")}
    ),
    ("/api/v1/account/sessions/end", "POST"): Entry(
        tag=LOGINS,
        says="Ends all one's other sessions.",
        gives={200: shape({"ended": WHOLE})},
        body=Nothing,
    ),
    ("/api/v1/people", "GET"): Entry(
        tag=PEOPLE,
        says="Who may log in, by name, a page at a time.",
        gives={200: listing("people", OBJECT, next=maybe(TEXT))},
        query=PAGED,
    ),
    ("/api/v1/people", "POST"): Entry(
        tag=PEOPLE,
        says="Adds somebody.",
        gives={201: shape({"name": TEXT, "role": TEXT})},
        body=people.Added,
        refuses=(409,),
    ),
    ("/api/v1/people/<name>", "PATCH"): Entry(
        tag=PEOPLE,
        says="Changes a role, a password, or whether somebody may log in.",
        gives={200: shape({"name": TEXT, "role": TEXT})},
        body=people.Changed,
        refuses=(409,),
    ),
    ("/api/v1/people/<name>", "DELETE"): Entry(
        tag=PEOPLE, says="Removes somebody.", gives={200: STATE}, refuses=(409,)
    ),
    ("/api/v1/keys", "GET"): Entry(
        tag=KEYS,
        says="The keys without their secrets, newest first, a page at a time.",
        gives={200: listing("keys", KEY, next=maybe(TEXT))},
        query=PAGED,
    ),
    ("/api/v1/keys", "POST"): Entry(
        tag=KEYS,
        says="Makes a key; its secret is told this once.",
        gives={201: KEY},
        body=keys.Made,
        refuses=(409,),
    ),
    ("/api/v1/keys/<int:key_id>/revoke", "POST"): Entry(
        body=Nothing, tag=KEYS, says="Revokes a key.", gives={200: KEY}
    ),
    ("/api/v1/audit", "GET"): Entry(
        tag=AUDIT,
        says="Who changed what, newest first, a page at a time.",
        gives={200: listing("changes", OBJECT, next=maybe(TEXT))},
        query=(
            Query(name="actor", says="Changes of one person or key."),
            Query(name="kind", says="Of one kind of thing."),
            Query(name="name", says="Of one thing."),
            Query(name="from", says="Not before.", schema=MOMENT),
            Query(name="to", says="Not after.", schema=MOMENT),
            PAGED[0],
            Query(
                name="cursor",
                says="`next` of the answer before: goes on after it.",
                schema={"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
            ),
        ),
    ),
}
