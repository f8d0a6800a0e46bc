"""Logins: sessions that live in the store and end at once, and the count of failed tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from domain.access import (
    FORGOTTEN,
    IDLE,
    Identity,
    Limit,
    failures_now,
    may_try_at,
    role_named,
    session_ends,
)
from storage import secrets
from storage.engine import reader
from storage.schema import audit, sessions, throttles, users
from storage.secrets import Secret

SEEN_EVERY = timedelta(minutes=1)
LONGEST_AGENT = 200
LONGEST_ADDRESS = 60


class TooManyTries(Exception):
    """Too many logins went wrong lately: none is looked at before `until`."""

    def __init__(self, until: datetime, now: datetime) -> None:
        self.wait_s = max(1, round((until - now).total_seconds()))
        super().__init__(f"too many failed logins: try again in {self.wait_s} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """Where a login comes from."""

    address: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A session in force. The hash tells it apart from others, and is shown to nobody."""

    hash: str
    created_at: datetime
    seen_at: datetime
    address: str
    agent: str

    def is_of(self, text: str) -> bool:
        """Whether it is the one with this secret."""
        return secrets.same(text, self.hash)


class Logins:
    """Sessions and tries. The monitor has no part in this: it works while that is dead."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin_try(self, limits: Mapping[str, Limit], now: datetime) -> None:
        """Count a try as failed before it is looked at, so that many at once are no way around.

        `limits` holds the account and the address, each with its limit. Raises TooManyTries.
        """
        try:
            with self._engine.begin() as connection:
                for subject, limit in sorted(limits.items()):
                    _count(connection, subject, _wait_over(connection, subject, limit, now), now)
        except IntegrityError:
            # Two first failures at once: there was no row to lock yet.
            raise TooManyTries(now, now) from None

    def forgive(self, subjects: list[str]) -> None:
        """A login went right: its failed tries are forgotten."""
        with self._engine.begin() as connection:
            connection.execute(delete(throttles).where(throttles.c.subject.in_(subjects)))

    def open(self, user_id: int, name: str, browser: Browser, now: datetime) -> Secret:
        """Begin a session; its secret is for the browser's cookie."""
        secret = secrets.make()
        row = {
            "hash": secret.hash,
            "user_id": user_id,
            "created_at": now,
            "seen_at": now,
            "expires_at": now + IDLE,
            "address": browser.address[:LONGEST_ADDRESS],
            "agent": browser.agent[:LONGEST_AGENT],
        }
        with self._engine.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            old = throttles.c.last_at < now - FORGOTTEN
            connection.execute(delete(throttles).where(old))
            connection.execute(insert(sessions).values(**row))
            _audit(connection, "log in", name, now)
        return secret

    def who(self, text: str, now: datetime) -> Identity | None:
        """Whose session this secret is; None when it is none in force."""
        if secrets.prefix_of(text) is None:
            return None
        query = (
            select(sessions, users.c.name, users.c.role)
            .join(users, users.c.id == sessions.c.user_id)
            .where(sessions.c.hash == secrets.digest(text), sessions.c.expires_at > now)
            .where(users.c.enabled)
        )
        with reader(self._engine).connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if now - row.seen_at >= SEEN_EVERY:
            self._seen(row.hash, row.created_at, now)
        role = role_named(row.role)
        return Identity(name=row.name, role=role, via="session", user_id=row.user_id)

    def close(self, text: str, name: str, now: datetime) -> None:
        """End one session."""
        with self._engine.begin() as connection:
            mine = sessions.c.hash == secrets.digest(text)
            if connection.execute(delete(sessions).where(mine)).rowcount:
                _audit(connection, "log out", name, now)

    def close_others(self, user_id: int, text: str, name: str, now: datetime) -> int:
        """End all sessions of somebody but the one with this secret; how many ended."""
        with self._engine.begin() as connection:
            others = (sessions.c.user_id == user_id, sessions.c.hash != secrets.digest(text))
            ended = connection.execute(delete(sessions).where(*others)).rowcount
            if ended:
                _audit(connection, "log out elsewhere", name, now)
        return ended

    def of(self, user_id: int, now: datetime) -> tuple[Standing, ...]:
        """The sessions of somebody, newest first."""
        mine = (sessions.c.user_id == user_id, sessions.c.expires_at > now)
        query = select(sessions).where(*mine).order_by(sessions.c.created_at.desc())
        with reader(self._engine).connect() as connection:
            return tuple(
                Standing(
                    hash=row.hash,
                    created_at=row.created_at,
                    seen_at=row.seen_at,
                    address=row.address,
                    agent=row.agent,
                )
                for row in connection.execute(query)
            )

    def _seen(self, hashed: str, created_at: datetime, now: datetime) -> None:
        values = {"seen_at": now, "expires_at": session_ends(created_at, now)}
        with self._engine.begin() as connection:
            connection.execute(update(sessions).where(sessions.c.hash == hashed).values(values))


def _wait_over(connection: Connection, subject: str, limit: Limit, now: datetime) -> int | None:
    """How many failures count for a subject, None before its first; its row is locked then.

    Raises TooManyTries while its wait is not over.
    """
    query = select(throttles).where(throttles.c.subject == subject).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    failures = failures_now(row.failures, row.last_at, now)
    # Bounded from now on too: the clock may have been ahead when the last one was counted.
    until = min(may_try_at(failures, row.last_at, limit), now + limit.longest)
    if now < until:
        raise TooManyTries(until, now)
    return failures


def _count(connection: Connection, subject: str, failures: int | None, now: datetime) -> None:
    if failures is None:
        # Inserted and not updated: of several first failures at once all but one are refused here.
        row = {"subject": subject, "failures": 1, "last_at": now}
        connection.execute(insert(throttles).values(**row))
        return
    mine = throttles.c.subject == subject
    connection.execute(update(throttles).where(mine).values(failures=failures + 1, last_at=now))


def _audit(connection: Connection, action: str, name: str, now: datetime) -> None:
    row = {"at": now, "actor": name, "action": action, "kind": "session", "name": name}
    connection.execute(insert(audit).values(**row, before=None, after=None))
