"""The sub-command that makes the URL which a job pings."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.access import KeyKind
from storage import keys
from storage.engine import open_engine
from storage.journal import Journal, Published
from tests.launch.test_people import app
from tests.storage.fresh import make_store
from tests.storage.stores import lead

NOW = datetime.now(UTC)
URL = re.compile(r"http://127\.0\.0\.1:8050/ping/(\S+)\n")


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """A store with a heartbeat and another check."""
    url = f"sqlite:///{tmp_path / 'n.db'}"
    make_store(url)
    (tmp_path / "config.toml").write_text(f'[storage]\nurl = "{url}"\n')
    engine = open_engine(url)
    kinds = {"backup": "heartbeat", "cpu": "system"}
    checks = [Published(name=name, kind=kind, about={}) for name, kind in kinds.items()]
    Journal(engine).publish(lead(engine, now=NOW), checks)
    return engine


def token(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return app(tmp_path / "config.toml", "token", *arguments)


def subject(engine: Engine, printed: str) -> str | None:
    found = URL.fullmatch(printed)
    assert found is not None, printed
    key = keys.find(engine, found[1], datetime.now(UTC))
    return None if key is None or key.kind is not KeyKind.HEARTBEAT else key.subject


def test_a_url_is_printed_and_ended_only_when_that_is_said(engine: Engine, tmp_path: Path) -> None:
    first = token(tmp_path, "backup")
    again = token(tmp_path, "backup")
    kept = subject(engine, first.stdout)
    replaced = token(tmp_path, "backup", "--replace")

    assert (first.returncode, kept) == (0, "backup")
    assert (again.returncode, again.stdout) == (1, "")
    assert "--replace" in again.stderr
    assert subject(engine, replaced.stdout) == "backup"
    assert subject(engine, first.stdout) is None


@pytest.mark.parametrize("name", ["cpu", "nobody"])
def test_only_a_heartbeat_has_one(engine: Engine, tmp_path: Path, name: str) -> None:
    refused = token(tmp_path, name)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"no check of kind heartbeat named '{name}'" in refused.stderr
    assert keys.listed(engine, KeyKind.HEARTBEAT) == ()
