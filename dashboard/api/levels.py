"""Thresholds beside alert rules: the levels inside checks; and the versions of rules and checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api.answers import answer, problem
from dashboard.api.bodies import strictly
from dashboard.api.checks import as_shown
from dashboard.api.defined import Edited, Table
from dashboard.api.orders import Refused
from dashboard.identity import actor
from domain.checktable import COMMON
from domain.definitions import drift, effective
from domain.facts import Detail, Status
from domain.rules import Operator, Rule, order_mistake
from storage import definitions
from storage.changes import CHECK, RULE, Changes, UnknownDefinition, VersionConflict
from storage.check_rows import CheckRow
from storage.definitions import Definition
from storage.engine import UNSTORABLE, reader
from storage.readings import AuditRow, Readings

LEVELS: Final = ("operator", "warning", "critical")
MOST_VERSIONS = 100
# What the file changed, and what ends the life of a definition; everything else is an edit.
PUBLISHED, REMOVED = "publish", "remove"


class Impossible(Exception):
    """Levels that can't be; the message names the field."""


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


def blueprint(
    engine: Engine,
    readings: Readings,
    changes: Changes,
    clock: Callable[[], datetime],
    *,
    changed: Callable[[], None],
) -> Blueprint:
    """The routes of levels and versions; `changed` is called after each edit. Access is decided before."""
    routes = Blueprint("levels", __name__, url_prefix="/api/v1")

    @routes.get("/levels")
    def listed() -> Response:
        defined = {each.name: each for each in definitions.load(engine, CHECK)}
        rows = readings.board(clock()).checks
        found = [
            document
            for row in rows
            if row.name in defined
            for document in documents(row, defined[row.name])
        ]
        return answer({"count": len(found), "levels": found})

    @routes.get("/checks/<path:name>/levels")
    def one(name: str) -> Response:
        found = documents(_row(readings, name), _known(engine, CHECK, name))
        return answer({"check": name, "levels": found})

    @routes.patch("/checks/<path:name>/levels")
    def edit(name: str) -> Response:
        asked = strictly(request.get_data(), Edited)
        row, before = _row(readings, name), _known(engine, CHECK, name)
        fields = _checked(row, before, asked.fields)
        after = changes.edit(
            CHECK, name, fields, actor=actor(), now=clock(), expected=asked.version
        )
        changed()
        return answer({"check": name, "levels": documents(row, after)})

    @routes.get("/checks/<path:name>/levels/versions")
    def of_check(name: str) -> Response:
        found = versions(_known(engine, CHECK, name), readings.audit(CHECK, name, MOST_VERSIONS))
        # A check's version counts all its changes: those of its levels belong here.
        return answer(_told([each for each in found if set(each.fields) & set(LEVELS)], LEVELS))

    @routes.get("/checks/<path:name>/versions")
    def of_whole_check(name: str) -> Response:
        found = versions(_known(engine, CHECK, name), readings.audit(CHECK, name, MOST_VERSIONS))
        return answer(_told(found, None, as_shown))

    @routes.get("/rules/<path:name>/versions")
    def of_rule(name: str) -> Response:
        found = versions(_known(engine, RULE, name), readings.audit(RULE, name, MOST_VERSIONS))
        return answer(_told(found, None))

    _answer_refusals(routes, readings)
    return routes


def documents(row: CheckRow, definition: Definition) -> list[dict[str, Any]]:
    """Every threshold of a check as it stands after the last edit; only the headline's can be edited."""
    table = definition.in_force
    found: list[dict[str, Any]] = []
    for rule in row.about["rules"]:
        headline = rule["metric"] == row.about["headline"]
        held = {**{key: rule[key] for key in LEVELS}, **(_read(table) if headline else {})}
        patch = {key: each for key, each in definition.patch.items() if key in LEVELS and headline}
        base = {key: each for key, each in (definition.base or {}).items() if key in LEVELS}
        level = row.state.levels.get(rule["id"], Status.HEALTHY)
        found.append(
            {
                "check": row.name,
                "metric": rule["metric"],
                "title": rule["title"],
                "unit": rule["unit"],
                "table": held,
                "headline": headline,
                "enabled": row.enabled,
                "interval_s": row.about["interval_s"],
                "failures": row.about["failures"],
                "level": level.word,
                "since": _iso(row.state.since) if level else None,
                "version": definition.version,
                "source": definition.source,
                "in_file": definition.base is not None,
                "edited": sorted(patch),
                "drift": drift(base, patch) if definition.base is not None else {},
            }
        )
    return found


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


def _told(
    found: Sequence[Version],
    keys: Sequence[str] | None,
    shown: Callable[[Table], Table] = lambda table: table,
) -> dict[str, Any]:
    """Versions as they are told: only of `keys`, and with what `shown` leaves to be seen."""
    return {"count": len(found), "versions": [_told_one(each, keys, shown) for each in found]}


def _told_one(
    version: Version, keys: Sequence[str] | None, shown: Callable[[Table], Table]
) -> dict[str, Any]:
    before, table = shown(version.before), shown(version.table)
    return {
        "version": version.number,
        "at": version.change.at.isoformat(),
        "actor": version.change.actor,
        "action": version.change.action,
        "changes": {
            key: {"before": before.get(key), "after": table.get(key)}
            for key in version.fields
            if keys is None or key in keys
        },
        "table": {key: value for key, value in table.items() if keys is None or key in keys},
    }


def _checked(row: CheckRow, before: Definition, fields: Mapping[str, Any]) -> dict[str, Detail]:
    """The fields of an edit. Raises Refused for one that is no level, Impossible for wrong ones."""
    for key, value in fields.items():
        if key not in LEVELS:
            raise Refused(f"{key}: only {', '.join(LEVELS)} can be edited here")
        try:
            if value is not None:
                COMMON[key].read(value)
        except ValueError as error:
            raise Impossible(f"{key}: {error}") from None
    patch = {**{key: each for key, each in before.patch.items() if key in LEVELS}, **fields}
    kept = {key: each for key, each in patch.items() if each is not None}
    after = _read({**(before.base or {}), **kept})
    reason = order_mistake(_headline_rule(row, after, taken_back={*patch} - {*kept}))
    if reason is not None:
        raise Impossible(reason)
    return dict(fields)


def _headline_rule(row: CheckRow, table: Mapping[str, Any], taken_back: set[str]) -> Rule:
    """The rule that the levels would make; what the kind itself brings along stands below them."""
    metric = row.about["headline"]
    stock: Mapping[str, Any] = next(
        (each for each in row.about["rules"] if each["metric"] == metric), {}
    )
    held = {key: stock.get(key) for key in LEVELS if key not in taken_back} | dict(table)
    return Rule(
        id=row.name,
        metric=metric,
        operator=Operator(held.get("operator") or Operator.GTE),
        warning=held.get("warning"),
        critical=held.get("critical"),
    )


def _read(table: Mapping[str, Any]) -> dict[str, Any]:
    """The levels of a check's table; what stands there as a placeholder is left out."""
    found: dict[str, Any] = {}
    for key in LEVELS:
        try:
            if table.get(key) is not None:
                found[key] = COMMON[key].read(table[key])
        except ValueError:
            continue
    return found


def _row(readings: Readings, name: str) -> CheckRow:
    row = None if UNSTORABLE.search(name) else readings.check(name)
    if row is None:
        raise UnknownDefinition(CHECK, name)
    return row


def _known(engine: Engine, kind: str, name: str) -> Definition:
    found = None
    if UNSTORABLE.search(name) is None:
        with reader(engine).connect() as connection:
            found = definitions.load_one(connection, kind, name)
    if found is None:
        raise UnknownDefinition(kind, name)
    return found


def _answer_refusals(routes: Blueprint, readings: Readings) -> None:
    @routes.errorhandler(Refused)
    def _malformed(error: Refused) -> Response:
        return problem(HTTPStatus.BAD_REQUEST, str(error))

    @routes.errorhandler(Impossible)
    def _impossible(error: Impossible) -> Response:
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))

    @routes.errorhandler(UnknownDefinition)
    def _unknown(error: UnknownDefinition) -> Response:
        return problem(HTTPStatus.NOT_FOUND, str(error))

    @routes.errorhandler(VersionConflict)
    def _too_late(error: VersionConflict) -> Response:
        """Both edits: what stands now, and what was asked."""
        found = documents(_row(readings, error.current.name), error.current)
        body = {
            "title": "changed meanwhile",
            "status": 409,
            "detail": str(error),
            "current": next((each for each in found if each["headline"]), None),
            "yours": strictly(request.get_data(), Edited).fields,
        }
        return answer(body, HTTPStatus.CONFLICT, content_type="application/problem+json")


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
