"""The monitor's write face: what a cycle found, committed whole, fenced by the leadership."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine, and_, bindparam, insert, select, update

from domain.facts import CheckState, Decision, Detail, Mark, Result, Sample, Status, Transition
from domain.incidents import Problem
from domain.intake import Refusal, Times
from domain.paging import Recipient
from domain.state import mark_of
from storage import counters, inbox, incidents, moments, rule_rows, series, watched
from storage.engine import reader, upsert
from storage.leadership import Lease, fence, renew
from storage.rule_rows import Ruled
from storage.schema import check_state, decisions, gaps, notices, results, transitions
from storage.slices import Slices
from storage.state_rows import decode_state, encode_state

SERIES_SLICE = 500
MOST_CHECKS = 100_000
STATE_OF = update(check_state).where(check_state.c.id == bindparam("row_id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """All that one run of one check changes; it is committed whole or not at all.

    `result` is None when only the state moved (a parent went down). `due` is the next slot.
    `problem` is given when it may concern an incident.
    """

    state: CheckState
    due: datetime | None
    result: Result | None = None
    transitions: tuple[Transition, ...] = ()
    decisions: tuple[Decision, ...] = ()
    samples: tuple[Sample, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """Arrivals of the inbox that leave it together with what they mean being written.

    `samples` are what they mean by themselves; entries of checks stand beside it in its group.
    """

    ids: tuple[int, ...]
    samples: tuple[Sample, ...] = ()


Written: TypeAlias = "Entry | Ruled | TakenIn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The sign of life of the loop that runs the checks, and how late that loop is (ms)."""

    at: datetime
    lag_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A check as the monitor publishes it for the screens; `about` is a document for people."""

    name: str
    kind: str
    about: Mapping[str, Detail]


class Journal:
    """Writes for one monitor. Not thread-safe: it belongs to the one writer of the process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._check_ids: dict[str, int] = {}
        self._series_ids = series.SeriesIds()
        self.refused: Counter[Refusal] = Counter()
        # Of which times samples are taken; None takes all.
        self.times: Callable[[], Times] | None = None
        self.recipients: tuple[Recipient, ...] = ()
        # Called after a sweep that did something, in the thread that swept: it may have told somebody.
        self.swept: Callable[[], None] = lambda: None

    @property
    def full_metrics(self) -> frozenset[str]:
        """Metrics of which series were refused because they have too many label sets."""
        return frozenset(self._series_ids.full)

    def commit(
        self,
        lease: Lease,
        entries: Sequence[Written],
        samples: Sequence[Sample] = (),
        beat: Beat | None = None,
    ) -> None:
        """Write a batch in one transaction. Raises LeadershipLost, and then wrote nothing."""
        try:
            self._look_up_series(entries, samples)
            with self._engine.begin() as connection:
                if beat is None:
                    fence(connection, lease)
                else:
                    renew(connection, lease, beat.at, beat.lag_ms)
                refused = self._write(connection, entries, samples)
        except BaseException:
            self._series_ids.forget()
            raise
        self.refused += refused

    def publish(self, lease: Lease, checks: Sequence[Published]) -> dict[str, CheckState]:
        """Make `checks` the ones that are watched; returns their remembered states by name.

        A check that is no longer among them keeps its history and stands as not present.
        """
        watched.publish(Slices(self._engine, lease), [_new_row(each) for each in checks])
        return self._states()

    def left_out(self, names: Collection[str]) -> list[CheckState]:
        """The states of checks that are watched until now and are not among `names`."""
        return [state for name, state in self._states().items() if name not in names]

    def record_gap(self, lease: Lease, started: datetime, ended: datetime, reason: str) -> None:
        """Note a stretch in which nothing was measured."""
        with self._engine.begin() as connection:
            fence(connection, lease)
            row = {"started": started, "ended": ended, "reason": reason}
            connection.execute(insert(gaps).values(row))
            counters.bump(connection, counters.REVISION)

    def sweep(self, lease: Lease, watched: Collection[str], now: datetime) -> datetime | None:
        """Do what comes with time alone to incidents, and resolve those that nobody watches.

        `watched` are fingerprints. Returns when to sweep again at the latest, if that is known.
        """
        with reader(self._engine).connect() as connection:
            if not moments.is_anything(connection, now):
                return None
        with self._engine.begin() as connection:
            fence(connection, lease)
            # Counted last: operators lock the incident first and the counter second.
            if did := moments.Sweep(connection, self.recipients, now).run(watched):
                counters.bump(connection, counters.REVISION)
            ahead = moments.next_moment(connection, now)
        if did:
            self.swept()
        return ahead

    def notify(self, key: str, level: str, text: str, at: datetime) -> None:
        """Put up a standing notice to operators, shown as a banner until `withdraw`.

        One that stands already with this level and text stays as it is, since when it stands.
        """
        row = {"key": key, "level": level, "text": text, "at": at}
        same = and_(notices.c.key == key, notices.c.level == level, notices.c.text == text)
        with self._engine.begin() as connection:
            if connection.execute(select(notices.c.key).where(same)).first() is not None:
                return
            upsert(connection, notices, [row], ("key",))
            counters.bump(connection, counters.REVISION)

    def withdraw(self, key: str) -> None:
        """Take a notice back."""
        with self._engine.begin() as connection:
            if connection.execute(notices.delete().where(notices.c.key == key)).rowcount:
                counters.bump(connection, counters.REVISION)

    def free_series(self, lease: Lease) -> int:
        """Delete series of which nothing is left, and count anew which metrics are full; how many went."""
        with reader(self._engine).connect() as connection:
            # Nobody else writes samples: what is empty stays so until it is deleted.
            empty = series.empty(connection)
        for begin in range(0, max(len(empty), 1), SERIES_SLICE):
            with self._engine.begin() as connection:
                fence(connection, lease)
                series.drop(connection, empty[begin : begin + SERIES_SLICE])
                # Within: an id that is gone may be given anew.
                self._series_ids.free(connection)
        return len(empty)

    def edits(self) -> int:
        """How many changes there were beside arrivals: it moves when there is an edit to take up."""
        with reader(self._engine).connect() as connection:
            return counters.edits(connection)

    def _states(self) -> dict[str, CheckState]:
        with reader(self._engine).connect() as connection:
            query = select(check_state.c.id, check_state.c.name, check_state.c.state)
            rows = connection.execute(query.where(check_state.c.present)).all()
        self._check_ids = {row.name: row.id for row in rows}
        return {row.name: decode_state(row.state) for row in rows}

    def _write(
        self, connection: Connection, found: Sequence[Written], samples: Sequence[Sample]
    ) -> Counter[Refusal]:
        # An entry of a check that was removed while it ran has nowhere to go.
        entries = [
            each
            for each in found
            if isinstance(each, Entry) and each.state.check in self._check_ids
        ]
        ruled = [each for each in found if isinstance(each, Ruled)]
        taken_in = [each for each in found if isinstance(each, TakenIn)]
        self._write_states(connection, entries)
        self._write_results(connection, entries)
        self._write_lines(connection, entries)
        rule_rows.write(connection, ruled)
        told: list[Entry | Ruled] = [*entries, *ruled]
        decided = [_decision_row(row) for each in told for row in each.decisions]
        if decided:
            connection.execute(insert(decisions), decided)
        problems = [each.problem for each in told if each.problem is not None]
        if problems:
            incidents.take_up(connection, problems, self.recipients)
        times = None if self.times is None else self.times()
        arrived = [sample for each in taken_in for sample in each.samples]
        refused = series.append(connection, self._series_ids, [*samples, *arrived], times)
        inbox.taken_in(connection, [number for each in taken_in for number in each.ids])
        # A check has one series of each of its metrics, and the file says how many checks there are.
        theirs = [sample for each in entries for sample in each.samples]
        refused += series.append(connection, self._series_ids, theirs, times, most=MOST_CHECKS)
        if entries or problems:
            counters.bump(connection, counters.REVISION)
        return refused

    def _look_up_series(self, found: Sequence[Written], samples: Sequence[Sample]) -> None:
        """Do what takes long with series that are not remembered before the write lock is taken.

        Nobody else makes or deletes series while the lease holds.
        """
        carried = (each.samples for each in found if isinstance(each, Entry | TakenIn))
        unknown = [
            (key, sample.kind)
            for sample in itertools.chain(samples, *carried)
            if not self._series_ids.knows(key := (sample.name, sample.labels))
        ]
        if unknown:
            with reader(self._engine).connect() as connection:
                self._series_ids.look_up(connection, unknown)

    def _write_states(self, connection: Connection, entries: Iterable[Entry]) -> None:
        """The latest row of each check; of several entries for one check the last stands."""
        by_check: dict[str, dict[str, Any]] = {}
        for entry in entries:
            row = by_check.setdefault(entry.state.check, {})
            row |= {"state": encode_state(entry.state), "due": entry.due}
            if entry.result is not None:
                row |= {
                    "metrics": dict(entry.result.metrics),
                    "details": dict(entry.result.details),
                    "response_ms": entry.result.response_time_ms,
                }
        # Many at a time: one statement for each takes as long as the checks themselves.
        for with_result in (True, False):
            rows = [
                {"row_id": self._check_ids[name], **row}
                for name, row in by_check.items()
                if ("metrics" in row) is with_result
            ]
            if rows:
                connection.execute(STATE_OF, rows)

    def _write_results(self, connection: Connection, entries: Iterable[Entry]) -> None:
        rows = [
            _result_row(self._check_ids[entry.state.check], entry.result, entry.state)
            for entry in entries
            if entry.result is not None
        ]
        upsert(connection, results, rows, ("check_id", "at"))

    def _write_lines(self, connection: Connection, entries: Iterable[Entry]) -> None:
        lines = [line for entry in entries for line in entry.transitions]
        if lines:
            connection.execute(insert(transitions), [self._line_row(line) for line in lines])

    def _line_row(self, line: Transition) -> dict[str, Any]:
        return {
            "check_id": self._check_ids[line.check],
            "at": line.at,
            "change": line.change.value,
            "before": int(line.before),
            "after": int(line.after),
            "mark_before": line.mark_before.value,
            "mark": line.mark.value,
            "reason": line.reason,
            "message": line.message,
        }


def _new_row(check: Published) -> dict[str, Any]:
    return {
        "name": check.name,
        "kind": check.kind,
        "present": True,
        "about": dict(check.about),
        "due": None,
        "metrics": {},
        "details": {},
        "response_ms": None,
        "state": encode_state(CheckState(check=check.name)),
    }


def _result_row(check_id: int, result: Result, state: CheckState) -> dict[str, Any]:
    healthy = result.status is Status.HEALTHY
    return {
        "check_id": check_id,
        "at": result.at,
        "status": int(result.status),
        "attempt": result.attempt,
        "mark": None if mark_of(state) is Mark.NONE else mark_of(state).value,
        "cause": None if healthy else result.cause.value,
        "response_ms": result.response_time_ms,
        "message": None if healthy else result.message,
    }


def _decision_row(decision: Decision) -> dict[str, Any]:
    return {
        "subject": decision.subject,
        "gate": decision.gate,
        "at": decision.at,
        "reason": decision.reason,
        "detail": decision.detail,
    }
