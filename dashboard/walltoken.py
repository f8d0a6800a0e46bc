"""Opening the wall by its token: `/wall?token=…` becomes a cookie, and the token leaves the address."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from flask import Request, Response
from sqlalchemy import Engine

from domain.access import KeyKind
from storage import keys

COOKIE = "nocturne_wall"
PATH = "/wall"
# As long as browsers keep one; what ends it is that the token is revoked.
LONGEST_S = 400 * 24 * 3600


def entered(engine: Engine, asked: Request, now: datetime) -> Response | None:
    """The answer to a request that brings a wall's token: on to the wall; None without a valid one."""
    token = asked.args.get("token")
    if asked.path != PATH or token is None:
        return None
    found = keys.find(engine, token, now)
    if found is None or found.kind is not KeyKind.WALL:
        return None
    rest = [(name, value) for name, value in asked.args.items(multi=True) if name != "token"]
    address = f"{PATH}?{urlencode(rest)}" if rest else PATH
    response = Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})
    response.set_cookie(
        COOKIE, token, max_age=LONGEST_S, httponly=True, secure=asked.is_secure, samesite="Lax"
    )
    return response
