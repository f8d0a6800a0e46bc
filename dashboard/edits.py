"""What was changed about a check, field by field, without anything that could be secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.readings import AuditRow

DEEDS = {"pause": "paused", "resume": "resumed", "publish": "taken from the file"}
# An edit may hold a password or a token: only values that can't be secret are shown.
SHOWN_EDITS = frozenset(
    {"enabled", "interval", "timeout", "failures", "successes", "retry_interval", "weight"}
    | {"tags", "depends_on", "scope", "group", "description", "warning", "critical"}
)
# Changes that are told field by field; others by their verb alone.
BY_FIELD = ("edit", "publish")


@dataclass(frozen=True, slots=True, kw_only=True)
class EditView:
    """One field that an operator or the file changed; empty texts where there is nothing to tell."""

    at: datetime
    actor: str
    what: str
    before: str
    after: str


def edits(rows: Sequence[AuditRow]) -> tuple[EditView, ...]:
    """The fields that these changes changed, in their order."""
    return tuple(edit for row in rows for edit in _fields(row))


def _fields(row: AuditRow) -> list[EditView]:
    before = row.before if isinstance(row.before, dict) else {}
    after = row.after if isinstance(row.after, dict) else {}
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    first = row.action == "publish" and not before
    if row.action not in BY_FIELD or first or not changed:
        what = DEEDS.get(row.action, row.action)
        return [EditView(at=row.at, actor=row.actor, what=what, before="", after="")]
    return [
        EditView(
            at=row.at,
            actor=row.actor,
            what=key,
            before=_told(key, before) if key in SHOWN_EDITS else "",
            after=_told(key, after) if key in SHOWN_EDITS else "changed",
        )
        for key in changed
    ]


def _told(key: str, fields: Mapping[str, Any]) -> str:
    return plain(fields[key]) if key in fields else "as in the file"


def plain(value: Any) -> str:
    """A value of a document as people read it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(plain, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(each)}" for key, each in value.items()) or "none"
    return str(value)
