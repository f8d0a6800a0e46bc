"""What a store and a receiver must agree on when all has settled, whatever was killed meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, Table, select

from domain.facts import CheckState, Status
from domain.incidents import fingerprint
from storage import schema
from storage.engine import reader
from storage.state_rows import decode_state

Run = tuple[str, datetime, int]
Arrival = tuple[str, Mapping[str, Any]]
ENDED = frozenset({"delivered", "dead", "cancelled"})
# Whether a channel takes an incident for open is what it was told last of these.
STANDS = frozenset({"trigger", "resolve"})
CLOSED = frozenset({"resolved", "closed"})


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """All that a store holds of results, states, incidents and deliveries, read at one moment.

    `hard` is by check what its timeline last said of its hard status. `held_back` are the incidents
    that opened while their check flapped.
    """

    runs: frozenset[Run]
    states: Mapping[str, CheckState]
    incidents: Sequence[Row[Any]]
    lines: Sequence[Row[Any]]
    hard: Mapping[str, int]
    outbox: Sequence[Row[Any]]
    held_back: frozenset[str]

    @property
    def open(self) -> list[Row[Any]]:
        return [row for row in self.incidents if row.is_open]

    @property
    def has_ended(self) -> bool:
        """Whether no delivery is left to make."""
        return all(row.state in ENDED for row in self.outbox)


def ledger(engine: Engine) -> Ledger:
    """Read the store whole, in one transaction."""
    with reader(engine).connect() as connection:

        def rows(table: Table, *order: str) -> Sequence[Row[Any]]:
            query = select(table).order_by(*(table.c[name] for name in order))
            return connection.execute(query).all()

        checks = rows(schema.check_state, "id")
        names = {row.id: row.name for row in checks}
        return Ledger(
            runs=frozenset(
                (names[row.check_id], row.at, row.status)
                for row in rows(schema.results, "check_id", "at")
            ),
            states={row.name: decode_state(row.state) for row in checks},
            incidents=rows(schema.incidents, "opened_at", "id"),
            lines=rows(schema.incident_lines, "id"),
            hard={
                names[row.check_id]: row.after
                for row in rows(schema.transitions, "id")
                if row.change == "hard"
            },
            outbox=rows(schema.outbox, "id"),
            held_back=frozenset(
                row.detail.removeprefix("opened, ")
                for row in rows(schema.decisions, "id")
                if row.gate == "page" and row.reason == "flapping"
            ),
        )


def disagreements(
    found: Ledger, arrived: Sequence[Arrival], kept: frozenset[Run], kills: int
) -> list[str]:
    """Every breach of what is promised, in words. `kept` are results committed at some kill."""
    return [
        *(f"lost the result {run}" for run in sorted(kept - found.runs)),
        *_states(found),
        *_incidents(found),
        *_deliveries(found),
        *_arrivals(found, arrived, kills),
    ]


def copies(arrived: Sequence[Arrival]) -> int:
    """How many requests came that had come before."""
    return len(arrived) - len({key for key, _ in arrived})


def was_never_sent(row: Row[Any]) -> bool:
    """Whether a delivery was taken back before anybody tried to send it.

    A warning waits with its group: on a busy machine a slow answer opens one that is over before.
    """
    return row.state == "cancelled" and not row.attempts


def copied_too_often(senders: Sequence[tuple[str, str]]) -> Iterator[str]:
    """A life of the monitor sends nothing twice, and leaves one delivery at most to be sent again."""
    for (life, key), times in Counter(senders).items():
        if times > 1:
            yield f"life {life} sent {key} {times} times"
    left: dict[str, list[str]] = {}
    last: dict[str, str] = {}
    for life, key in senders:
        if last.get(key, life) != life:
            left.setdefault(last[key], []).append(key)
        last[key] = life
    yield from (f"life {life} left {keys}" for life, keys in left.items() if len(keys) > 1)


def _states(found: Ledger) -> Iterator[str]:
    """Result and state were written together, and so were state, its timeline and its incident."""
    for name, state in found.states.items():
        runs = sorted(run for run in found.runs if run[0] == name)
        if runs and (state.last_at, state.last_status) != runs[-1][1:]:
            yield f"{name}: the state is of {state.last_at}, the last result of {runs[-1][1]}"
        if state.runs != len(runs):
            yield f"{name}: the state counts {state.runs} runs, there are {len(runs)} results"
        if found.hard.get(name) != state.hard:
            yield f"{name}: is {state.hard}, its timeline ends with {found.hard.get(name)}"
        stands = [row for row in found.open if row.fingerprint == fingerprint(name)]
        if state.hard is Status.CRITICAL and not stands:
            yield f"{name}: is critical and has no open incident"
        if state.hard is Status.HEALTHY and stands and not stands[0].flapping:
            yield f"{name}: is healthy and {stands[0].id} is open"


def _incidents(found: Ledger) -> Iterator[str]:
    """An incident is what its timeline says, and there is one open at most for each cause."""
    for cause, count in Counter(row.fingerprint for row in found.open).items():
        if count > 1:
            yield f"{cause}: {count} open incidents"
    for row in found.incidents:
        lines = [line for line in found.lines if line.incident_id == row.id]
        actions = [line.action for line in lines]
        if actions[:1] != ["opened"] or actions.count("opened") != 1:
            yield f"{row.id}: its timeline is {actions}"
        elif row.stage != lines[-1].stage or row.is_open is (row.stage in CLOSED):
            yield f"{row.id}: is {row.stage}, its timeline ends with {lines[-1].stage}"


def _deliveries(found: Ledger) -> Iterator[str]:
    """Each row ended with a reason, and who is to be told of a line has its row."""
    for row in found.outbox:
        if row.state not in ENDED or row.settled_at is None or not row.reason:
            yield f"{row.key}: is {row.state}, {row.reason!r}, settled at {row.settled_at}"
    told = {(row.line_id, row.event) for row in found.outbox}
    for line in found.lines:
        is_held_back = line.incident_id in found.held_back
        if line.action == "opened" and (line.id, "trigger") not in told and not is_held_back:
            yield f"{line.incident_id}: opened without a trigger"
        before = [
            row.event
            for row in found.outbox
            if row.incident_id == line.incident_id and row.line_id < line.id and row.event in STANDS
            if not was_never_sent(row)
        ]
        is_told = before[-1:] == ["trigger"]
        if line.action == "resolved" and is_told and (line.id, "resolve") not in told:
            yield (
                f"{line.incident_id}: resolved by line {line.id} without telling who was told; "
                f"{_story(found, line.incident_id)}"
            )


def _story(found: Ledger, incident: str) -> str:
    """What happened to an incident and who was told, each by its line."""
    lines = [(each.id, each.action) for each in found.lines if each.incident_id == incident]
    sent = [
        (each.line_id, each.event, each.state, each.reason)
        for each in found.outbox
        if each.incident_id == incident
    ]
    return f"lines {lines}, deliveries {sent}"


def _arrivals(found: Ledger, arrived: Sequence[Arrival], kills: int) -> Iterator[str]:
    """Each delivery came, once for each kill more at most, after those before it.

    What was told together came under the key of the first.
    """
    rows: dict[str, list[Row[Any]]] = {}
    for row in found.outbox:
        rows.setdefault(row.bundle or row.key, []).append(row)
    counts = Counter(key for key, _ in arrived)
    yield from (f"{key}: was sent and is not in the store" for key in counts.keys() - rows.keys())
    for key, together in rows.items():
        if together[0].state == "delivered" and not counts[key]:
            yield f"{key}: is delivered and never came"
        if len({row.state for row in together}) > 1:
            yield f"{key}: was told together and ended differently"
    if copies(arrived) > kills:
        yield f"{copies(arrived)} copies came after {kills} kills"
    last: dict[tuple[str, str], int] = {}
    for key, body in arrived:
        if key not in rows:
            continue
        ids = [body["incident_id"], *(each["id"] for each in body["others"])]
        if [row.incident_id for row in rows[key]] != ids or rows[key][0].event != body["event"]:
            yield f"{key}: came as {body['event']} of {ids}"
        for row in rows[key]:
            line = (row.incident_id, row.channel)
            if row.id < last.get(line, 0):
                yield f"{key}: came after a later one"
            last[line] = max(row.id, last.get(line, 0))
