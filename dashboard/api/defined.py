"""Definitions that operators edit over HTTP: alert rules and maintenance windows.

An edit is made on a version: when another was first, both are shown and nothing is changed. What
would stand after the edit is validated before it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api import pages
from dashboard.api.answers import answer, answer_errors
from dashboard.api.bodies import strictly
from dashboard.api.orders import Body, Refused
from dashboard.identity import actor
from domain.mistakes import ConfigError
from storage import definitions
from storage.changes import (
    AlreadyDefined,
    Changes,
    NotInFile,
    StandsInFile,
    UnknownDefinition,
    VersionConflict,
)
from storage.definitions import Definition
from storage.engine import UNSTORABLE, reader

LARGEST_PAGE = 1_000


class Added(Body):
    """A definition to add, as its table would stand in the file."""

    table: dict[str, Any]

    @property
    def confirmed(self) -> bool:
        """Whether what is asked twice was asked twice."""
        return False


class Edited(Body):
    """Fields to change, made on `version`; null takes a field back to what the file says."""

    version: int
    fields: dict[str, Any]

    @property
    def confirmed(self) -> bool:
        """Whether what is asked twice was asked twice."""
        return False


class Versioned(Body):
    """A change of the whole, made on `version`."""

    version: int


class Unconfirmed(Exception):
    """What goes further than most people mean has to be asked for twice; the message says how."""


class NotPermitted(Exception):
    """The sender's role does not allow this change of this definition; the message says why."""


# A table, and the fields of it that are given anew.
Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What the routes need to know of one kind of definition.

    `name` is its kind in the store, `key` the field that holds a definition's name. `read` takes a
    table and the fields of it that are given anew; it returns the name of the one that the table
    defines, in its one normal form, and raises ConfigError for a table that can't be one. `about`
    is what is told beside the table. `doubt` says why such a change must be `confirmed`, which the
    bodies `added` and `edited` can be; None when it need not. `permit` raises NotPermitted for a
    change that the sender may not make. `shown` is a table without what may not be shown, `restored`
    puts that back into fields given anew. One that `is_paged` brings a list of its own.
    """

    name: str
    path: str
    key: str
    read: Callable[[Table, Table], str]
    about: Callable[[Definition], dict[str, Any]]
    doubt: Callable[[Table, Table], str | None] = lambda table, given: None
    permit: Callable[[Table, Table], None] = lambda table, given: None
    shown: Callable[[Table], Table] = lambda table: table
    restored: Callable[[Table, Table], Table] = lambda given, before: given
    is_paged: bool = False
    added: type[Added] = Added
    edited: type[Edited] = Edited

    def examine(self, table: Table, given: Table, *, confirmed: bool) -> str:
        """The name of what a table defines. Raises NotPermitted, ConfigError, or Unconfirmed."""
        self.permit(table, given)
        name = self.read(table, given)
        doubt = None if confirmed else self.doubt(table, given)
        if doubt is not None:
            raise Unconfirmed(doubt)
        return name


def blueprint(
    kind: Kind,
    engine: Engine,
    changes: Changes,
    clock: Callable[[], datetime],
    *,
    changed: Callable[[], None],
) -> Blueprint:
    """The routes of one kind; `changed` is called after each change. Access is decided before."""
    routes = Blueprint(kind.path, __name__, url_prefix=f"/api/v1/{kind.path}")
    _read(routes, kind, engine)
    _add_and_edit(routes, kind, engine, changes, clock, changed)
    _take_back(routes, kind, engine, changes, clock, changed)
    _answer_refusals(routes, kind)
    return routes


def _add_and_edit(
    routes: Blueprint,
    kind: Kind,
    engine: Engine,
    changes: Changes,
    clock: Callable[[], datetime],
    changed: Callable[[], None],
) -> None:
    """The routes that take a table or fields of one."""

    @routes.post("")
    def add() -> Response:
        asked = strictly(request.get_data(), kind.added)
        table = asked.table
        name = kind.examine(table, table, confirmed=asked.confirmed)
        if "" in name.split("/"):
            raise Refused(f"{kind.key}: an address can't hold an empty part between slashes")
        table = {**table, kind.key: name}
        made = changes.add(kind.name, name, table, actor=actor(), now=clock())
        changed()
        return answer(document(kind, made), 201)

    @routes.patch("/<path:name>")
    def edit(name: str) -> Response:
        asked = strictly(request.get_data(), kind.edited)
        before = known(engine, kind.name, name)
        if before.version != asked.version:
            # Before the fields are looked at: they may fit what they were meant for alone.
            raise VersionConflict(before, asked.version)
        if asked.fields.get(kind.key, name) != name:
            raise Refused(f"{kind.key}: a name can't be changed by an edit")
        fields = kind.restored(asked.fields, before.in_force)
        kind.examine(merged(before, fields), fields, confirmed=asked.confirmed)
        after = changes.edit(
            kind.name, name, fields, actor=actor(), now=clock(), expected=asked.version
        )
        changed()
        return answer(document(kind, after))


def _take_back(
    routes: Blueprint,
    kind: Kind,
    engine: Engine,
    changes: Changes,
    clock: Callable[[], datetime],
    changed: Callable[[], None],
) -> None:
    """The routes that undo the edits of one, and remove one."""

    @routes.post("/<path:name>/revert")
    def revert(name: str) -> Response:
        asked = strictly(request.get_data(), Versioned)
        before = known(engine, kind.name, name)
        kind.permit(before.base or {}, before.patch)
        after = changes.revert(kind.name, name, actor=actor(), now=clock(), expected=asked.version)
        changed()
        return answer(document(kind, after))

    @routes.post("/<path:name>/remove")
    def remove(name: str) -> Response:
        asked = strictly(request.get_data(), Versioned)
        kind.permit(known(engine, kind.name, name).in_force, {})
        changes.remove(kind.name, name, actor=actor(), now=clock(), expected=asked.version)
        changed()
        return answer({"state": "removed"})


def _read(routes: Blueprint, kind: Kind, engine: Engine) -> None:
    """The routes that only tell."""

    def listed() -> Response:
        most, after = pages.limit(LARGEST_PAGE, LARGEST_PAGE), pages.named_cursor() or ""
        # One more than is shown tells whether there are further ones.
        found = definitions.load_page(engine, kind.name, after, most + 1)
        shown, more = pages.cut(found, most, lambda each: each.name)
        documents = [document(kind, each) for each in shown]
        return answer({"count": len(documents), kind.path: documents, "next": more})

    if not kind.is_paged:
        routes.get("")(listed)

    @routes.get("/<path:name>")
    def one(name: str) -> Response:
        return answer(document(kind, known(engine, kind.name, name)))


def _answer_refusals(routes: Blueprint, kind: Kind) -> None:
    answer_errors(routes, {Refused: 400, NotPermitted: 403, UnknownDefinition: 404})
    answer_errors(
        routes, dict.fromkeys((AlreadyDefined, StandsInFile, NotInFile, Unconfirmed), 409)
    )

    @routes.errorhandler(ConfigError)
    def _impossible(error: ConfigError) -> Response:
        return impossible(error)

    @routes.errorhandler(VersionConflict)
    def _too_late(error: VersionConflict) -> Response:
        """Both edits: what stands now, and what was asked."""
        edited = request.method == "PATCH"
        asked = strictly(request.get_data(), kind.edited) if edited else None
        body = {
            "title": "changed meanwhile",
            "status": 409,
            "detail": str(error),
            "current": document(kind, error.current),
            "yours": None if asked is None else asked.fields,
        }
        return answer(body, 409, content_type="application/problem+json")


def document(kind: Kind, definition: Definition) -> dict[str, Any]:
    """A definition: its table in force, which fields were edited, and what the file says of those."""
    return {
        "name": definition.name,
        "table": kind.shown(definition.in_force),
        "version": definition.version,
        "source": definition.source,
        "in_file": definition.base is not None,
        "orphaned": definition.orphaned,
        "edited": sorted(definition.patch),
        "drift": kind.shown(definition.drifted),
        **kind.about(definition),
    }


def impossible(error: ConfigError) -> Response:
    """422 with all mistakes: in one text, and each at its field."""
    fields = [(str(each.path[2]), each.reason) for each in error.mistakes if len(each.path) > 2]
    told = {"type": "about:blank", "status": 422, "detail": str(error)}
    body = {**told, "errors": dict(reversed(fields))} if fields else told
    return answer(body, 422, content_type="application/problem+json")


def known(engine: Engine, kind: str, name: str) -> Definition:
    """The definition of this name. Raises UnknownDefinition."""
    found = None
    if UNSTORABLE.search(name) is None:
        with reader(engine).connect() as connection:
            found = definitions.load_one(connection, kind, name)
    if found is None:
        raise UnknownDefinition(kind, name)
    return found


def merged(before: Definition, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The table as it would stand after the edit."""
    patch = {**before.patch, **fields}
    kept = {key: value for key, value in patch.items() if value is not None}
    return {**(before.base or {}), **kept}
