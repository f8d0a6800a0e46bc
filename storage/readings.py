"""The screens' read face: frozen rows of what stands in the store, and a cheap `pulse`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, Text, and_, select, type_coerce

from domain.facts import Change, Mark, Status, Transition
from domain.incidents import fingerprint
from domain.timeline import Gap
from storage import counters, leadership, series, timescale
from storage.changes import CHECK, MONITORING
from storage.check_rows import AS_STORED, CheckRow, CheckRows, check_row
from storage.engine import UNSTORABLE, from_ms, reader, to_ms
from storage.leadership import Holder
from storage.schema import (
    audit,
    check_state,
    definitions,
    gaps,
    incidents,
    notices,
    results,
    transitions,
)
from storage.schema import leadership as leadership_row

# An edit that switches something off, as it is written into its patch.
OFF = '%"enabled":false%'
LINES: Select[Any] = (
    select(transitions, check_state.c.name)
    .join(check_state, check_state.c.id == transitions.c.check_id)
    .order_by(transitions.c.at, transitions.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A standing message to operators about Nocturne itself."""

    key: str
    level: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """What a poll needs: the revision of everything shown, and the monitor's last beat."""

    revision: int
    beat: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """All checks at one revision, with what stands around them."""

    revision: int
    checks: tuple[CheckRow, ...]
    notices: tuple[Notice, ...]
    holder: Holder | None
    standbys: int
    stopped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One run as it is kept. `message` is None for a healthy one: its numbers are series."""

    at: datetime
    status: Status
    attempt: int
    mark: Mark
    cause: str | None
    response_ms: float | None
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """The samples of one series in time order: two columns of the same length."""

    at: tuple[datetime, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """Who changed what, from what to what."""

    at: datetime
    actor: str
    action: str
    before: Any
    after: Any


class Readings:
    """Reads for screens and the JSON API. Every method is one short read transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = reader(engine)
        self._rows = CheckRows()

    @property
    def engine(self) -> Engine:
        """For reads of one subject that stand in a file of their own."""
        return self._engine

    def pulse(self) -> Pulse:
        """Revision and beat: cheap enough to be asked twice a second."""
        with self._engine.connect() as connection:
            beat = connection.scalars(select(leadership_row.c.beat)).one_or_none()
            return Pulse(revision=counters.value(connection, counters.REVISION), beat=beat)

    def database(self) -> str:
        """Name and version of the database, and of TimescaleDB where it has that."""
        return timescale.described(self._engine)

    def board(self, now: datetime) -> Board:
        """All checks that are watched, by name, with notices and who leads."""
        with self._engine.connect() as connection:
            revision = counters.value(connection, counters.REVISION)
            paused, stopped = _switched_off(connection)
            rows = connection.execute(AS_STORED.where(check_state.c.present)).all()
            told = connection.execute(select(notices).order_by(notices.c.at)).all()
            return Board(
                revision=revision,
                checks=self._rows.read(rows, paused, stopped=stopped),
                notices=tuple(
                    Notice(key=row.key, level=row.level, text=row.text, at=row.at) for row in told
                ),
                holder=leadership.holder(connection),
                standbys=leadership.standing_by(connection, now),
                stopped=stopped,
            )

    def check(self, name: str) -> CheckRow | None:
        """One check that is watched; None without one of this name."""
        if UNSTORABLE.search(name) is not None:
            return None
        with self._engine.connect() as connection:
            # What is watched no more keeps its last state, which says nothing of now.
            query = AS_STORED.where(check_state.c.name == name, check_state.c.present)
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            paused, stopped = _switched_off(connection)
            return check_row(row, stopped or name in paused)

    def incident_of(self, name: str) -> str | None:
        """The id of the incident that stands for a check; None when none does."""
        mine = and_(incidents.c.fingerprint == fingerprint(name), incidents.c.is_open)
        with self._engine.connect() as connection:
            found: str | None = connection.execute(select(incidents.c.id).where(mine)).scalar()
        return found

    def results(self, check_id: int, *, start: datetime, limit: int) -> tuple[ResultRow, ...]:
        """The newest `limit` runs of a check since `start`, newest first."""
        query = (
            select(results)
            .where(results.c.check_id == check_id, results.c.at >= start)
            .order_by(results.c.at.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return tuple(_result_row(row) for row in connection.execute(query))

    def timeline(self, start: datetime, check_id: int | None = None) -> dict[int, list[Transition]]:
        """The transitions since `start` by check id, oldest first; of one check or of all."""
        query = LINES.where(transitions.c.at >= start)
        if check_id is not None:
            query = query.where(transitions.c.check_id == check_id)
        with self._engine.connect() as connection:
            return _by_check(connection.execute(query).all())

    def told_after(self, last: int, start: datetime) -> tuple[int, dict[int, list[Transition]]]:
        """As `timeline` of all checks, those written after number `last`; and the last number now."""
        query = LINES.where(transitions.c.at >= start, transitions.c.id > last)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return max((row.id for row in rows), default=last), _by_check(rows)

    def gaps(self, start: datetime) -> tuple[Gap, ...]:
        """The stretches without any measuring that end after `start`."""
        query = select(gaps).where(gaps.c.ended > start).order_by(gaps.c.started)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return tuple(Gap(started=row.started, ended=row.ended, reason=row.reason) for row in rows)

    def points(
        self, name: str, labels: Mapping[str, str], start: datetime, end: datetime
    ) -> Points:
        """The samples of one series; no points when there is no such series."""
        # numpy costs 15 MB: only a process that draws charts pays for it.
        from storage.series_query import read

        with self._engine.connect() as connection:
            series_id = series.find(connection, name, labels)
            if series_id is None:
                return Points(at=(), values=())
            at, values = read(connection, series_id, to_ms(start), to_ms(end))
        return Points(at=tuple(map(from_ms, at.tolist())), values=tuple(values.tolist()))

    def audit(self, kind: str, name: str, limit: int | None) -> tuple[AuditRow, ...]:
        """The newest `limit` changes of one definition, or all; the newest first."""
        query = (
            select(audit)
            .where(audit.c.kind == kind, audit.c.name == name)
            .order_by(audit.c.id.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return tuple(
            AuditRow(
                at=row.at, actor=row.actor, action=row.action, before=row.before, after=row.after
            )
            for row in rows
        )


def _switched_off(connection: Connection) -> tuple[set[str], bool]:
    """Names of checks paused by an edit, and whether all monitoring was stopped by one.

    Read from the edits themselves, so that a pause shows at once also while the monitor is dead.
    """
    query = select(definitions.c.kind, definitions.c.name, definitions.c.patch).where(
        definitions.c.kind.in_([CHECK, MONITORING[0]]),
        type_coerce(definitions.c.patch, Text).like(OFF),
    )
    off = [row for row in connection.execute(query) if row.patch.get("enabled") is False]
    return {row.name for row in off if row.kind == CHECK}, any(
        (row.kind, row.name) == MONITORING for row in off
    )


def _result_row(row: Row[Any]) -> ResultRow:
    return ResultRow(
        at=row.at,
        status=Status(row.status),
        attempt=row.attempt,
        mark=Mark(row.mark or "none"),
        cause=row.cause,
        response_ms=row.response_ms,
        message=row.message,
    )


def _by_check(rows: Sequence[Row[Any]]) -> dict[int, list[Transition]]:
    found: dict[int, list[Transition]] = {}
    for row in rows:
        found.setdefault(row.check_id, []).append(_transition(row))
    return found


def _transition(row: Row[Any]) -> Transition:
    return Transition(
        check=row.name,
        at=row.at,
        change=Change(row.change),
        before=Status(row.before),
        after=Status(row.after),
        mark_before=Mark(row.mark_before),
        mark=Mark(row.mark),
        reason=row.reason,
        message=row.message,
    )
