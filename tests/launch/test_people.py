"""The sub-commands for those who can't log in."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboard import passwords
from domain.access import KeyKind, Role
from storage import keys
from storage.engine import open_engine
from storage.people import People
from tests.installed import ROOT
from tests.storage.fresh import make_store

NOW = datetime.now(UTC)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose store is migrated and has nobody in it."""
    path = tmp_path / "config.toml"
    path.write_text(f'[storage]\nurl = "sqlite:///{tmp_path / "n.db"}"\n')
    make_store(f"sqlite:///{tmp_path / 'n.db'}")
    return path


def people(config: Path) -> People:
    return People(open_engine(f"sqlite:///{config.parent / 'n.db'}"))


def app(config: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py", "--config", str(config), *arguments],
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_link_for_the_first_admin_is_printed_until_there_is_one(config: Path) -> None:
    first = app(config, "setup-link")

    found = re.search(r"http://127\.0\.0\.1:8050/setup\?token=(\S+)", first.stdout)
    assert first.returncode == 0
    assert found is not None
    engine = open_engine(f"sqlite:///{config.parent / 'n.db'}")
    key = keys.find(engine, found[1], NOW)
    assert key is not None
    assert key.kind is KeyKind.SETUP
    People(engine).add("ann", Role.ADMIN, "hash", actor="ann", now=NOW, first_by_key=key.id)
    second = app(config, "setup-link")
    assert second.returncode == 1
    assert "there is an admin already" in second.stderr


def test_a_new_password_is_read_from_the_standard_input_and_shown_nowhere(config: Path) -> None:
    people(config).add("ann", Role.ADMIN, "hash", actor="ann", now=NOW)

    done = app(config, "password", "Ann", given="a long new password\n")

    assert done.returncode == 0, done.stderr
    assert "long new" not in done.stdout + done.stderr
    found = people(config).password_of("ann")
    assert found is not None
    assert passwords.matches(found[1], "a long new password")


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("ann", "short\n", "must have 10 to 200 characters"),
        ("nobody", "a long new password\n", "there is nobody named 'nobody'"),
        ("../x", "a long new password\n", "must be 1 to 60 letters"),
    ],
)
def test_a_password_that_cannot_be_given_changes_nothing(
    config: Path, name: str, given: str, says: str
) -> None:
    people(config).add("ann", Role.ADMIN, "hash", actor="ann", now=NOW)

    refused = app(config, "password", name, given=given)

    assert refused.returncode == 1
    assert says in refused.stderr
    found = people(config).password_of("ann")
    assert found is not None
    assert found[1] == "hash"
