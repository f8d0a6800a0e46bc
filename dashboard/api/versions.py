"""The versions of rules and checks: what each change left, who made it, and the table as it stood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import Engine

from dashboard.api import pages
from dashboard.api.answers import answer, answer_errors
from dashboard.api.checks import as_shown
from dashboard.api.defined import Table, known
from dashboard.api.levels import LEVELS
from dashboard.api.orders import Refused
from domain.definitions import effective
from domain.facts import Detail
from storage.changes import CHECK, RULE, UnknownDefinition
from storage.definitions import Definition
from storage.readings import AuditRow, Readings

USUAL_PAGE, LARGEST_PAGE = 100, 500
LARGEST_VERSION = 2**31 - 1
# What the file changed, and what ends the life of a definition; everything else is an edit.
PUBLISHED, REMOVED = "publish", "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A definition as it was after one change."""

    number: int
    change: AuditRow
    before: Mapping[str, Detail]
    table: Mapping[str, Detail]

    @property
    def fields(self) -> list[str]:
        """The fields that the change changed."""
        known = {**self.before, **self.table}
        return [key for key in known if self.before.get(key) != self.table.get(key)]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Whose versions a route tells: of `kind`, with only the fields `keys` (all when empty).

    `shown` is a table without what may not be shown.
    """

    kind: str
    path: str
    keys: Sequence[str] = ()
    shown: Callable[[Table], Table] = lambda table: table


HISTORIES = (
    # A check's version counts all its changes: those of its levels belong there.
    History(kind=CHECK, path="/checks/<path:name>/levels/versions", keys=LEVELS),
    History(kind=CHECK, path="/checks/<path:name>/versions", shown=as_shown),
    History(kind=RULE, path="/rules/<path:name>/versions"),
)


def blueprint(engine: Engine, readings: Readings) -> Blueprint:
    """The routes of versions. Access to them is decided before."""
    routes = Blueprint("versions", __name__, url_prefix="/api/v1")
    for history in HISTORIES:
        routes.get(history.path, endpoint=history.path.replace("/", "-"))(
            partial(_listed, engine, readings, history)
        )

    answer_errors(
        routes, {Refused: HTTPStatus.BAD_REQUEST, UnknownDefinition: HTTPStatus.NOT_FOUND}
    )

    return routes


def _listed(engine: Engine, readings: Readings, history: History, name: str) -> Response:
    most = pages.limit(USUAL_PAGE, LARGEST_PAGE)
    below = pages.numbered_cursor(LARGEST_VERSION)
    definition = known(engine, history.kind, name)
    # Those above the page are read too: what stood then is told by what each change replaced.
    above = 0 if below is None else max(0, definition.version - below + 1)
    rows = readings.audit(history.kind, name, None if history.keys else above + most + 1)
    found = [
        each
        for each in versions(definition, rows)
        if (below is None or each.number < below) and _concerns(history, each)
    ]
    shown, more = pages.cut(found, most, lambda each: str(each.number))
    told = [_told(history, each) for each in shown]
    return answer({"count": len(told), "versions": told, "next": more})


def _concerns(history: History, version: Version) -> bool:
    return not history.keys or bool(set(version.fields) & set(history.keys))


def versions(definition: Definition, rows: Sequence[AuditRow]) -> list[Version]:
    """The versions of a definition, newest first, read backwards from what stands now.

    Each change stored what it replaced: the file's table, or all edits at that time.
    """
    base, patch = definition.base, definition.patch
    found: list[Version] = []
    for index, row in enumerate(rows):
        number = definition.version - index
        if number < 1 or row.action == REMOVED:
            break
        table = effective(base, patch)
        if row.action == PUBLISHED:
            base = row.before
        else:
            patch = row.before or {}
        before = effective(base, patch)
        found.append(Version(number=number, change=row, before=before, table=table))
    return found


def _told(history: History, version: Version) -> dict[str, Any]:
    before, table = history.shown(version.before), history.shown(version.table)
    return {
        "version": version.number,
        "at": version.change.at.isoformat(),
        "actor": version.change.actor,
        "action": version.change.action,
        "changes": {
            key: {"before": before.get(key), "after": table.get(key)}
            for key in version.fields
            if not history.keys or key in history.keys
        },
        "table": {
            key: value for key, value in table.items() if not history.keys or key in history.keys
        },
    }
