"""A store of this version, made quickly: a migration takes a hundred times as long as a copy."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from storage import presence
from storage.engine import file_of
from storage.migrate import migrate


def make_store(url: str) -> None:
    """Make an empty store of this version at `url`, as `migrate` would have done."""
    path = file_of(url)
    if path is None:
        migrate(url)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_empty())
    presence.mark(path)


@cache
def _empty() -> bytes:
    """The SQLite file that a migration makes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nocturne.db"
        migrate(f"sqlite:///{path}")
        return path.read_bytes()
