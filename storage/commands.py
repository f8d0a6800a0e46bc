"""Commands: what only the monitor can do, asked for by others, with expiry and reply.

An expired command never runs. Taking one is a compare-and-set, so that it runs at most once. While
one is taken, its row holds the epoch of its taker: what a former leader left is settled as failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine, func, insert, select, type_coerce, update

from domain.facts import Detail
from storage import counters
from storage.engine import Words, reader
from storage.leadership import Lease, fence
from storage.schema import audit, commands

EXPIRES = timedelta(seconds=60)
LONGEST_NAME = 200
ABANDONED = "the monitor ended before it answered"


class CommandState(StrEnum):
    """Where a command is on its way."""

    PENDING = "pending"
    TAKEN = "taken"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


ANSWERED = frozenset({CommandState.DONE, CommandState.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A request to the monitor: do `verb` with `subject`."""

    id: int
    verb: str
    subject: str
    arguments: Mapping[str, Detail]
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What became of a command; `document` is None until it is done or failed."""

    state: CommandState
    document: Mapping[str, Detail] | None


def request(
    engine: Engine,
    verb: str,
    subject: str,
    *,
    actor: str,
    now: datetime,
    arguments: Mapping[str, Detail] | None = None,
    expires: timedelta = EXPIRES,
) -> int:
    """Ask the monitor for something; returns the command's id, by which the reply is found."""
    asked = {subject: dict(arguments or {})}
    return request_many(engine, verb, asked, actor=actor, now=now, expires=expires)[subject]


def request_many(
    engine: Engine,
    verb: str,
    asked: Mapping[str, Mapping[str, Detail]],
    *,
    actor: str,
    now: datetime,
    expires: timedelta = EXPIRES,
) -> dict[str, int]:
    """Ask the monitor for the same about many subjects at once; `asked` holds their arguments.

    Returns the ids of the commands by subject.
    """
    times = {"at": now, "expires_at": now + expires, "state": CommandState.PENDING.value}
    rows = [
        {"verb": verb, "subject": subject, "arguments": dict(more), "actor": actor, **times}
        for subject, more in asked.items()
    ]
    whose = {"at": now, "actor": actor, "action": verb, "kind": "command", "before": None}
    told = [{**whose, "name": subject, "after": dict(more)} for subject, more in asked.items()]
    with engine.begin() as connection:
        made = connection.execute(
            insert(commands).returning(commands.c.id, commands.c.subject), rows
        )
        ids = {row.subject: row.id for row in made}
        connection.execute(insert(audit), told)
        counters.bump(connection, counters.CHANGES)
    return ids


def note_refused(
    engine: Engine, verb: str, subject: str, why: str, *, actor: str, now: datetime
) -> None:
    """Note in the audit what was asked for and refused before it became a command."""
    name = type_coerce(subject[:LONGEST_NAME], Words())
    row = {"at": now, "actor": actor, "action": verb, "kind": "command", "before": None}
    with engine.begin() as connection:
        connection.execute(insert(audit).values(**row, name=name, after={"refused": why}))


def reply(engine: Engine, command_id: int, now: datetime | None = None) -> Reply | None:
    """What became of a command; None when there is no such command.

    With `now`, one that nobody took in time reads expired, also while no monitor runs.
    """
    query = select(commands.c.state, commands.c.reply, commands.c.expires_at)
    with reader(engine).connect() as connection:
        row = connection.execute(query.where(commands.c.id == command_id)).one_or_none()
    if row is None:
        return None
    state = CommandState(row.state)
    if state is CommandState.PENDING and now is not None and row.expires_at <= now:
        state = CommandState.EXPIRED
    # Until it is answered, what stands there is not for the asker.
    return Reply(state=state, document=row.reply if state in ANSWERED else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A command that was asked for, and what became of it."""

    subject: str
    at: datetime
    state: CommandState
    document: Mapping[str, Detail] | None


def last_of(engine: Engine, verb: str) -> tuple[Asked, ...]:
    """The last command of a verb for each subject, by subject."""
    newest = select(func.max(commands.c.id)).where(commands.c.verb == verb)
    query = select(commands).where(commands.c.id.in_(newest.group_by(commands.c.subject)))
    with reader(engine).connect() as connection:
        rows = connection.execute(query.order_by(commands.c.subject)).all()
    return tuple(
        Asked(
            subject=row.subject,
            at=row.at,
            state=CommandState(row.state),
            document=row.reply if CommandState(row.state) in ANSWERED else None,
        )
        for row in rows
    )


def take(engine: Engine, lease: Lease, now: datetime) -> tuple[Command, ...]:
    """Take all pending commands, oldest first; those past their expiry end as expired instead.

    Those that a former leader took and did not answer end as failed: they may have run in part.
    """
    pending = commands.c.state == CommandState.PENDING.value
    with engine.begin() as connection:
        fence(connection, lease)
        _settle_abandoned(connection, lease, now)
        expired = {"state": CommandState.EXPIRED.value, "replied_at": now}
        connection.execute(
            update(commands).where(pending, commands.c.expires_at <= now).values(expired)
        )
        # Locked: on Postgres, two who take at once would otherwise both see them as pending.
        oldest_first = select(commands).where(pending).order_by(commands.c.id).with_for_update()
        rows = connection.execute(oldest_first).all()
        taken = commands.c.id.in_([row.id for row in rows])
        mine = {"state": CommandState.TAKEN.value, "reply": {"epoch": lease.epoch}}
        connection.execute(update(commands).where(taken, pending).values(mine))
    return tuple(
        Command(
            id=row.id,
            verb=row.verb,
            subject=row.subject,
            arguments=row.arguments,
            actor=row.actor,
        )
        for row in rows
    )


def answer(
    engine: Engine, command_id: int, *, ok: bool, document: Mapping[str, Detail], now: datetime
) -> None:
    """Store the reply of a command that was taken."""
    state = CommandState.DONE if ok else CommandState.FAILED
    with engine.begin() as connection:
        connection.execute(
            update(commands)
            .where(commands.c.id == command_id, commands.c.state == CommandState.TAKEN.value)
            .values(state=state.value, reply=dict(document), replied_at=now)
        )


def _settle_abandoned(connection: Connection, lease: Lease, now: datetime) -> None:
    """End what another leadership took as failed. A late answer of its monitor changes nothing."""
    taken = commands.c.state == CommandState.TAKEN.value
    rows = connection.execute(select(commands.c.id, commands.c.reply).where(taken)).all()
    left = [row.id for row in rows if (row.reply or {}).get("epoch") != lease.epoch]
    if not left:
        return
    failed = {"state": CommandState.FAILED.value, "reply": {"error": ABANDONED}, "replied_at": now}
    connection.execute(update(commands).where(taken, commands.c.id.in_(left)).values(failed))
