"""Every test of a store runs over both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from storage.changes import Changes
from storage.engine import open_engine
from storage.journal import Journal
from storage.leadership import Lease
from storage.migrate import migrate
from storage.readings import Readings
from tests.storage.stores import NOW, Store, lead


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'nocturne.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine of a migrated store."""
    migrate(url, NOW)
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
