"""Who sends the present request: a session's cookie, a key in the header, a wall's token, or nobody."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Request, Response, g, has_request_context
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from dashboard import walltoken
from domain.access import ANONYMOUS, Identity, KeyKind, Role, Scope, role_of_scopes
from storage import keys, secrets
from storage.logins import Logins

SESSION = "nocturne_session"
SAFE = ("GET", "HEAD", "OPTIONS")
# A store that is away for a while must not log out the screens that watch it.
REMEMBERED = timedelta(minutes=10)
MOST_REMEMBERED = 1000
LONGEST_SAID = 80
# What a proxy adds. Somebody behind one that is not configured is not on this machine.
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via")


class BadKey(Exception):
    """The request names a key that opens nothing."""

    def __init__(self) -> None:
        super().__init__("the key is unknown, has expired or was revoked")


def actor() -> str:
    """The name of whoever sent the present request, for audit and timeline."""
    return who().name


def signer(said: str | None) -> str:
    """Who signs an order: somebody logged in by that name, else who the order says it is from."""
    one, name = who(), (said or "").strip()
    if one.via == "session":
        return one.name
    if one.via == "key":
        return f"{name[:LONGEST_SAID]} ({one.name})" if name else one.name
    return name or ANONYMOUS


def who() -> Identity:
    """Whoever sent the present request; nobody in particular outside of one."""
    if not has_request_context():
        return Identity()
    found: Identity = g.get("nocturne_identity", Identity())
    return found


class Identities:
    """Tells who sends a request. `anonymous` is the role of those who don't say."""

    def __init__(self, engine: Engine, anonymous: Role, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._logins = Logins(engine)
        self._anonymous = anonymous
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[Identity, datetime]] = OrderedDict()

    def recognise(self, asked: Request) -> Identity:
        """Who sends `asked`; kept for the rest of the request. Raises BadKey."""
        found = self.tell(asked)
        g.nocturne_identity = found
        return found

    def tell(self, asked: Request) -> Identity:
        """Who sends `asked`, also outside of Flask's own handling of it. Raises BadKey."""
        return self._by_key(asked) or self._by_cookies(asked) or self._nobody(asked)

    def to_wall(self, asked: Request) -> Response | None:
        """The answer to who opens the wall by its token; None for any other request."""
        return walltoken.entered(self._engine, asked, self._clock())

    def _nobody(self, asked: Request) -> Identity:
        forwarded = any(name in asked.headers for name in FORWARDED)
        return Identity(role=Role.NOBODY if forwarded else self._anonymous)

    def _by_key(self, asked: Request) -> Identity | None:
        scheme, _, text = asked.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        found = self._remembered(asked, text.strip(), self._key)
        if found is None:
            raise BadKey
        return found

    def _by_cookies(self, asked: Request) -> Identity | None:
        session = asked.cookies.get(SESSION)
        found = self._remembered(asked, session, self._session) if session else None
        wall = asked.cookies.get(walltoken.COOKIE)
        return found or (self._remembered(asked, wall, self._wall) if wall else None)

    def _key(self, text: str) -> Identity | None:
        found = keys.find(self._engine, text, self._clock())
        if found is None or found.kind is not KeyKind.API:
            return None
        keys.used(self._engine, found, self._clock())
        role = role_of_scopes(found.scopes)
        return Identity(name=f"key {found.name}", role=role, scopes=found.scopes, via="key")

    def _session(self, text: str) -> Identity | None:
        return self._logins.who(text, self._clock())

    def _wall(self, text: str) -> Identity | None:
        found = keys.find(self._engine, text, self._clock())
        if found is None or found.kind is not KeyKind.WALL:
            return None
        keys.used(self._engine, found, self._clock())
        scopes = frozenset({Scope.WALL})
        # A wall sees what anonymous viewers see here, and never less than its own page.
        return Identity(name=f"wall {found.name}", role=self._anonymous, scopes=scopes, via="key")

    def _remembered(
        self, asked: Request, text: str, look: Callable[[str], Identity | None]
    ) -> Identity | None:
        """Whose secret this is. While the store can't be asked, who it was lately may still look."""
        known = secrets.digest(text)
        try:
            found = look(text)
        except DBAPIError:
            with self._lock:
                identity, at = self._known.get(known, (None, self._clock()))
            if asked.method not in SAFE or self._clock() - at > REMEMBERED:
                raise
            if identity is None:
                raise
            return identity
        with self._lock:
            self._known.pop(known, None)
            if found is not None:
                self._known[known] = (found, self._clock())
                while len(self._known) > MOST_REMEMBERED:
                    self._known.popitem(last=False)
        return found
