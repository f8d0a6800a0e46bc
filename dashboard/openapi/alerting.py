"""Entries: rules, levels, maintenance windows, silences, channels."""

from __future__ import annotations

from dashboard.api import channels, defined, maintenance, pages, rules, silences, versions
from dashboard.api.orders import Nothing
from dashboard.openapi.entry import (
    ASKED,
    LIST,
    OBJECT,
    REPLY,
    STATE,
    TEXT,
    Entries,
    Entry,
    Schema,
    listing,
    maybe,
    paged,
    ref,
    shape,
)

RULES, LEVELS, WINDOWS, SILENCES, CHANNELS = (
    "Rules",
    "Levels",
    "Maintenance",
    "Silences",
    "Channels",
)
DEFINITION: dict[int, Schema | None] = {200: ref("Definition")}
VERSIONS: dict[int, Schema | None] = {200: listing("versions", next=maybe(TEXT))}
VERSIONS_PAGED = paged(versions.LARGEST_PAGE)
WRONG = (409, 422)
PAGED = paged(pages.LARGEST_PAGE)


def _definitions(
    path: str, tag: str, one: str, added: type[defined.Added], edited: type[defined.Edited]
) -> Entries:
    """The routes that every kind of definition has."""
    base = f"/api/v1/{path}"
    return {
        (base, "GET"): Entry(
            tag=tag,
            says=f"All {path} by name, a page at a time.",
            gives={200: listing(path, ref("Definition"), next=maybe(TEXT))},
            query=PAGED,
        ),
        (base, "POST"): Entry(
            tag=tag,
            says=f"Adds a {one}.",
            gives={201: ref("Definition")},
            body=added,
            refuses=WRONG,
        ),
        (f"{base}/<path:name>", "GET"): Entry(
            tag=tag, says=f"One {one}: its table, and what was edited.", gives=DEFINITION
        ),
        (f"{base}/<path:name>", "PATCH"): Entry(
            tag=tag,
            says="Changes fields, on the version that was seen.",
            gives=DEFINITION,
            body=edited,
            refuses=WRONG,
        ),
        (f"{base}/<path:name>/revert", "POST"): Entry(
            tag=tag,
            says="Takes it back to what the file says.",
            gives=DEFINITION,
            body=defined.Versioned,
            refuses=WRONG,
        ),
        (f"{base}/<path:name>/remove", "POST"): Entry(
            tag=tag,
            says=f"Removes a {one} that stands in no file.",
            gives={200: STATE},
            body=defined.Versioned,
            refuses=WRONG,
        ),
    }


ENTRIES: Entries = {
    **_definitions("rules", RULES, "rule", defined.Added, defined.Edited),
    **_definitions(
        "maintenance", WINDOWS, "maintenance window", maintenance.Added, maintenance.Edited
    ),
    ("/api/v1/rules/backtest", "POST"): Entry(
        tag=RULES,
        says="What a rule would have done with what is stored; changes nothing.",
        gives={200: OBJECT},
        body=rules.Tried,
        refuses=WRONG,
    ),
    ("/api/v1/rules/<path:name>/versions", "GET"): Entry(
        tag=RULES, says="What it was before, newest first.", gives=VERSIONS, query=VERSIONS_PAGED
    ),
    ("/api/v1/levels", "GET"): Entry(
        tag=LEVELS,
        says="The levels that checks have in themselves.",
        gives={200: listing("levels", next=maybe(TEXT))},
        query=PAGED,
    ),
    ("/api/v1/checks/<path:name>/levels", "GET"): Entry(
        tag=LEVELS,
        says="The levels of one check.",
        gives={200: shape({"check": TEXT, "levels": LIST})},
    ),
    ("/api/v1/checks/<path:name>/levels", "PATCH"): Entry(
        tag=LEVELS,
        says="Changes the levels of a check.",
        gives={200: shape({"check": TEXT, "levels": LIST})},
        body=defined.Edited,
        refuses=WRONG,
    ),
    ("/api/v1/checks/<path:name>/levels/versions", "GET"): Entry(
        tag=LEVELS,
        says="What they were before, newest first.",
        gives=VERSIONS,
        query=VERSIONS_PAGED,
    ),
    ("/api/v1/checks/<path:name>/versions", "GET"): Entry(
        tag=LEVELS,
        says="What the whole check was before, newest first.",
        gives=VERSIONS,
        query=VERSIONS_PAGED,
    ),
    ("/api/v1/silences", "GET"): Entry(
        tag=SILENCES,
        says="Those that hold, are to come, or ended in the last 24 hours.",
        gives={200: listing("silences", ref("Silence"), next=maybe(TEXT))},
        query=PAGED,
    ),
    ("/api/v1/silences", "POST"): Entry(
        tag=SILENCES,
        says="Silences what a matcher covers, for a time.",
        gives={201: ref("Silence")},
        body=silences.Asked,
        refuses=WRONG,
    ),
    ("/api/v1/silences/<int:silence_id>/end", "POST"): Entry(
        tag=SILENCES,
        says="Ends a silence now.",
        gives={200: ref("Silence")},
        body=Nothing,
        refuses=WRONG,
    ),
    ("/api/v1/channels", "GET"): Entry(
        tag=CHANNELS,
        says="The channels and how they do.",
        gives={200: listing("channels", next=maybe(TEXT))},
        query=PAGED,
    ),
    ("/api/v1/channels/<path:name>/test", "POST"): Entry(
        body=Nothing, tag=CHANNELS, says="Sends a test by one channel.", gives=REPLY, refuses=ASKED
    ),
    ("/health/alerts/test", "POST"): Entry(
        tag=CHANNELS,
        says="Sends a test by one channel or by all.",
        gives={200: STATE, 202: shape({"state": TEXT}, replies=OBJECT, reply=TEXT)},
        body=channels.Tested,
        refuses=(404, *ASKED),
    ),
    ("/health/alerts/test", "GET"): Entry(
        tag=CHANNELS,
        says="How the last tests ended; starts nothing.",
        gives={200: listing("outcomes")},
    ),
}
