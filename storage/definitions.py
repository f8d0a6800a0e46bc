"""Definitions as rows: what the file says (`base`), what was edited (`patch`), the table in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, insert, select, update

from domain.definitions import drift, effective
from domain.facts import Detail
from domain.secretfields import recorded
from storage import counters
from storage.engine import reader
from storage.leadership import Lease, fence
from storage.schema import audit, definitions

# The key of the standing notice that edits of checks are left out, and how its text begins.
EDITS_NOTICE = "edits"
NOT_IN_FORCE = "Edits do not fit the configuration and are not in force."
FILE = "file"
EDITED = "edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One definition. `base` is None when it was made by an edit or is gone from the file."""

    kind: str
    name: str
    base: Mapping[str, Detail] | None
    patch: Mapping[str, Detail]
    version: int
    source: str

    @property
    def in_force(self) -> dict[str, Detail]:
        """The table in force: patch over base."""
        return effective(self.base, self.patch)

    @property
    def orphaned(self) -> bool:
        """Whether the file no longer has it: it stops, its patch and history stay."""
        return self.base is None and self.source == FILE

    @property
    def drifted(self) -> dict[str, Detail]:
        """The fields that were edited away from the file, with what the file says."""
        return drift(self.base, self.patch)


def publish(
    engine: Engine,
    kind: str,
    tables: Sequence[Mapping[str, Detail]],
    source: str,
    now: datetime,
    lease: Lease | None = None,
    *,
    key: str = "name",
) -> None:
    """Make `tables` the bases of `kind`. Edits stay; each change is audited.

    `key` is the key of a table that holds its name; `lease` fences it: raises LeadershipLost when
    another monitor leads.
    """
    with engine.begin() as connection:
        if lease is not None:
            fence(connection, lease)
        known = {each.name: each for each in _load(connection, kind)}
        # As they will be read back: dates in TOML are kept as text.
        wanted = {str(table[key]): msgspec.to_builtins(dict(table)) for table in tables}
        changed = False
        for name in known.keys() | wanted.keys():
            before = known[name].base if name in known else None
            after = wanted.get(name)
            if before == after and (name in known):
                continue
            _set_base(connection, kind, name, after, known.get(name), now)
            _audit(connection, now, source, "publish", kind, name, before, after)
            changed = True
        if changed:
            counters.bump(connection, counters.REVISION)


def load(engine: Engine, kind: str) -> tuple[Definition, ...]:
    """All definitions of a kind by name, orphans among them."""
    with reader(engine).connect() as connection:
        return _load(connection, kind)


def load_page(engine: Engine, kind: str, after: str, limit: int) -> tuple[Definition, ...]:
    """So many definitions of a kind by name, those that come after a name; all come after `""`."""
    query = (
        select(definitions)
        .where(definitions.c.kind == kind, definitions.c.name > after)
        .order_by(definitions.c.name)
        .limit(limit)
    )
    with reader(engine).connect() as connection:
        return tuple(_definition(row) for row in connection.execute(query))


def load_one(
    connection: Connection, kind: str, name: str, *, lock: bool = False
) -> Definition | None:
    """One definition; None when there is none. `lock` holds it for the transaction."""
    query = select(definitions).where(definitions.c.kind == kind, definitions.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _definition(row)


def load_some(
    connection: Connection, kind: str, names: Sequence[str], *, lock: bool = False
) -> tuple[Definition, ...]:
    """Those of the named definitions that there are, by name. `lock` holds them as `load_one` does."""
    query = (
        select(definitions)
        .where(definitions.c.kind == kind, definitions.c.name.in_(names))
        .order_by(definitions.c.name)
    )
    rows = connection.execute(query.with_for_update() if lock else query)
    return tuple(_definition(row) for row in rows)


def _load(connection: Connection, kind: str) -> tuple[Definition, ...]:
    query = select(definitions).where(definitions.c.kind == kind).order_by(definitions.c.name)
    return tuple(_definition(row) for row in connection.execute(query))


def _definition(row: Row[Any]) -> Definition:
    return Definition(
        kind=row.kind,
        name=row.name,
        base=row.base,
        patch=row.patch,
        version=row.version,
        source=row.source,
    )


def _set_base(
    connection: Connection,
    kind: str,
    name: str,
    base: Mapping[str, Detail] | None,
    known: Definition | None,
    now: datetime,
) -> None:
    if known is None:
        row = {"kind": kind, "name": name, "base": base, "patch": {}, "version": 1}
        connection.execute(insert(definitions).values(**row, source=FILE, updated_at=now))
        return
    connection.execute(
        update(definitions)
        .where(definitions.c.kind == kind, definitions.c.name == name)
        .values(
            base=base,
            version=definitions.c.version + 1,
            source=FILE if base is not None else known.source,
            updated_at=now,
        )
    )


def _audit(
    connection: Connection,
    at: datetime,
    actor: str,
    action: str,
    kind: str,
    name: str,
    before: Any,
    after: Any,
) -> None:
    row = {"at": at, "actor": actor, "action": action, "kind": kind, "name": name}
    row |= {"before": recorded(kind, before), "after": recorded(kind, after)}
    connection.execute(insert(audit).values(**row))
