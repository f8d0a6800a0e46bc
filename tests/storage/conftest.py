"""Every test of a store runs over both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from storage.changes import Changes
from storage.engine import open_engine
from storage.journal import Journal
from storage.leadership import Lease
from storage.readings import Readings
from storage.schema import metadata
from tests.storage.fresh import make_store
from tests.storage.stores import Store, lead


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated store with nothing in it."""
    if request.param == "sqlite":
        made = f"sqlite:///{tmp_path / 'data' / 'nocturne.db'}"
        make_store(made)
        yield made
        return
    # To make and drop a database takes ten times as long as to empty one.
    shared = str(request.getfixturevalue("migrated_postgres"))
    yield shared
    empty(shared)


def empty(url: str) -> None:
    """Bring a Postgres store back to what it was after its migration."""
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    filled = " UNION ALL ".join(
        f"SELECT '{table.name}' WHERE EXISTS (SELECT FROM {table.name})"
        for table in metadata.sorted_tables
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
        # To truncate an empty table takes as long as a full one, and most are empty.
        names = [row[0] for row in connection.execute(filled).fetchall()]
        connection.execute(f"TRUNCATE {', '.join(names)} CASCADE")
        connection.execute("SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence")
        connection.execute("INSERT INTO counters VALUES ('revision', 0), ('changes', 0)")


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine of a migrated store."""
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def lease(engine: Engine) -> Lease:
    """The right to write as the leading monitor."""
    return lead(engine)


@pytest.fixture
def store(url: str, engine: Engine, lease: Lease) -> Store:
    """A store with a leader and no checks."""
    return Store(
        url=url,
        engine=engine,
        lease=lease,
        journal=Journal(engine),
        readings=Readings(engine),
        changes=Changes(engine),
    )
