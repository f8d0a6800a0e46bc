"""What is remembered of the wall clock: since when it is doubted, and what was written meanwhile.

It stands in four rows of `counters`, each in milliseconds or a number of a row, that are there only
while they mean something. What a clock that jumped has left behind is put right when it is back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Delete,
    Engine,
    Table,
    Update,
    and_,
    delete,
    exists,
    func,
    insert,
    select,
    tuple_,
    update,
)

from domain.clock import Clock, retained_until
from domain.intake import AHEAD
from storage.counters import REVISION, bump
from storage.engine import from_ms, reader, to_ms, upsert
from storage.leadership import Lease, fence
from storage.schema import (
    channel_health,
    check_state,
    counters,
    decisions,
    gaps,
    incident_lines,
    incidents,
    outbox,
    results,
    samples,
    transitions,
)
from storage.series import BUCKET_MS
from storage.slices import Slices

# Up to when the clock was right, since when (as it says itself) it is doubted, the last line of the
# timelines before that, when it was back with what is stamped later still to go, and what counts as
# now for deletion.
TRUSTED = "clock_trusted"
DOUBTED = "clock_doubted"
LINE = "clock_line"
BACK = "clock_back"
RETAINED = "retained"
REASON = "the clock of the machine was wrong"
# What happened, or is due, by a clock that was ahead: nothing would happen until it comes to that.
PAST = (
    incidents.c.opened_at,
    incidents.c.acknowledged_at,
    incidents.c.resolved_at,
    incidents.c.grew_at,
    incident_lines.c.at,
    outbox.c.created_at,
    outbox.c.due,
    outbox.c.leased_until,
    channel_health.c.next_try,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What stands in the rows; all None while there is nothing to say."""

    trusted: datetime | None = None
    doubted: datetime | None = None
    back: datetime | None = None
    retained: datetime | None = None

    def clock(self, seen: datetime | None, now: datetime) -> Clock:
        """What a monitor that begins knows of the clock; `seen` is the last beat before it."""
        last = seen or now
        return Clock(expected=self.trusted or last, seen=last, doubted=self.doubted)


def recall(engine: Engine) -> Remembered:
    """What is remembered of the clock."""
    with reader(engine).connect() as connection:
        rows = _rows(connection)
    times = {name: from_ms(value) for name, value in rows.items() if name != LINE}
    return Remembered(
        trusted=times.get(TRUSTED),
        doubted=times.get(DOUBTED),
        back=times.get(BACK),
        retained=times.get(RETAINED),
    )


def doubt(engine: Engine, lease: Lease, clock: Clock) -> None:
    """Remember that the clock jumped, and that nothing is measured between what it said and says."""
    if clock.doubted is None:
        return
    with engine.begin() as connection:
        fence(connection, lease)
        known = _rows(connection)
        if DOUBTED not in known:
            last = connection.execute(select(func.max(transitions.c.id))).scalar_one() or 0
            _set(connection, {TRUSTED: to_ms(clock.expected), LINE: last})
            _note_gap(connection, clock.expected, clock.seen)
        _set(connection, {DOUBTED: to_ms(clock.doubted)})
        bump(connection, REVISION)


def put_right(slices: Slices, now: datetime) -> None:
    """The clock is back: what changed while it was wrong changed now, and the time until now is a gap.

    What is stamped later than now goes with the next rounds of `forget`. All of it can be done again:
    the clock is doubted until the last slice, which ends that. Raises LeadershipLost.
    """
    with reader(slices.engine).connect() as connection:
        known = _rows(connection)
        if DOUBTED not in known:
            return
        changed = transitions.c.id > known[LINE]
        lines = connection.scalars(select(transitions.c.id).where(changed)).all()
    moved = update(transitions).values(at=now)
    slices.each(lines, lambda held, ids: _run(held, moved.where(transitions.c.id.in_(ids))))
    for column in PAST:
        _not_ahead(slices, column, now)
    with slices.lock() as connection:
        connection.execute(delete(gaps).where(gaps.c.started >= now))
        connection.execute(update(gaps).where(gaps.c.ended > now).values(ended=now))
        _note_gap(connection, from_ms(known[TRUSTED]), now)
        _drop(connection, (TRUSTED, DOUBTED, LINE))
        _set(connection, {BACK: to_ms(now)})
        bump(connection, REVISION)


def accept(engine: Engine, lease: Lease) -> None:
    """The clock is taken as it is: doubt it no longer."""
    with engine.begin() as connection:
        fence(connection, lease)
        _drop(connection, (TRUSTED, DOUBTED, LINE))
        bump(connection, REVISION)


def forget(slices: Slices, now: datetime) -> int:
    """Delete one slice of what is stamped later than the clock that is back; how many rows went.

    To be called again until it returns 0, which ends it. Nothing goes but after `put_right`.
    """
    if recall(slices.engine).back is None:
        return 0
    # Nothing true can be stamped so: it was written before now, and by a clock that was ahead.
    after = now + AHEAD
    with reader(slices.engine).connect() as connection:
        gone = next(_ahead(connection, after, slices.size), None)
    with slices.lock() as connection:
        if gone is None:
            _drop(connection, (BACK,))
            return 0
        return connection.execute(gone).rowcount


def retain_until(engine: Engine, lease: Lease, now: datetime) -> datetime:
    """What counts as now for deletion in this round, and remember it for the next."""
    until = retained_until(recall(engine).retained, now)
    with engine.begin() as connection:
        fence(connection, lease)
        _set(connection, {RETAINED: to_ms(until)})
    return until


def _rows(connection: Connection) -> dict[str, int]:
    names = (TRUSTED, DOUBTED, LINE, BACK, RETAINED)
    query = select(counters.c.name, counters.c.value).where(counters.c.name.in_(names))
    return {row.name: int(row.value) for row in connection.execute(query)}


def _set(connection: Connection, values: dict[str, int]) -> None:
    rows = [{"name": name, "value": value} for name, value in values.items()]
    upsert(connection, counters, rows, ("name",))


def _drop(connection: Connection, names: Sequence[str]) -> None:
    connection.execute(delete(counters).where(counters.c.name.in_(names)))


def _note_gap(connection: Connection, started: datetime, ended: datetime) -> None:
    """Nothing was measured from `started` to `ended`; a gap that began there grows or shrinks."""
    same = and_(gaps.c.started == started, gaps.c.reason == REASON)
    connection.execute(delete(gaps).where(same))
    # After a start it is noted already that no monitor ran.
    known = select(gaps.c.id).where(gaps.c.started <= started, gaps.c.ended >= ended)
    if ended > started and connection.execute(known).first() is None:
        row = {"started": started, "ended": ended, "reason": REASON}
        connection.execute(insert(gaps).values(row))


def _not_ahead(slices: Slices, column: Column[datetime], now: datetime) -> None:
    """Looked up before anything is locked: not all of these columns have an index."""
    table = column.table
    assert isinstance(table, Table), f"{column} belongs to a table"
    (key,) = table.primary_key.columns
    with reader(slices.engine).connect() as connection:
        ahead = connection.scalars(select(key).where(column > now)).all()
    # Once more the condition: somebody may have changed them since.
    moved = update(table).where(column > now).values({column.name: now})
    slices.each(ahead, lambda held, keys: _run(held, moved.where(key.in_(keys))))


def _run(connection: Connection, change: Update) -> int:
    return connection.execute(change).rowcount


def _ahead(connection: Connection, after: datetime, size: int) -> Iterator[Delete]:
    """What there is to delete, each of about `size` rows."""
    looks = (_samples, _results, _decisions)
    return (gone for look in looks if (gone := look(connection, after, size)) is not None)


def _samples(connection: Connection, after: datetime, size: int) -> Delete | None:
    key = (samples.c.bucket, samples.c.series_id, samples.c.at)
    late = and_(samples.c.bucket >= to_ms(after) // BUCKET_MS, samples.c.at > after)
    return _slice(connection, samples, key, late, size)


def _results(connection: Connection, after: datetime, size: int) -> Delete | None:
    """By check, as the key leads."""
    late = exists().where(results.c.check_id == check_state.c.id, results.c.at > after)
    check_id = connection.scalar(select(check_state.c.id).where(late).limit(1))
    if check_id is None:
        return None
    mine = and_(results.c.check_id == check_id, results.c.at > after)
    return _slice(connection, results, (results.c.check_id, results.c.at), mine, size)


def _decisions(connection: Connection, after: datetime, size: int) -> Delete | None:
    return _slice(connection, decisions, (decisions.c.id,), decisions.c.at > after, size)


def _slice(
    connection: Connection,
    table: Table,
    key: Sequence[ColumnElement[object]],
    late: ColumnElement[bool],
    size: int,
) -> Delete | None:
    found = connection.execute(select(*key).where(late).limit(size)).all()
    if not found:
        return None
    wanted = tuple_(*key).in_([tuple(row) for row in found])
    return delete(table).where(and_(late, wanted))
