"""Maintenance windows over HTTP: which cover what now, when the next begins, and edits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint
from sqlalchemy import Engine

from dashboard.api import defined
from domain import windowtable
from domain.mistakes import ConfigError
from domain.windows import Occurrence, following, occurrence
from storage.changes import MAINTENANCE, Changes
from storage.definitions import Definition


def blueprint(
    engine: Engine,
    changes: Changes,
    clock: Callable[[], datetime],
    *,
    changed: Callable[[], None],
) -> Blueprint:
    """The routes of maintenance windows. Access to them is decided before."""
    kind = defined.Kind(
        name=MAINTENANCE,
        path="maintenance",
        key="name",
        read=lambda table: windowtable.read_window(table).name,
        about=lambda definition: _about(definition, clock()),
    )
    return defined.blueprint(kind, engine, changes, clock, changed=changed)


def _about(definition: Definition, now: datetime) -> dict[str, Any]:
    try:
        window = windowtable.read_window(definition.in_force)
    except ConfigError:
        # The file has changed under an edit: the table stands here as it is, and is not in force.
        return {"active": None, "next": None}
    return {"active": _span(occurrence(window, now)), "next": _span(following(window, now))}


def _span(found: Occurrence | None) -> dict[str, str] | None:
    if found is None:
        return None
    return {"start": found.start.isoformat(), "end": found.end.isoformat()}
