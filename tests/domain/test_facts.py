"""The facts: the order of statuses, the words people read, and that facts do not change."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from domain import facts
from domain.facts import CheckState, Mark, Measurement, Policy, Status


def test_the_worst_of_several_statuses_is_their_maximum() -> None:
    assert max(Status) is Status.CRITICAL
    assert max([Status.UNKNOWN, Status.DEGRADED]) is Status.UNKNOWN


def test_a_status_reads_as_a_plain_word() -> None:
    assert [each.word for each in Status] == [
        "healthy",
        "warning",
        "degraded",
        "unknown",
        "critical",
    ]


def test_the_defaults_are_three_failures_and_two_successes_two_seconds_apart() -> None:
    policy = Policy()

    assert (policy.failures, policy.successes, policy.retry_interval_s) == (3, 2, 2.0)
    assert (policy.interval_s, policy.timeout_s) == (30.0, 10.0)


def test_a_check_begins_pending_and_not_healthy() -> None:
    state = CheckState(check="api")

    assert (state.hard, state.mark) == (None, Mark.PENDING)


def test_a_fact_never_changes() -> None:
    measured = Measurement(status=Status.HEALTHY, message="fine")

    with pytest.raises(FrozenInstanceError):
        measured.message = "changed"  # type: ignore[misc]


@pytest.mark.parametrize(
    "fact",
    [
        facts.Measurement,
        facts.Result,
        facts.Policy,
        facts.CheckState,
        facts.Transition,
        facts.Decision,
        facts.Sample,
    ],
)
def test_every_fact_is_written_by_keyword(fact: type) -> None:
    assert all(each.kw_only for each in fields(fact))


def test_the_words_that_are_stored_fit_into_their_columns() -> None:
    assert max(len(mark.value) for mark in facts.Mark) <= 20
    assert max(len(cause.value) for cause in facts.Cause) <= 20
    assert max(len(change.value) for change in facts.Change) <= 10
