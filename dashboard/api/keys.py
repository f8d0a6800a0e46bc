"""Keys of programs and tokens of walls and jobs: made (and shown once), listed, revoked by admins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api import pages
from dashboard.api.answers import answer, answer_errors
from dashboard.api.bodies import strictly, wordless
from dashboard.api.defined import known
from dashboard.api.orders import Body, Refused
from dashboard.identity import actor
from domain.access import KeyKind, Scope
from storage import keys
from storage.changes import CHECK, UnknownDefinition
from storage.keys import Key, UnknownKey

LONGEST_DAYS = 3650
USUAL_PAGE, LARGEST_PAGE = 100, 500
# Those made by hand; the link of the first set-up is made by the process that prints it.
MADE = (KeyKind.API, KeyKind.WALL, KeyKind.STATUS, KeyKind.HEARTBEAT)
# Those that are about one thing, whose name the subject is.
OF_ONE_THING = (KeyKind.HEARTBEAT,)
# The kind of the checks that jobs ping.
HEARTBEAT = "heartbeat"


class Made(Body, kw_only=True):
    """A key to be made. `days` is how long it holds; for ever without."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    kind: Annotated[str, msgspec.Meta(max_length=20)] = KeyKind.API.value
    scopes: tuple[str, ...] = ()
    subject: Annotated[str, msgspec.Meta(max_length=200)] = ""
    days: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_DAYS)] | None = None
    replaces: bool = False


def blueprint(engine: Engine, clock: Callable[[], datetime]) -> Blueprint:
    """The routes of keys. The secret is in the answer that makes one, and nowhere else."""
    routes = Blueprint("keys", __name__, url_prefix="/api/v1/keys")

    @routes.get("")
    def listed() -> Response:
        now, most = clock(), pages.limit(USUAL_PAGE, LARGEST_PAGE)
        below = pages.numbered_cursor(keys.LARGEST_ID)
        # One more than is shown tells whether there are further ones.
        found = keys.listed(engine, *MADE, limit=most + 1, below=below)
        shown, more = pages.cut(found, most, lambda key: str(key.id))
        documents = [_told(each, now) for each in shown]
        return answer({"count": len(documents), "keys": documents, "next": more})

    @routes.post("")
    def make() -> Response:
        asked = strictly(request.get_data(), Made)
        now = clock()
        made, secret = keys.make(
            engine,
            _kind(engine, asked),
            name=asked.name.strip() or "unnamed",
            actor=actor(),
            now=now,
            subject=asked.subject,
            scopes=_scopes(asked),
            expires_at=None if asked.days is None else now + timedelta(days=asked.days),
            replaces=asked.replaces,
        )
        return answer({**_told(made, now), "secret": secret.text}, 201)

    @routes.post("/<int:key_id>/revoke")
    def revoke(key_id: int) -> Response:
        wordless(request.get_data())
        return answer(_told(keys.revoke(engine, key_id, actor=actor(), now=clock()), clock()))

    answer_errors(routes, {Refused: 400, UnknownKey: 404})

    return routes


def _kind(engine: Engine, asked: Made) -> KeyKind:
    kind = next((each for each in MADE if each.value == asked.kind), None)
    if kind is None:
        raise Refused(f"kind: must be one of {', '.join(kind.value for kind in MADE)}")
    if (kind in OF_ONE_THING) != bool(asked.subject):
        raise Refused("subject: a heartbeat's token names its check, other keys have none")
    if kind in OF_ONE_THING and not _is_heartbeat(engine, asked.subject):
        raise Refused(f"subject: there is no check of kind {HEARTBEAT} of this name")
    return kind


def _is_heartbeat(engine: Engine, name: str) -> bool:
    """Whether a check of this name waits for pings, be it that the monitor runs it already or not."""
    try:
        check = known(engine, CHECK, name)
    except UnknownDefinition:
        return False
    return not check.orphaned and check.in_force.get("kind") == HEARTBEAT


def _scopes(asked: Made) -> frozenset[Scope]:
    known = {scope.value: scope for scope in Scope if scope is not Scope.WALL}
    unknown = [name for name in asked.scopes if name not in known]
    if unknown:
        raise Refused(f"scopes: must be of {', '.join(known)}")
    if (asked.kind == KeyKind.API) != bool(asked.scopes):
        raise Refused("scopes: a key of kind api has at least one, any other has none")
    return frozenset(known[name] for name in asked.scopes)


def _told(key: Key, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id,
        "kind": key.kind.value,
        "prefix": key.prefix,
        "name": key.name,
        "subject": key.subject,
        "scopes": sorted(key.scopes),
        "in_force": key.holds(now),
        "created_at": key.created_at.isoformat(),
        "created_by": key.created_by,
        "expires_at": _iso(key.expires_at),
        "last_used_at": _iso(key.last_used_at),
        "revoked_at": _iso(key.revoked_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
