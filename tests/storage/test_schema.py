"""The models are what the migrations build, on both databases."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from storage.engine import reader
from storage.migrate import SCRIPTS
from storage.schema import REVISION, metadata


def test_the_models_equal_what_the_migrations_build(engine: Engine) -> None:
    with reader(engine).connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        differences = compare_metadata(context, metadata)

    assert differences == []


def test_primary_keys_and_their_order_equal_too(engine: Engine) -> None:
    # Alembic does not compare these.
    with reader(engine).connect() as connection:
        inspector = inspect(connection)
        found = {
            name: inspector.get_pk_constraint(name)["constrained_columns"]
            for name in metadata.tables
        }

    assert found == {
        name: list(t.primary_key.columns.keys()) for name, t in metadata.tables.items()
    }


def test_the_revision_that_the_monitor_asks_for_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(SCRIPTS)).get_heads() == [REVISION]
