"""Maintenance windows over HTTP: which cover what now, when the next begins, and edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint
from sqlalchemy import Engine

from dashboard.api import defined
from domain import windowtable
from domain.mistakes import ConfigError
from domain.windows import Occurrence, following, occurrence
from storage import silences
from storage.changes import MAINTENANCE, Changes
from storage.definitions import Definition


class Added(defined.Added):
    """A window to add; `everything` says that it is meant to cover all that there is."""

    everything: bool = False

    @property
    def confirmed(self) -> bool:
        """Whether to cover all that there is was asked for twice."""
        return self.everything


class Edited(defined.Edited):
    """Fields to change; `everything` says that the window is meant to cover all that there is."""

    everything: bool = False

    @property
    def confirmed(self) -> bool:
        """Whether to cover all that there is was asked for twice."""
        return self.everything


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
        read=lambda table, given: windowtable.read_window(table).name,
        about=lambda definition: _about(definition, clock()),
        doubt=lambda table, given: _doubt(engine, table, given),
        added=Added,
        edited=Edited,
    )
    return defined.blueprint(kind, engine, changes, clock, changed=changed)


def _doubt(engine: Engine, table: Mapping[str, Any], given: Mapping[str, Any]) -> str | None:
    """Why a window must be asked for twice: its matcher is new, and nothing would be left out."""
    if "match" not in given or table.get("everything") is True:
        return None
    covered = silences.present(engine).all_of(windowtable.read_window(table).match)
    if covered is None:
        return None
    beside = "table" if table is given else "fields"
    return f'match: it covers {covered}: send "everything": true beside "{beside}" if that is meant'


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
