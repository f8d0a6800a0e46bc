"""The levels inside checks, which stand beside alert rules as thresholds: told and edited."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api import pages
from dashboard.api.answers import answer, answer_errors
from dashboard.api.bodies import strictly
from dashboard.api.defined import Edited, known
from dashboard.api.orders import Refused
from dashboard.identity import actor
from domain.checktable import COMMON
from domain.definitions import drift
from domain.facts import Detail, Status
from domain.rules import Operator, Rule, order_mistake
from storage import definitions
from storage.changes import CHECK, Changes, UnknownDefinition, VersionConflict
from storage.check_rows import CheckRow
from storage.definitions import Definition
from storage.engine import reader
from storage.readings import Readings

LEVELS: Final = ("operator", "warning", "critical")


class Impossible(Exception):
    """Levels that can't be; the message names the field."""


def blueprint(
    engine: Engine,
    readings: Readings,
    changes: Changes,
    clock: Callable[[], datetime],
    *,
    changed: Callable[[], None],
) -> Blueprint:
    """The routes of levels; `changed` is called after each edit. Access is decided before."""
    routes = Blueprint("levels", __name__, url_prefix="/api/v1")
    _read_all(routes, engine, readings, clock)

    @routes.get("/checks/<path:name>/levels")
    def one(name: str) -> Response:
        found = documents(_row(readings, name), known(engine, CHECK, name))
        return answer({"check": name, "levels": found})

    @routes.patch("/checks/<path:name>/levels")
    def edit(name: str) -> Response:
        asked = strictly(request.get_data(), Edited)
        row, before = _row(readings, name), known(engine, CHECK, name)
        fields = _checked(row, before, asked.fields)
        after = changes.edit(
            CHECK, name, fields, actor=actor(), now=clock(), expected=asked.version
        )
        changed()
        return answer({"check": name, "levels": documents(row, after)})

    _answer_refusals(routes)
    _answer_conflicts(routes, readings)
    return routes


def _read_all(
    routes: Blueprint, engine: Engine, readings: Readings, clock: Callable[[], datetime]
) -> None:
    """The route that tells the levels of all checks, a page at a time."""

    @routes.get("/levels")
    def listed() -> Response:
        rows = {row.name: row for row in readings.board(clock()).checks}
        places = [(name, each) for name, row in rows.items() for each in range(_count(row))]
        # By the check's name, and there as the check has them.
        shown, more = pages.part(places, lambda place: f"{place[0]} {place[1]:04}")
        with reader(engine).connect() as connection:
            defined = definitions.load_some(connection, CHECK, sorted({name for name, _ in shown}))
        told = {each.name: documents(rows[each.name], each) for each in defined}
        found = [told[name][place] for name, place in shown if name in told]
        return answer({"count": len(found), "levels": found, "next": more})


def _count(row: CheckRow) -> int:
    """How many levels `documents` tells of a check."""
    return len(row.about["rules"])


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
                "measured": rule["id"] in row.state.levels,
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
    row = readings.check(name)
    if row is None:
        raise UnknownDefinition(CHECK, name)
    return row


def _answer_refusals(routes: Blueprint) -> None:
    answer_errors(
        routes,
        {
            Refused: HTTPStatus.BAD_REQUEST,
            Impossible: HTTPStatus.UNPROCESSABLE_ENTITY,
            UnknownDefinition: HTTPStatus.NOT_FOUND,
        },
    )


def _answer_conflicts(routes: Blueprint, readings: Readings) -> None:
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
