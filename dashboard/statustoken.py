"""Who may look at a status page that is not for everybody: who brings its token, or has a login.

`/status?token=…` becomes a cookie, and the token leaves the address.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Request, Response
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from dashboard.identity import BadKey
from domain.access import KeyKind, Role
from storage import keys, secrets

COOKIE = "nocturne_status"
PATH = "/status"
LONGEST_S = 400 * 24 * 3600
# A token is looked up this often; one that is revoked opens the page no longer than this.
HELD = timedelta(seconds=30)
MOST_HELD = 1000


class Visitors:
    """Tells who may look. `role` is that of whoever sent the present request."""

    def __init__(
        self, engine: Engine, clock: Callable[[], datetime], role: Callable[[], Role]
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._role = role
        self._lock = threading.Lock()
        self._held: OrderedDict[str, datetime] = OrderedDict()

    def entered(self, asked: Request) -> Response | None:
        """The answer to who brings a valid token in the address: on to the page. None for others."""
        token = asked.args.get("token")
        if token is None or not self._opens(token):
            return None
        response = Response(status=303, headers={"Location": PATH, "Cache-Control": "no-store"})
        response.set_cookie(
            COOKIE, token, max_age=LONGEST_S, httponly=True, secure=asked.is_secure, samesite="Lax"
        )
        return response

    def may_look(self, asked: Request) -> bool:
        """Whether the request may see the page."""
        token = asked.cookies.get(COOKIE)
        if token is not None and self._opens(token):
            return True
        try:
            return self._role() >= Role.VIEWER
        except BadKey:
            return False

    def _opens(self, text: str) -> bool:
        """Whether this is a token in force. While the store is away, one that was lately is."""
        known, now = secrets.digest(text), self._clock()
        with self._lock:
            at = self._held.get(known)
        if at is not None and timedelta(0) <= now - at < HELD:
            return True
        try:
            found = keys.find(self._engine, text, now)
        except DBAPIError:
            return at is not None
        with self._lock:
            self._held.pop(known, None)
            if found is None or found.kind is not KeyKind.STATUS:
                return False
            self._held[known] = now
            while len(self._held) > MOST_HELD:
                self._held.popitem(last=False)
        keys.used(self._engine, found, now)
        return True
