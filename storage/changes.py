"""What an operator changes: edits of definitions, by compare-and-set, audited, in one transaction.

It works while the monitor is dead. What only the monitor can do goes through `storage.commands`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, update

from domain.facts import Detail
from storage import counters
from storage.definitions import EDITED, Definition, load_one
from storage.schema import audit, definitions

CHECK = "check"
CHANNEL = "channel"
MONITORING = ("monitoring", "all")


class UnknownDefinition(Exception):
    """There is no definition of this name."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"there is no {kind} named {name!r}")


class VersionConflict(Exception):
    """Somebody else changed the definition first; `current` is what stands now."""

    def __init__(self, current: Definition, expected: int) -> None:
        super().__init__(
            f"{current.kind} {current.name!r} was changed meanwhile: it is at version "
            f"{current.version}, the edit was made on version {expected}"
        )
        self.current = current


class Changes:
    """Edits by operators. Every method commits or raises; a refused one changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def pause(self, name: str, *, actor: str, now: datetime) -> Definition:
        """Stop checking `name`. Raises UnknownDefinition."""
        return self.edit(CHECK, name, {"enabled": False}, action="pause", actor=actor, now=now)

    def resume(self, name: str, *, actor: str, now: datetime) -> Definition:
        """Check `name` again. Raises UnknownDefinition."""
        return self.edit(CHECK, name, {"enabled": True}, action="resume", actor=actor, now=now)

    def monitor(self, running: bool, *, actor: str, now: datetime) -> Definition:
        """Start or stop all monitoring."""
        kind, name = MONITORING
        action = "start" if running else "stop"
        return self.edit(
            kind, name, {"enabled": running}, action=action, actor=actor, now=now, create=True
        )

    def edit(
        self,
        kind: str,
        name: str,
        fields: Mapping[str, Detail],
        *,
        actor: str,
        now: datetime,
        action: str = "edit",
        expected: int | None = None,
        create: bool = False,
    ) -> Definition:
        """Lay `fields` over a definition; returns what stands now.

        A field that gets the value of the file leaves the patch. `expected` is the version the
        edit was made on. Raises UnknownDefinition, or VersionConflict when another was first.
        """
        with self._engine.begin() as connection:
            found = load_one(connection, kind, name, lock=True)
            if found is None and not create:
                raise UnknownDefinition(kind, name)
            if found is not None and expected not in (None, found.version):
                raise VersionConflict(found, expected or 0)
            after = _patched(found, kind, name, fields)
            if found is not None and after.patch == found.patch:
                return found
            _write(connection, found, after, now)
            changed = {"kind": kind, "name": name, "before": found.patch if found else None}
            connection.execute(
                insert(audit).values(
                    at=now, actor=actor, action=action, after=dict(after.patch), **changed
                )
            )
            counters.bump(connection, counters.CHANGES, counters.REVISION)
            return after


def _write(
    connection: Connection, found: Definition | None, after: Definition, now: datetime
) -> None:
    row = {"patch": dict(after.patch), "version": after.version, "updated_at": now}
    key = {"kind": after.kind, "name": after.name}
    if found is None:
        connection.execute(insert(definitions).values(base=None, source=EDITED, **key, **row))
        return
    written = connection.execute(
        update(definitions)
        .where(
            definitions.c.kind == after.kind,
            definitions.c.name == after.name,
            definitions.c.version == found.version,
        )
        .values(row)
    )
    if written.rowcount != 1:
        current = load_one(connection, after.kind, after.name) or found
        raise VersionConflict(current, found.version)


def _patched(
    found: Definition | None, kind: str, name: str, fields: Mapping[str, Detail]
) -> Definition:
    base = found.base if found else None
    defaults = {"enabled": True, **(base or {})}
    merged = {**(found.patch if found else {}), **fields}
    patch = {
        key: value
        for key, value in merged.items()
        if base is None or key not in defaults or defaults[key] != value
    }
    version = found.version + 1 if found else 1
    source = found.source if found else EDITED
    return Definition(kind=kind, name=name, base=base, patch=patch, version=version, source=source)
