"""The gate in front of incidents: the first reason that holds, and when it is written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.facts import CheckState, Mark, Status
from domain.muting import Reason, decide, incident_gate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
H, W, C = Status.HEALTHY, Status.WARNING, Status.CRITICAL
BAD = CheckState(check="api", hard=C, last_status=C, mark=Mark.NONE, last_message="refused")


def test_a_hard_fault_passes() -> None:
    assert incident_gate(BAD) is Reason.PASSED
    assert incident_gate(replace(BAD, hard=W)) is Reason.PASSED


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (replace(BAD, mark=Mark.PAUSED), Reason.PAUSED),
        (replace(BAD, hard=H, mark=Mark.HELD), Reason.HELD),
        (replace(BAD, mark=Mark.INCONCLUSIVE), Reason.INCONCLUSIVE),
        (replace(BAD, mark=Mark.BLOCKED, blocked_by="db"), Reason.BLOCKED),
        (replace(BAD, mark=Mark.ANEW), Reason.NOT_YET_HARD),
        (replace(BAD, hard=None, mark=Mark.PENDING), Reason.NOT_YET_HARD),
        (replace(BAD, hard=H), Reason.NOT_YET_HARD),
        (replace(BAD, hard=H, last_status=H), Reason.HEALTHY),
    ],
)
def test_what_opens_no_incident_says_why(state: CheckState, reason: Reason) -> None:
    assert incident_gate(state) is reason


def test_a_disabled_check_opens_nothing_whatever_else_is_true_of_it() -> None:
    for mark in Mark:
        assert incident_gate(replace(BAD, mark=mark), enabled=False) is Reason.PAUSED


def test_a_decision_is_written_when_its_reason_changes_and_names_its_subject() -> None:
    (row,) = decide(replace(BAD, hard=H), BAD, NOW)

    assert (row.subject, row.gate, row.at) == ("check:api", "incident", NOW)
    assert (row.reason, row.detail) == ("passed", "refused")


def test_no_decision_is_written_while_the_reason_is_the_same() -> None:
    assert decide(BAD, replace(BAD, last_message="still refused"), NOW) == ()


def test_a_fault_that_gets_worse_is_decided_again() -> None:
    assert len(decide(replace(BAD, hard=W), BAD, NOW)) == 1


def test_a_blocked_check_names_its_blocker_also_when_that_changes() -> None:
    by_db = replace(BAD, mark=Mark.BLOCKED, blocked_by="db")
    by_router = replace(by_db, blocked_by="router")

    assert [row.detail for row in decide(by_db, by_router, NOW)] == ["by router"]


def test_pausing_a_check_with_a_hard_fault_is_a_decision() -> None:
    (row,) = decide(BAD, replace(BAD, mark=Mark.PAUSED), NOW)

    assert row.reason == "paused"
