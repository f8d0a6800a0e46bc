"""Who did what, when: the audit as it is read, newest first, page by page. It is only ever added to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, func, select

from storage.engine import reader
from storage.schema import audit

# What is offered to choose from; whom the list leaves out is found by name all the same.
MOST_CHOICES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line: `before` and `after` are None where there was, or is, nothing."""

    id: int
    at: datetime
    actor: str
    action: str
    kind: str
    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for; an empty text or None narrows nothing.

    `name` may be a part, in any case. `start` belongs to the period, `end` no more. `below` is the
    id of the last line of the page before.
    """

    actor: str = ""
    kind: str = ""
    name: str = ""
    start: datetime | None = None
    end: datetime | None = None
    below: int | None = None


def changes(engine: Engine, wanted: Wanted, limit: int) -> tuple[Change, ...]:
    """The newest lines that fit, `limit` at most, in the order in which they were written."""
    query = select(audit).where(*_conditions(wanted)).order_by(audit.c.id.desc()).limit(limit)
    with reader(engine).connect() as connection:
        return tuple(
            Change(
                id=row.id,
                at=row.at,
                actor=row.actor,
                action=row.action,
                kind=row.kind,
                name=row.name,
                before=row.before,
                after=row.after,
            )
            for row in connection.execute(query)
        )


def choices(engine: Engine) -> tuple[list[str], list[str]]:
    """Who and which kinds stand in the audit, each by name; so many of them at most."""
    with reader(engine).connect() as connection:
        actors, kinds = (
            list(
                connection.execute(
                    select(column).distinct().order_by(column).limit(MOST_CHOICES)
                ).scalars()
            )
            for column in (audit.c.actor, audit.c.kind)
        )
    return actors, kinds


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.actor:
        found.append(audit.c.actor == wanted.actor)
    if wanted.kind:
        found.append(audit.c.kind == wanted.kind)
    if wanted.name:
        found.append(func.lower(audit.c.name).contains(wanted.name.lower(), autoescape=True))
    if wanted.start is not None:
        found.append(audit.c.at >= wanted.start)
    if wanted.end is not None:
        found.append(audit.c.at < wanted.end)
    if wanted.below is not None:
        found.append(audit.c.id < wanted.below)
    return found
