"""The addresses that jobs ping, as Healthchecks has them: `/ping/<token>`, `/start`, `/fail`, `/log`, `/3`.

What a ping says is committed to the inbox before it is answered, so it counts also while the monitor
is away. An address that opens nothing is answered in one way, whatever is wrong with it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import datetime

import msgspec
from flask import Blueprint, Response, request
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from dashboard.ratelimits import RateLimits
from domain.access import KeyKind
from domain.heartbeat import LONGEST_BODY, Beat, Signal, shown_body
from storage import inbox, keys
from storage.inbox import InboxFull
from storage.keys import Key

KIND = "beat"
METHODS = ("GET", "POST")
STATUS = re.compile(r"[0-9]{1,3}")
LARGEST_STATUS = 255
RETRY_S = 5
# Pushed metrics may fill the inbox up to its limit, and a ping still finds room.
FULL = 2 * inbox.FULL
# A job that pings more often says nothing more by it.
PER_SECOND, AT_ONCE = 5.0, 30.0
# Of one address: somebody who tries tokens, of which each has 256 random bits.
UNKNOWN_PER_SECOND, UNKNOWN_AT_ONCE = 1.0, 30.0


class NotKept(Exception):
    """A ping that is answered with an error; `status` is that of HTTP, the message is for people."""

    def __init__(self, status: int, message: str, retry_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_s = retry_s


def blueprint(
    engine: Engine, clock: Callable[[], datetime], monotonic: Callable[[], float]
) -> Blueprint:
    """The routes of pings."""
    routes = Blueprint("pings", __name__, url_prefix="/ping")
    known = RateLimits(monotonic, per_second=PER_SECOND, at_once=AT_ONCE)
    unknown = RateLimits(monotonic, per_second=UNKNOWN_PER_SECOND, at_once=UNKNOWN_AT_ONCE)

    def take(token: str, what: str) -> Response:
        now = clock()
        key = _key(engine, token, now)
        if key is None:
            _count(unknown, f"{request.remote_addr}")
            raise NotKept(404, "not found")
        _count(known, key.prefix)
        beat = _beat(what, now)
        inbox.append(engine, KIND, key.subject, msgspec.json.encode(beat), now, full=FULL)
        keys.used(engine, key, now)
        return _said(200, "OK")

    @routes.route("/<token>", methods=METHODS)
    def succeeded(token: str) -> Response:
        return take(token, "0")

    @routes.route("/<token>/<what>", methods=METHODS)
    def signalled(token: str, what: str) -> Response:
        return take(token, what)

    @routes.errorhandler(NotKept)
    def _not_kept(error: NotKept) -> Response:
        return _said(error.status, str(error), error.retry_s)

    @routes.errorhandler(InboxFull)
    def _full(error: InboxFull) -> Response:
        return _said(503, str(error), RETRY_S)

    @routes.errorhandler(DBAPIError)
    def _away(error: DBAPIError) -> Response:
        return _said(503, "the store cannot be reached at the moment: try again", RETRY_S)

    return routes


def _key(engine: Engine, token: str, now: datetime) -> Key | None:
    found = keys.find(engine, token, now)
    return found if found is not None and found.kind is KeyKind.HEARTBEAT else None


def _count(limits: RateLimits, sender: str) -> None:
    wait_s = limits.wait_s(sender)
    if wait_s:
        raise NotKept(429, f"too many pings: try again in {wait_s:.1f} s", wait_s)


def _beat(what: str, now: datetime) -> Beat:
    rid = _rid(request.args.get("rid", ""))
    # More than that is left unread: the server has taken it in already, within its own limit.
    body = shown_body(request.stream.read(LONGEST_BODY))
    if what in (Signal.START, Signal.FAIL, Signal.LOG):
        return Beat(at=now, signal=Signal(what), rid=rid, body=body)
    if not STATUS.fullmatch(what) or int(what) > LARGEST_STATUS:
        raise NotKept(400, f"say start, fail, log or an exit status from 0 to {LARGEST_STATUS}")
    status = int(what)
    signal = Signal.FAIL if status else Signal.SUCCESS
    return Beat(at=now, signal=signal, exit_status=status, rid=rid, body=body)


def _rid(text: str) -> str:
    try:
        return str(uuid.UUID(text)) if text else ""
    except ValueError:
        raise NotKept(400, "rid: must be a UUID, as uuidgen makes it") from None


def _said(status: int, text: str, retry_s: float | None = None) -> Response:
    made = Response(text, status, content_type="text/plain; charset=utf-8")
    made.headers["Cache-Control"] = "no-store"
    if retry_s is not None:
        made.headers["Retry-After"] = f"{max(1, round(retry_s))}"
    return made
