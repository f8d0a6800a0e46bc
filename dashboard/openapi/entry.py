"""What is said of a route in the document beside what the code says itself: an entry of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
LIST: Schema = {"type": "array", "items": OBJECT}
WORDS: Schema = {"type": "array", "items": TEXT}
TIME: Schema = {"type": "string", "format": "date-time"}
JSON = "application/json"


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def shape(fields: Mapping[str, Schema], **optional: Schema) -> Schema:
    """An object with all of these fields; those that are `optional` may be missing."""
    return {
        "type": "object",
        "properties": {**fields, **optional},
        "required": sorted(fields),
    }


def ref(name: str) -> Schema:
    """A shape that stands among the components of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def listing(name: str, item: Schema = OBJECT, **more: Schema) -> Schema:
    """A list under `name` with the count of its entries."""
    return shape({"count": WHOLE, name: {"type": "array", "items": item}, **more})


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parameter of the query string."""

    name: str
    says: str
    schema: Schema = field(default_factory=lambda: TEXT)
    required: bool = False


def paged(most: int) -> tuple[Query, Query]:
    """The parameters of a list that comes a page at a time, `most` entries at most."""
    whole = {"type": "integer", "minimum": 1, "maximum": most}
    return (
        Query(name="limit", says="How many at most.", schema=whole),
        Query(name="cursor", says="`next` of the answer before: goes on after it."),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A route as people are told of it.

    `gives` is the shape of what it answers with, by status; None stands for an empty or plain body
    of type `media`; `also` are other types of the same shape, `unshaped` those without one. `body`
    is the struct or the schema of what it takes. `refuses` are statuses of errors beyond those that
    every route of its kind may answer. `forms` says that a form will do, `loose` are the types of
    bodies that are any text.
    """

    tag: str
    says: str
    gives: Mapping[int, Schema | None] = field(default_factory=lambda: {200: OBJECT})
    media: str = JSON
    also: tuple[str, ...] = ()
    unshaped: tuple[str, ...] = ()
    body: type[msgspec.Struct] | Schema | None = None
    query: tuple[Query, ...] = ()
    refuses: tuple[int, ...] = ()
    forms: bool = False
    loose: tuple[str, ...] = ()


Entries = Mapping[tuple[str, str], Entry]

HOURS = Query(
    name="hours",
    says="How far back, in hours.",
    schema={"type": "number", "exclusiveMinimum": 0, "maximum": 744},
)
STATE = shape({"state": TEXT})
# What only the monitor can do: its reply, or where that will be found.
REPLY = {200: STATE, 202: shape({"state": TEXT}, reply=TEXT)}
ASKED = (409, 504)
