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

from dashboard.access import problem
from dashboard.api.answers import answer
from dashboard.api.bodies import strictly
from dashboard.api.orders import ANONYMOUS, Body, Refused
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


class Added(Body):
    """A definition to add, as its table would stand in the file."""

    table: dict[str, Any]


class Edited(Body):
    """Fields to change, made on `version`; null takes a field back to what the file says."""

    version: int
    fields: dict[str, Any]


class Versioned(Body):
    """A change of the whole, made on `version`."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What the routes need to know of one kind of definition.

    `name` is its kind in the store, `key` the field that holds a definition's name. `read` returns
    the name of the one that a table defines, in its one normal form, and raises ConfigError for a
    table that can't be one. `about` is what is told beside the table.
    """

    name: str
    path: str
    key: str
    read: Callable[[Mapping[str, Any]], str]
    about: Callable[[Definition], dict[str, Any]]


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

    @routes.post("")
    def add() -> Response:
        table = strictly(request.get_data(), Added).table
        name = kind.read(table)
        if "" in name.split("/"):
            raise Refused(f"{kind.key}: an address can't hold an empty part between slashes")
        table = {**table, kind.key: name}
        made = changes.add(kind.name, name, table, actor=ANONYMOUS, now=clock())
        changed()
        return answer(document(kind, made), 201)

    @routes.patch("/<path:name>")
    def edit(name: str) -> Response:
        asked = strictly(request.get_data(), Edited)
        before = _known(engine, kind, name)
        if before.version != asked.version:
            # Before the fields are looked at: they may fit what they were meant for alone.
            raise VersionConflict(before, asked.version)
        if asked.fields.get(kind.key, name) != name:
            raise Refused(f"{kind.key}: a name can't be changed by an edit")
        kind.read(_merged(before, asked.fields))
        after = changes.edit(
            kind.name, name, asked.fields, actor=ANONYMOUS, now=clock(), expected=asked.version
        )
        changed()
        return answer(document(kind, after))

    @routes.post("/<path:name>/revert")
    def revert(name: str) -> Response:
        asked = strictly(request.get_data(), Versioned)
        after = changes.revert(
            kind.name, name, actor=ANONYMOUS, now=clock(), expected=asked.version
        )
        changed()
        return answer(document(kind, after))

    @routes.post("/<path:name>/remove")
    def remove(name: str) -> Response:
        asked = strictly(request.get_data(), Versioned)
        changes.remove(kind.name, name, actor=ANONYMOUS, now=clock(), expected=asked.version)
        changed()
        return answer({"state": "removed"})

    _answer_refusals(routes, kind)
    return routes


def _read(routes: Blueprint, kind: Kind, engine: Engine) -> None:
    """The routes that only tell."""

    @routes.get("")
    def listed() -> Response:
        found = [document(kind, each) for each in definitions.load(engine, kind.name)]
        return answer({"count": len(found), kind.path: found})

    @routes.get("/<path:name>")
    def one(name: str) -> Response:
        return answer(document(kind, _known(engine, kind, name)))


def _answer_refusals(routes: Blueprint, kind: Kind) -> None:
    @routes.errorhandler(Refused)
    def _malformed(error: Refused) -> Response:
        return problem(400, str(error))

    @routes.errorhandler(ConfigError)
    def _impossible(error: ConfigError) -> Response:
        return problem(422, str(error))

    @routes.errorhandler(UnknownDefinition)
    def _unknown(error: UnknownDefinition) -> Response:
        return problem(404, str(error))

    @routes.errorhandler(AlreadyDefined)
    @routes.errorhandler(StandsInFile)
    @routes.errorhandler(NotInFile)
    def _not_possible(error: Exception) -> Response:
        return problem(409, str(error))

    @routes.errorhandler(VersionConflict)
    def _too_late(error: VersionConflict) -> Response:
        """Both edits: what stands now, and what was asked."""
        asked = strictly(request.get_data(), Edited) if request.method == "PATCH" else None
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
        "table": definition.in_force,
        "version": definition.version,
        "source": definition.source,
        "in_file": definition.base is not None,
        "orphaned": definition.orphaned,
        "edited": sorted(definition.patch),
        "drift": definition.drifted,
        **kind.about(definition),
    }


def _known(engine: Engine, kind: Kind, name: str) -> Definition:
    found = None
    if UNSTORABLE.search(name) is None:
        with reader(engine).connect() as connection:
            found = definitions.load_one(connection, kind.name, name)
    if found is None:
        raise UnknownDefinition(kind.name, name)
    return found


def _merged(before: Definition, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The table as it would stand after the edit."""
    patch = {**before.patch, **fields}
    kept = {key: value for key, value in patch.items() if value is not None}
    return {**(before.base or {}), **kept}
