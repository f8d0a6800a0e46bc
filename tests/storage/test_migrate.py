"""Bringing a store to this version: what it refuses, what it backs up, and what a kill leaves."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, inspect, text

from storage import migrate as migrating
from storage.engine import StoreError, open_engine, reader
from storage.migrate import migrate
from storage.revision import current_revision
from storage.schema import REVISION, metadata
from tests.storage.stores import NOW

ROOT = Path(__file__).parents[2]
NEXT = """
import os
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade():
    op.create_table("tomorrow", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("INSERT INTO tomorrow VALUES (1)")
    op.execute("UPDATE counters SET value = value + 1000")
    {ending}
"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database in which nothing stands yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'nocturne.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def scripts(tmp_path: Path) -> Callable[[str], Path]:
    """Makes the migrations of a version to come: this one's, and a next one that ends as told."""

    def make(ending: str = "pass") -> Path:
        folder = tmp_path / "next 100%"
        shutil.copytree(migrating.SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "versions" / "m9999_next.py").write_text(
            NEXT.format(head=REVISION, ending=ending)
        )
        return folder

    return make


def look(url: str) -> tuple[str | None, set[str], list[int]]:
    """Revision, tables and counters of a store."""
    engine = open_engine(url)
    with reader(engine).connect() as connection:
        tables = set(inspect(connection).get_table_names())
        values = connection.scalars(text("SELECT value FROM counters ORDER BY name")).all()
        found = current_revision(connection), tables, list(values)
    engine.dispose()
    return found


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def test_an_empty_database_gets_this_versions_schema(url: str) -> None:
    assert migrate(url) is None

    revision, tables, counters = look(url)
    assert revision == REVISION
    assert tables == {"alembic_version", *metadata.tables}
    assert counters == [0, 0]


def test_a_store_of_this_version_is_left_as_it_is(url: str) -> None:
    migrate(url)

    assert migrate(url) == REVISION


def test_a_store_of_an_older_version_is_brought_up_and_says_from_where(
    url: str, scripts: Callable[[str], Path]
) -> None:
    migrate(url)

    assert migrate(url, scripts=scripts("pass")) == REVISION

    revision, tables, counters = look(url)
    assert (revision, counters) == ("9999", [1000, 1000])
    assert "tomorrow" in tables


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(
    url: str, scripts: Callable[[str], Path]
) -> None:
    migrate(url, scripts=scripts("pass"))
    before = look(url)

    with pytest.raises(
        StoreError, match=rf"newer version \(schema 9999, this version knows {REVISION}\)"
    ):
        migrate(url)

    assert look(url) == before


def test_a_database_of_another_application_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match=r"tables that are not Nocturne's \(orders …\): give"):
        migrate(f"sqlite:///{path}")

    assert path.read_bytes() == before


def test_a_postgres_database_of_another_application_is_refused(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")

    with pytest.raises(StoreError, match=r"tables that are not Nocturne's \(orders …\)"):
        migrate(postgres_url)


@pytest.mark.parametrize("damage", ["no database at all", "zeroed", "cut in half"])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "nocturne.db"
    url = f"sqlite:///{path}"
    migrate(url)
    whole = path.read_bytes()
    spoilt = {
        "no database at all": b"Dear diary, " * 1000,
        "zeroed": whole[:4096] + bytes(len(whole) - 4096),
        "cut in half": whole[: len(whole) // 2],
    }[damage]
    path.write_bytes(spoilt)

    with pytest.raises(StoreError, match=r"is damaged.*It was left as it is: move it away"):
        migrate(url)

    assert path.read_bytes() == spoilt
    assert not (tmp_path / "backups").exists()


def test_an_unreachable_postgres_is_told_in_one_sentence_without_the_password() -> None:
    url = "postgresql://nocturne:hunter2@127.0.0.1:1/nocturne"

    with pytest.raises(StoreError, match=r"cannot be opened: connection.*refused") as told:
        migrate(url)

    assert "hunter2" not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_postgres_without_that_database_is_told(postgres_url: str) -> None:
    wrong = postgres_url.replace("/t", "/nobody_made_t", 1)

    with pytest.raises(StoreError, match=r'cannot be opened: .*"nobody_made_t.*" does not exist'):
        migrate(wrong)


def test_a_path_that_is_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened: unable to open database file"):
        migrate(f"sqlite:///{tmp_path}")


def test_the_sqlite_file_is_backed_up_before_it_is_migrated(
    tmp_path: Path, scripts: Callable[[str], Path]
) -> None:
    url = f"sqlite:///{tmp_path / 'nocturne.db'}"
    migrate(url)

    migrate(url, NOW, scripts=scripts("pass"))

    (backup,) = (tmp_path / "backups").iterdir()
    assert backup.name == f"nocturne-before-9999-from-{REVISION}-20260301T120000Z.db"
    assert look(f"sqlite:///{backup}")[0] == REVISION


def test_only_the_five_newest_backups_are_kept(
    tmp_path: Path, scripts: Callable[[str], Path]
) -> None:
    url = f"sqlite:///{tmp_path / 'nocturne.db'}"
    migrate(url)
    folder = tmp_path / "backups"
    folder.mkdir()
    for number in range(7):
        (folder / f"nocturne-before-0001-from-{number}.db").touch()
    (folder / "somebody-elses.db").touch()

    migrate(url, NOW, scripts=scripts("pass"))

    names = {path.name for path in folder.iterdir()}
    assert len(names) == 6
    assert {
        "somebody-elses.db",
        f"nocturne-before-9999-from-{REVISION}-20260301T120000Z.db",
    } <= names


def test_without_a_place_for_the_backup_nothing_is_migrated(
    tmp_path: Path, scripts: Callable[[str], Path]
) -> None:
    url = f"sqlite:///{tmp_path / 'nocturne.db'}"
    migrate(url)
    (tmp_path / "backups").write_text("a file where the folder should be")

    with pytest.raises(StoreError, match=r"backups, cannot be used: .*Nothing was changed"):
        migrate(url, scripts=scripts("pass"))

    assert look(url)[0] == REVISION


def test_a_new_store_needs_no_backup(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path / 'nocturne.db'}")

    assert not (tmp_path / "backups").exists()


def test_a_migration_that_fails_in_the_middle_leaves_the_old_schema(
    url: str, scripts: Callable[[str], Path]
) -> None:
    migrate(url)
    before = look(url)

    with pytest.raises(ZeroDivisionError):
        migrate(url, scripts=scripts("1 / 0"))

    assert look(url) == before


def test_a_migration_killed_in_the_middle_leaves_the_old_schema_and_can_be_run_again(
    url: str, scripts: Callable[[str], Path]
) -> None:
    migrate(url)
    before = look(url)
    deadly = scripts("os._exit(9)")

    code = (
        "from pathlib import Path; from storage.migrate import migrate; "
        f"migrate({url!r}, scripts=Path({str(deadly)!r}))"
    )
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60)
    left = look(url)
    (deadly / "versions" / "m9999_next.py").write_text(NEXT.format(head=REVISION, ending="pass"))

    assert (killed.returncode, left) == (9, before)
    assert migrate(url, scripts=deadly) == REVISION
    assert look(url)[0] == "9999"


def test_two_migrations_at_once_wait_for_each_other(url: str) -> None:
    code = f"from storage.migrate import migrate; migrate({url!r})"
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for _ in range(2)]

    assert [process.wait(60) for process in both] == [0, 0]
    assert look(url)[0] == REVISION


def test_a_database_without_any_schema_has_no_revision(url: str) -> None:
    engine: Engine = open_engine(url)

    with reader(engine).connect() as connection:
        assert current_revision(connection) is None

    engine.dispose()
