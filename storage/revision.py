"""Which schema a store has, asked without Alembic, so that the monitor need not import it."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text


def current_revision(connection: Connection) -> str | None:
    """The schema revision of the store; None for one without any (an empty database)."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
