"""How long a fault takes to be found, as the docs tell it by kind: held against the kinds' own defaults."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from domain.checktable import read_tables
from domain.facts import Cause, CheckState, Policy, Result, Status
from domain.settings import Settings
from domain.state import advance, timeout_s
from monitor.checks import kinds
from monitor.definitions import pace_of
from monitor.feeding import Fed
from monitor.membership import Derived
from tests.test_docs import CHECKS, CODE, section

START = datetime(2026, 3, 1, tzinfo=UTC)
SECONDS = re.compile(r"([0-9.]+) s$")


def rows() -> dict[str, list[str]]:
    """The row of each kind: the cells behind its name."""
    table = next(rows for head, rows in section(CHECKS, "How long it takes").tables())
    return {name: row[1:] for row in table for name in CODE.findall(row[0])}


def policy_of(kind: str) -> Policy:
    """With what a check of this kind runs when nothing else is said."""
    (definition,), _ = read_tables([{"name": "a", "kind": kind}], Settings(), pace_of)
    assert definition is not None
    return definition.policy


def worst_s(policy: Policy, cause: Cause, usual_ms: float) -> float:
    """From a fault right after a good run to the hard status, by the state machine itself, in s."""
    state = CheckState(check="a", hard=Status.HEALTHY, usual_ms=usual_ms, last_at=START)
    slot = begun = policy.interval_s
    attempt = 1
    while state.hard is not Status.CRITICAL:
        took = timeout_s(state, policy, attempt) if cause is Cause.TIMEOUT else 0.0
        ended = begun + took
        result = Result(
            check="a",
            kind="a",
            at=START + timedelta(seconds=ended),
            status=Status.CRITICAL,
            message="",
            cause=cause,
            attempt=attempt,
        )
        moved = advance(state, result, policy)
        state = moved.state
        if moved.retry_in_s is None:
            slot += policy.interval_s
            begun, attempt = slot, 1
        else:
            begun, attempt = ended + moved.retry_in_s, attempt + 1
    return round(ended, 1)


def test_the_table_has_every_kind() -> None:
    assert rows().keys() == kinds().keys()


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_a_kind_takes_as_long_as_the_docs_say(kind: str) -> None:
    told = [found and float(found[1]) for found in map(SECONDS.search, rows()[kind])]

    # These wait for no slot: they follow their members, or what arrives.
    if issubclass(kinds()[kind].model, Derived | Fed):
        assert told == [1, None, None]
        return
    policy = policy_of(kind)
    cases = ((Cause.REFUSED, 100.0), (Cause.TIMEOUT, 100.0), (Cause.TIMEOUT, 1000.0))
    assert told == [worst_s(policy, *case) for case in cases]
