"""The people who log in: made, listed, given another role or password, switched off; each audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from domain.access import Role, role_named
from storage.engine import UNSTORABLE, reader
from storage.schema import audit, keys, sessions, users


class UnknownPerson(Exception):
    """There is nobody of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is nobody named {name!r}")


class NameTaken(Exception):
    """Somebody has this name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"somebody is named {name!r} already")


class LastAdmin(Exception):
    """The change would leave nobody who may administer."""

    def __init__(self) -> None:
        super().__init__("this is the last admin: make another one first")


class AlreadySetUp(Exception):
    """There is an admin already, so the first one can't be made."""

    def __init__(self) -> None:
        super().__init__("there is an admin already: log in")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may log in. The password's hash is not shown by `repr`."""

    id: int
    name: str
    role: Role
    enabled: bool
    created_at: datetime
    changed_at: datetime


class People:
    """Changes of people. Every method commits or raises; a refused one changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        name: str,
        role: Role,
        password_hash: str,
        *,
        actor: str,
        now: datetime,
        first_by_key: int | None = None,
    ) -> Person:
        """Add somebody. Raises NameTaken.

        With `first_by_key` it is the first admin, made by a one-time link: raises AlreadySetUp when
        there is one, or when the link of this number was used by another at the same time.
        """
        row = {"name": name, "role": role.word, "password": password_hash, "enabled": True}
        times = {"created_at": now, "changed_at": now}
        try:
            with self._engine.begin() as connection:
                if first_by_key is not None:
                    _use_up(connection, first_by_key, now)
                made = connection.execute(insert(users).values(**row, **times).returning(users))
                person = _person(made.one())
                _audit(connection, "add person", None, person, actor, now)
        except IntegrityError:
            raise NameTaken(name) from None
        return person

    def change(
        self,
        name: str,
        *,
        actor: str,
        now: datetime,
        role: Role | None = None,
        enabled: bool | None = None,
        password_hash: str | None = None,
    ) -> Person:
        """Change somebody; all logins of that person end. Raises UnknownPerson or LastAdmin."""
        with self._engine.begin() as connection:
            before = _locked(connection, name)
            values: dict[str, Any] = {"changed_at": now}
            values |= {"role": role.word} if role is not None else {}
            values |= {"enabled": enabled} if enabled is not None else {}
            values |= {"password": password_hash} if password_hash is not None else {}
            changed = update(users).where(users.c.id == before.id).values(values)
            after = _person(connection.execute(changed.returning(users)).one())
            _keep_an_admin(connection)
            connection.execute(delete(sessions).where(sessions.c.user_id == before.id))
            action = "change person" if password_hash is None else "change password"
            _audit(connection, action, before, after, actor, now)
        return after

    def remove(self, name: str, *, actor: str, now: datetime) -> None:
        """Remove somebody; the audit keeps the name. Raises UnknownPerson or LastAdmin."""
        with self._engine.begin() as connection:
            before = _locked(connection, name)
            connection.execute(delete(sessions).where(sessions.c.user_id == before.id))
            connection.execute(delete(users).where(users.c.id == before.id))
            _keep_an_admin(connection)
            _audit(connection, "remove person", before, None, actor, now)

    def listed(self, *, limit: int | None = None, after: str | None = None) -> tuple[Person, ...]:
        """Everybody, by name: at most `limit`, and of those whose name follows on `after`."""
        query = select(users).order_by(users.c.name).limit(limit)
        if after is not None:
            query = query.where(users.c.name > after)
        with reader(self._engine).connect() as connection:
            rows = connection.execute(query).all()
        return tuple(_person(row) for row in rows)

    def has_admin(self) -> bool:
        """Whether somebody may administer. Until then the first admin can be made."""
        with reader(self._engine).connect() as connection:
            return _admins(connection) > 0

    def password_of(self, name: str) -> tuple[Person, str] | None:
        """Somebody who may log in, and the hash of the password; None when there is no such one."""
        if UNSTORABLE.search(name):
            return None
        with reader(self._engine).connect() as connection:
            row = connection.execute(
                select(users).where(users.c.name == name, users.c.enabled)
            ).one_or_none()
        return None if row is None else (_person(row), row.password)


def _admins(connection: Connection) -> int:
    query = select(func.count()).select_from(users)
    admins = query.where(users.c.role == Role.ADMIN.word, users.c.enabled)
    return int(connection.execute(admins).scalar_one())


def _keep_an_admin(connection: Connection) -> None:
    if not _admins(connection):
        raise LastAdmin


def _use_up(connection: Connection, key_id: int, now: datetime) -> None:
    """Use a one-time link: of two who try at once, one finds it used."""
    unused = and_(keys.c.id == key_id, keys.c.revoked_at.is_(None))
    used = connection.execute(update(keys).where(unused).values(revoked_at=now, last_used_at=now))
    if used.rowcount != 1 or _admins(connection):
        raise AlreadySetUp


def _locked(connection: Connection, name: str) -> Person:
    row = None
    if UNSTORABLE.search(name) is None:
        # All admins are locked in one order, so that two changes can't each leave the other as last.
        connection.execute(
            select(users.c.id)
            .where(users.c.role == Role.ADMIN.word)
            .order_by(users.c.id)
            .with_for_update()
        ).all()
        row = connection.execute(
            select(users).where(users.c.name == name).with_for_update()
        ).one_or_none()
    if row is None:
        raise UnknownPerson(name)
    return _person(row)


def _person(row: Row[Any]) -> Person:
    return Person(
        id=row.id,
        name=row.name,
        role=role_named(row.role),
        enabled=row.enabled,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def _audit(
    connection: Connection,
    action: str,
    before: Person | None,
    after: Person | None,
    actor: str,
    now: datetime,
) -> None:
    one = after or before
    row = {"at": now, "actor": actor, "action": action, "kind": "person"}
    values = {"name": one.name if one else "", "before": _told(before), "after": _told(after)}
    connection.execute(insert(audit).values(**row, **values))


def _told(person: Person | None) -> dict[str, Any] | None:
    return None if person is None else {"role": person.role.word, "enabled": person.enabled}
