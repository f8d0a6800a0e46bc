"""What an operator changes about many checks at once: one transaction, an audit row for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from domain.facts import Detail
from domain.incidents import fingerprint
from storage import counters
from storage.changes import CHECK, audit_row, patched
from storage.definitions import Definition, load_some
from storage.engine import UNSTORABLE, reader
from storage.schema import audit, definitions, incidents

CHUNK = 500
# The fields of a check's table to lay over it, by its definition as it stands.
FieldsOf = Callable[[Definition], Mapping[str, Detail]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """One check before and after an edit that may have changed nothing."""

    before: Definition
    after: Definition

    @property
    def changed(self) -> bool:
        """Whether anything is different now."""
        return self.before.patch != self.after.patch


class BulkChanges:
    """Edits of many checks. Every method commits whole or raises, and works without a monitor."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def edit(
        self, names: Sequence[str], fields_of: FieldsOf, *, action: str, actor: str, now: datetime
    ) -> dict[str, Edited]:
        """Lay fields over the named checks; what became of each, without those that there are not.

        Those that stand already as they are to stand are left alone, and not audited.
        """
        with self._engine.begin() as connection:
            found = {
                each.name: Edited(
                    before=each, after=patched(each, CHECK, each.name, fields_of(each))
                )
                for each in _standing(connection, names, lock=True)
            }
            changed = [each for each in found.values() if each.changed]
            if changed:
                _write(connection, changed, action, actor, now)
            return found

    def known(self, names: Sequence[str]) -> dict[str, Definition]:
        """The named checks that there are, as they stand, by name."""
        with reader(self._engine).connect() as connection:
            return {each.name: each for each in _standing(connection, names, lock=False)}

    def open_incidents(self, names: Sequence[str]) -> dict[str, str]:
        """The ids of the incidents that stand for the named checks, by their names."""
        found: dict[str, str] = {}
        with reader(self._engine).connect() as connection:
            for chunk in _chunks(names):
                query = select(incidents.c.component, incidents.c.id).where(
                    incidents.c.fingerprint.in_([fingerprint(name) for name in chunk]),
                    incidents.c.is_open,
                )
                found |= {row.component: row.id for row in connection.execute(query)}
        return found


def _standing(connection: Connection, names: Sequence[str], *, lock: bool) -> Iterator[Definition]:
    """The named checks that are not gone from the file; locked in the order of their names."""
    for chunk in _chunks(names):
        for found in load_some(connection, CHECK, chunk, lock=lock):
            if not found.orphaned:
                yield found


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    # What can't be stored is no name, and Postgres could not even be asked for it. Always in one
    # order: two that lock the same rows must not wait for each other.
    known = sorted({name for name in names if UNSTORABLE.search(name) is None})
    for first in range(0, len(known), CHUNK):
        yield known[first : first + CHUNK]


def _write(
    connection: Connection, changed: Sequence[Edited], action: str, actor: str, now: datetime
) -> None:
    """The patches and their audit; the rows are locked, so nobody can have been first."""
    one = definitions.c.kind == CHECK, definitions.c.name == bindparam("of")
    rows = [
        {
            "of": each.after.name,
            "patch": dict(each.after.patch),
            "version": each.after.version,
            "updated_at": now,
        }
        for each in changed
    ]
    connection.execute(update(definitions).where(*one), rows)
    told = [audit_row(action, each.before, each.after, actor, now) for each in changed]
    connection.execute(insert(audit), told)
    counters.bump(connection, counters.CHANGES, counters.REVISION)
