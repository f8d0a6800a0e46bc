"""What an operator changes: edits of definitions, by compare-and-set, audited, in one transaction.

It works while the monitor is dead. What only the monitor can do goes through `storage.commands`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, update
from sqlalchemy.exc import IntegrityError

from domain.facts import Detail
from domain.secretfields import recorded
from storage import counters
from storage.definitions import EDITED, Definition, load_one
from storage.engine import UNSTORABLE
from storage.schema import audit, definitions

CHECK = "check"
CHANNEL = "channel"
RULE = "rule"
MAINTENANCE = "maintenance"
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


class AlreadyDefined(Exception):
    """There is a definition of this name already."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"there is a {kind} named {name!r} already: edit that one")


class StandsInFile(Exception):
    """A definition that comes from the file can't be removed by an edit."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(
            f"{kind} {name!r} stands in the configuration file: remove it there, or switch it off"
        )


class NotInFile(Exception):
    """The file says nothing of a definition, so its edits can't be taken back to that."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name!r} does not stand in the configuration file: remove it")


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

        A field that gets the value of the file leaves the patch, and so does one that gets None.
        `expected` is the version the edit was made on. Raises UnknownDefinition, or VersionConflict
        when another was first.
        """
        with self._engine.begin() as connection:
            found = None
            if not create or load_one(connection, kind, name) is not None:
                found = self._found(connection, kind, name, expected)
            after = patched(found, kind, name, fields)
            if found is not None and after.patch == found.patch:
                return found
            _write(connection, found, after, now)
            _note(connection, action, found, after, actor, now)
            return after

    def add(
        self, kind: str, name: str, table: Mapping[str, Detail], *, actor: str, now: datetime
    ) -> Definition:
        """Define something that the file does not have. Raises AlreadyDefined."""
        try:
            with self._engine.begin() as connection:
                return _add(connection, kind, name, table, actor, now)
        except IntegrityError:
            # Another had the same idea at the same time: there was no row to lock.
            raise AlreadyDefined(kind, name) from None

    def revert(
        self, kind: str, name: str, *, actor: str, now: datetime, expected: int | None = None
    ) -> Definition:
        """Take all edits back to what the file says. Raises as `edit` does, or NotInFile."""
        with self._engine.begin() as connection:
            found = self._found(connection, kind, name, expected)
            if found.base is None:
                raise NotInFile(kind, name)
            after = replace(found, patch={}, version=found.version + 1)
            if not found.patch:
                return found
            _write(connection, found, after, now)
            _note(connection, "revert", found, after, actor, now)
            return after

    def remove(
        self, kind: str, name: str, *, actor: str, now: datetime, expected: int | None = None
    ) -> None:
        """Remove what was added by an edit. Raises as `edit` does, or StandsInFile."""
        with self._engine.begin() as connection:
            found = self._found(connection, kind, name, expected)
            if found.base is not None:
                raise StandsInFile(kind, name)
            same = (definitions.c.kind == kind, definitions.c.name == name)
            connection.execute(delete(definitions).where(*same))
            _note(connection, "remove", found, replace(found, patch={}), actor, now)

    def _found(
        self, connection: Connection, kind: str, name: str, expected: int | None
    ) -> Definition:
        # What can't be stored is no name, and Postgres could not even be asked for it.
        known = UNSTORABLE.search(name) is None
        found = load_one(connection, kind, name, lock=True) if known else None
        if found is None:
            raise UnknownDefinition(kind, name)
        if expected not in (None, found.version):
            raise VersionConflict(found, expected or 0)
        return found


def _add(
    connection: Connection,
    kind: str,
    name: str,
    table: Mapping[str, Detail],
    actor: str,
    now: datetime,
) -> Definition:
    found = load_one(connection, kind, name, lock=True)
    if found is not None and not found.orphaned:
        raise AlreadyDefined(kind, name)
    after = patched(None, kind, name, table)
    if found is not None:
        # The file had one of this name once: its history goes on.
        after = replace(after, version=found.version + 1)
    _write(connection, found, after, now)
    _note(connection, "add", found, after, actor, now)
    return after


def _note(
    connection: Connection,
    action: str,
    before: Definition | None,
    after: Definition,
    actor: str,
    now: datetime,
) -> None:
    """Audit a change of a patch, and let the monitor and the screens know."""
    connection.execute(insert(audit).values(**audit_row(action, before, after, actor, now)))
    counters.bump(connection, counters.CHANGES, counters.REVISION)


def audit_row(
    action: str, before: Definition | None, after: Definition, actor: str, now: datetime
) -> dict[str, Any]:
    """The audit of a change of a patch, as a row."""
    return {
        "at": now,
        "actor": actor,
        "action": action,
        "kind": after.kind,
        "name": after.name,
        "before": recorded(after.kind, before.patch if before else None),
        "after": recorded(after.kind, after.patch),
    }


def _write(
    connection: Connection, found: Definition | None, after: Definition, now: datetime
) -> None:
    row = {
        "patch": dict(after.patch),
        "version": after.version,
        "source": after.source,
        "updated_at": now,
    }
    key = {"kind": after.kind, "name": after.name}
    if found is None:
        connection.execute(insert(definitions).values(base=None, **key, **row))
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


def patched(
    found: Definition | None, kind: str, name: str, fields: Mapping[str, Detail]
) -> Definition:
    """The definition with `fields` laid over it; what the file says too leaves the patch."""
    base = found.base if found else None
    defaults = {"enabled": True, **(base or {})}
    merged = {**(found.patch if found else {}), **fields}
    patch = {
        key: value
        for key, value in merged.items()
        if value is not None and (base is None or key not in defaults or defaults[key] != value)
    }
    version = found.version + 1 if found else 1
    source = found.source if found else EDITED
    return Definition(kind=kind, name=name, base=base, patch=patch, version=version, source=source)
