"""The one-time link by which the first admin is made: printed where the process was started."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine

from domain.access import KeyKind
from domain.settings import Settings
from storage import keys
from storage.people import People

HOLDS = timedelta(hours=24)


def link(engine: Engine, settings: Settings, now: datetime) -> str | None:
    """A new link, which ends earlier ones; None when there is an admin already."""
    if People(engine).has_admin():
        return None
    _, secret = keys.make(
        engine,
        KeyKind.SETUP,
        name="first admin",
        actor="nocturne",
        now=now,
        expires_at=now + HOLDS,
        replaces=True,
    )
    return f"{settings.web.url}/setup?token={secret.text}"
