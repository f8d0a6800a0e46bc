"""What alert rules last said, as rows: so that a restart forgets neither a `for` nor a level."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, select

from domain.facts import Decision
from domain.incidents import Problem
from domain.rulestate import RuleState
from storage.engine import reader, upsert
from storage.leadership import Lease, fence
from storage.schema import rule_states

CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """What one rule says of one series at a time. `problem` is given when it may concern an incident."""

    fingerprint: str
    state: RuleState
    at: datetime
    problem: Problem | None = None
    decisions: tuple[Decision, ...] = ()


def write(connection: Connection, ruled: Sequence[Ruled]) -> None:
    """Store the states; of several for one series the last stands."""
    rows = {
        each.fingerprint: {
            "fingerprint": each.fingerprint,
            "rule": each.state.rule,
            "level": int(each.state.level),
            "at": each.at,
            "state": msgspec.to_builtins(each.state),
        }
        for each in ruled
    }
    upsert(connection, rule_states, list(rows.values()), ("fingerprint",))


def load(engine: Engine, rules: Collection[str]) -> dict[str, RuleState]:
    """The states of these rules by fingerprint."""
    with reader(engine).connect() as connection:
        query = select(rule_states).where(rule_states.c.rule.in_(list(rules)))
        rows = connection.execute(query.order_by(rule_states.c.fingerprint)).all()
    read = ((row.fingerprint, decode(row.state)) for row in rows)
    return {key: state for key, state in read if state is not None}


def forget(engine: Engine, lease: Lease, watched: Collection[str]) -> None:
    """Remove all states but those of these fingerprints."""
    with engine.begin() as connection:
        fence(connection, lease)
        known = connection.scalars(select(rule_states.c.fingerprint)).all()
        gone = [key for key in known if key not in watched]
        for first in range(0, len(gone), CHUNK):
            some = rule_states.c.fingerprint.in_(gone[first : first + CHUNK])
            connection.execute(delete(rule_states).where(some))


def decode(document: Any) -> RuleState | None:
    """A state from its column; None for one that another version of Nocturne wrote in another way."""
    try:
        return msgspec.convert(document, RuleState)
    except msgspec.ValidationError:
        return None
