"""Who leads: one row, renewed with the beat, that fences every transaction of the monitor.

A monitor whose row has expired, or whose process is gone, is succeeded by the next one; the epoch
counts up, so that the old one's late transaction is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, and_, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage import counters
from storage.schema import leadership, standbys

VALID = timedelta(seconds=8)
STANDBY_SEEN = timedelta(seconds=10)
ROW = 1
# Made once: they stand in each transaction, and to put one together takes longer than to run it.
MINE = and_(leadership.c.boot_id == bindparam("mine"), leadership.c.epoch == bindparam("led"))
RENEWED = update(leadership).where(MINE)
HELD = select(leadership.c.epoch).where(MINE).with_for_update(read=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A monitor process: its random boot id, and what tells whether it still lives."""

    boot_id: str
    host: str
    pid: int
    process_start: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write as the leading monitor, until the epoch moves on.

    `previous_beat` is the last sign of life of the monitor before; None when there was none.
    """

    boot_id: str
    epoch: int
    previous_beat: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The monitor that holds the leadership row now, and its last beat."""

    process: Process
    epoch: int
    since: datetime
    beat: datetime
    valid_until: datetime
    lag_ms: float


class LeadershipLost(Exception):
    """Another monitor leads now: this one must stop writing at once."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(f"leadership lost: epoch {lease.epoch} is no longer this monitor's")


IsAlive = Callable[[Process], bool]


def claim(engine: Engine, me: Process, now: datetime, is_alive: IsAlive) -> Lease | Holder:
    """Take the leadership if it is free, expired, or its holder's process is gone; else the holder."""
    try:
        return _claim(engine, me, now, is_alive)
    except IntegrityError:
        # Of two first monitors at once, the other one has made the row.
        return _claim(engine, me, now, is_alive)


def _claim(engine: Engine, me: Process, now: datetime, is_alive: IsAlive) -> Lease | Holder:
    with engine.begin() as connection:
        held = holder(connection, lock=True)
        if held is not None and held.valid_until > now and is_alive(held.process):
            _note_standby(connection, me, now)
            return held
        epoch = held.epoch + 1 if held is not None else 1
        row = {
            "id": ROW,
            "boot_id": me.boot_id,
            "host": me.host,
            "pid": me.pid,
            "process_start": me.process_start,
            "epoch": epoch,
            "since": now,
            "beat": now,
            "valid_until": now + VALID,
            "lag_ms": 0.0,
        }
        if held is None:
            connection.execute(insert(leadership).values(row))
        else:
            connection.execute(update(leadership).where(leadership.c.id == ROW).values(row))
        connection.execute(delete(standbys).where(standbys.c.boot_id == me.boot_id))
        previous = held.beat if held is not None else None
        return Lease(boot_id=me.boot_id, epoch=epoch, previous_beat=previous)


def renew(connection: Connection, lease: Lease, beat: datetime, lag_ms: float) -> None:
    """Write the beat. Raises LeadershipLost when another monitor has taken over."""
    values = {"beat": beat, "valid_until": beat + VALID, "lag_ms": lag_ms}
    renewed = connection.execute(RENEWED, _mine(lease) | values)
    if renewed.rowcount != 1:
        raise LeadershipLost(lease)


def fence(connection: Connection, lease: Lease) -> None:
    """Make sure, inside a write transaction, that the lease still holds. Raises LeadershipLost."""
    if connection.execute(HELD, _mine(lease)).first() is None:
        raise LeadershipLost(lease)


def resign(engine: Engine, lease: Lease, now: datetime) -> None:
    """Give the leadership up at a clean stop, so that a successor need not wait. The beat stays."""
    with engine.begin() as connection:
        connection.execute(RENEWED, _mine(lease) | {"valid_until": now})


def _mine(lease: Lease) -> dict[str, object]:
    return {"mine": lease.boot_id, "led": lease.epoch}


def holder(connection: Connection, *, lock: bool = False) -> Holder | None:
    """The leadership row; None before the first monitor ran. `lock` holds it for the transaction."""
    query = select(leadership).where(leadership.c.id == ROW)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        return None
    process = Process(
        boot_id=row.boot_id, host=row.host, pid=row.pid, process_start=row.process_start
    )
    return Holder(
        process=process,
        epoch=row.epoch,
        since=row.since,
        beat=row.beat,
        valid_until=row.valid_until,
        lag_ms=row.lag_ms,
    )


def standing_by(connection: Connection, now: datetime) -> int:
    """How many monitors stand by."""
    query = select(standbys.c.boot_id).where(standbys.c.seen_at > now - STANDBY_SEEN)
    return len(connection.execute(query).all())


def stop_standing_by(engine: Engine, me: Process) -> None:
    """Forget a standby that ends."""
    with engine.begin() as connection:
        if connection.execute(delete(standbys).where(standbys.c.boot_id == me.boot_id)).rowcount:
            counters.bump(connection, counters.REVISION)


def _note_standby(connection: Connection, me: Process, now: datetime) -> None:
    seen = connection.execute(
        update(standbys).where(standbys.c.boot_id == me.boot_id).values(seen_at=now)
    )
    if seen.rowcount == 0:
        connection.execute(delete(standbys).where(standbys.c.seen_at < now - STANDBY_SEEN))
        row = {"boot_id": me.boot_id, "host": me.host, "pid": me.pid, "since": now, "seen_at": now}
        connection.execute(insert(standbys).values(row))
        counters.bump(connection, counters.REVISION)
