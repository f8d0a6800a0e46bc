"""The audit over HTTP: who did what, when, from what to what. No route changes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api.answers import answer, answer_errors
from dashboard.api.orders import Refused
from domain.secretfields import recorded, veiled
from storage.audit_readings import Change, Wanted, changes, choices
from storage.engine import UNSTORABLE

LIMIT = 50
LONGEST_PAGE = 500
LONGEST_WORD = 200
LARGEST_ID = 2**63 - 1
KNOWN = frozenset({"actor", "kind", "name", "from", "to", "limit", "cursor"})


def blueprint(engine: Engine) -> Blueprint:
    """The one route. Access to it is decided before."""
    routes = Blueprint("audit", __name__, url_prefix="/api/v1")

    @routes.get("/audit")
    def listed() -> Response:
        asked = request.args
        for key in asked:
            if key not in KNOWN:
                raise Refused(f"{ascii(key[:50])[1:-1]}: it is not known here")
        limit = _whole("limit", LONGEST_PAGE) or LIMIT
        wanted = Wanted(
            actor=_word("actor"),
            kind=_word("kind"),
            name=_word("name"),
            start=_moment("from"),
            end=_moment("to"),
            below=_whole("cursor", LARGEST_ID),
        )
        # One more than is shown tells whether there are further ones.
        found = changes(engine, wanted, limit + 1)
        shown = found[:limit]
        body: dict[str, Any] = {"count": len(shown), "changes": [document(each) for each in shown]}
        body["next"] = str(shown[-1].id) if len(found) > limit else None
        if wanted.below is None:
            body["actors"], body["kinds"] = choices(engine)
        return answer(body)

    answer_errors(routes, {Refused: 400})

    return routes


def document(change: Change) -> dict[str, Any]:
    """One line as JSON. Secrets that somebody wrote out in the file are not shown."""
    return {
        "id": change.id,
        "at": change.at.isoformat(),
        "actor": change.actor,
        "action": change.action,
        "kind": change.kind,
        "name": change.name,
        "before": _shown(change.kind, change.before),
        "after": _shown(change.kind, change.after),
    }


def _shown(kind: str, value: Any) -> Any:
    # Of what was written by an older version secrets are left out only now.
    return veiled(recorded(kind, value) or {}) if isinstance(value, Mapping) else value


def _word(field: str) -> str:
    text = request.args.get(field, "")
    if len(text) > LONGEST_WORD or UNSTORABLE.search(text):
        raise Refused(f"{field}: must be {LONGEST_WORD} characters at most, and no control ones")
    return text


def _whole(field: str, most: int) -> int | None:
    text = request.args.get(field)
    if text is None:
        return None
    # By its length first: Python refuses to read thousands of digits.
    fits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not fits or not 1 <= int(text) <= most:
        raise Refused(f"{field}: must be a whole number from 1 to {most}")
    return int(text)


def _moment(field: str) -> datetime | None:
    text = request.args.get(field)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError(text)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(f"{field}: must be a time with its zone, as 2026-11-21T10:00:00Z") from None
