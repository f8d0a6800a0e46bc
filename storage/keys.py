"""Keys of programs and tokens of screens and jobs: made, found by their secret, revoked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, insert, or_, select, update

from domain.access import KeyKind, Scope
from storage import secrets
from storage.engine import reader
from storage.schema import audit, keys
from storage.secrets import Secret

USED_EVERY = timedelta(minutes=1)
LARGEST_ID = 2**31 - 1


class UnknownKey(Exception):
    """There is no key of this number that is still in force."""

    def __init__(self, key_id: int) -> None:
        super().__init__(f"there is no key {key_id} that is still in force")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key or token as it is listed: all but the secret."""

    id: int
    kind: KeyKind
    prefix: str
    name: str
    subject: str
    scopes: frozenset[Scope]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def holds(self, now: datetime) -> bool:
        """Whether it opens anything now."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def make(
    engine: Engine,
    kind: KeyKind,
    *,
    name: str,
    actor: str,
    now: datetime,
    subject: str = "",
    scopes: Iterable[Scope] = (),
    expires_at: datetime | None = None,
    replaces: bool = False,
) -> tuple[Key, Secret]:
    """Make a key; its secret is in the answer and nowhere else.

    With `replaces`, earlier ones of the same kind and subject end in the same transaction.
    """
    secret = secrets.make()
    row: dict[str, Any] = {
        "kind": kind.value,
        "name": name,
        "subject": subject,
        "expires_at": expires_at,
    }
    row |= {"scopes": sorted(scopes), "created_at": now, "created_by": actor}
    row |= {"prefix": secret.prefix, "hash": secret.hash}
    with engine.begin() as connection:
        if replaces:
            same = and_(keys.c.kind == kind.value, keys.c.subject == subject)
            _end(connection, same, now)
        made = _key(connection.execute(insert(keys).values(**row).returning(keys)).one())
        _audit(connection, "make key", made, actor, now)
    return made, secret


def find(engine: Engine, text: str, now: datetime) -> Key | None:
    """The key in force with this secret; None for any other text."""
    prefix = secrets.prefix_of(text)
    if prefix is None:
        return None
    with reader(engine).connect() as connection:
        row = connection.execute(select(keys).where(keys.c.prefix == prefix)).one_or_none()
    if row is None or not secrets.same(text, row.hash):
        return None
    found = _key(row)
    return found if found.holds(now) else None


def used(engine: Engine, key: Key, now: datetime) -> None:
    """Note that a key was used, once a minute at most."""
    if key.last_used_at is not None and now - key.last_used_at < USED_EVERY:
        return
    with engine.begin() as connection:
        before = or_(keys.c.last_used_at.is_(None), keys.c.last_used_at < now)
        mine = and_(keys.c.id == key.id, before)
        connection.execute(update(keys).where(mine).values(last_used_at=now))


def listed(
    engine: Engine, *kinds: KeyKind, limit: int | None = None, below: int | None = None
) -> tuple[Key, ...]:
    """All keys of these kinds, of every kind without one; newest first, ended ones too.

    At most `limit`; with `below`, those made before the one of this number.
    """
    query = select(keys).order_by(keys.c.id.desc()).limit(limit)
    if below is not None:
        query = query.where(keys.c.id < below)
    if kinds:
        query = query.where(keys.c.kind.in_([kind.value for kind in kinds]))
    with reader(engine).connect() as connection:
        return tuple(_key(row) for row in connection.execute(query))


def revoke(engine: Engine, key_id: int, *, actor: str, now: datetime) -> Key:
    """End a key: it opens nothing from its next use on. Raises UnknownKey."""
    if key_id > LARGEST_ID:
        raise UnknownKey(key_id)
    with engine.begin() as connection:
        row = _end(connection, keys.c.id == key_id, now)
        if row is None:
            raise UnknownKey(key_id)
        ended = _key(row)
        _audit(connection, "revoke key", ended, actor, now)
    return ended


def _end(connection: Connection, which: Any, now: datetime) -> Row[Any] | None:
    standing = and_(which, keys.c.revoked_at.is_(None))
    rows = connection.execute(
        update(keys).where(standing).values(revoked_at=now).returning(keys)
    ).all()
    return rows[0] if rows else None


def _key(row: Row[Any]) -> Key:
    return Key(
        id=row.id,
        kind=KeyKind(row.kind),
        prefix=row.prefix,
        name=row.name,
        subject=row.subject,
        scopes=frozenset(Scope(each) for each in row.scopes),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


def _audit(connection: Connection, action: str, key: Key, actor: str, now: datetime) -> None:
    after = {"kind": key.kind.value, "prefix": key.prefix, "scopes": sorted(key.scopes)}
    after |= _purpose(key)
    row = {"at": now, "actor": actor, "action": action, "kind": "key", "name": key.name}
    connection.execute(insert(audit).values(**row, before=None, after=after))


def _purpose(key: Key) -> dict[str, str]:
    """What a token is for, which outlives the name that somebody gave it."""
    if key.kind is KeyKind.HEARTBEAT:
        return {"check": key.subject}
    return {"wall": key.name} if key.kind is KeyKind.WALL else {}
