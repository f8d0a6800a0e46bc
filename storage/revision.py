"""Which schema a store has, asked without Alembic, so that the monitor need not import it."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from storage.engine import StoreDamaged, StoreError, is_damaged, reader
from storage.schema import REVISION


def current_revision(connection: Connection) -> str | None:
    """The schema revision of the store; None for one without any (an empty database)."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def require_current(engine: Engine) -> None:
    """Make sure the store has this version's schema. Raises StoreError saying what to do.

    Of them StoreDamaged when its SQLite file is damaged.
    """
    try:
        with reader(engine).connect() as connection:
            found = current_revision(connection)
    except DBAPIError as error:
        if is_damaged(error):
            raise StoreDamaged(engine.url.database or "", str(error.orig).strip()) from error
        raise StoreError(f"the store cannot be opened: {str(error.orig).strip()}") from error
    # What a damaged file can raise beside the driver's own errors.
    except (ValueError, OverflowError) as error:
        raise StoreError(f"the store cannot be read: {error}. It may be damaged") from error
    if found != REVISION:
        raise StoreError(
            f"the store has schema {found or 'none'}, this version needs {REVISION}: "
            "run `python app.py migrate`"
        )
