"""The sentence that says why a check reads what it reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.explain import progress, soft_note, why
from domain.facts import CheckState, Mark, Policy, Status
from domain.reading import Reading
from domain.state import reads

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
H, W, D, U, C = Status
POLICY = Policy()
GOOD = CheckState(
    check="api",
    hard=H,
    mark=Mark.NONE,
    recent=(H, H),
    last_status=H,
    last_at=NOW - timedelta(seconds=12),
    last_message="HTTP 200 in 20 ms",
)


def told(state: CheckState, mark: Mark | None = None, minutes: float | None = 12) -> str:
    since = None if minutes is None else NOW - timedelta(minutes=minutes)
    status = reads(state)
    return why(state, Reading(status=status, mark=mark or state.mark, since=since), POLICY, NOW)


def after(hard: Status | None, *recent: Status, mark: Mark = Mark.NONE) -> CheckState:
    return replace(GOOD, hard=hard, recent=recent, last_status=recent[-1], mark=mark)


def test_a_healthy_check_says_for_how_long_and_what_it_found() -> None:
    assert told(GOOD) == "Healthy for 12 min: HTTP 200 in 20 ms."


def test_a_paused_check_says_that_it_is_not_being_checked() -> None:
    assert told(GOOD, Mark.PAUSED) == "Paused: it is not being checked."


def test_a_stale_check_says_that_it_should_have_run_and_what_it_last_found() -> None:
    assert told(GOOD, Mark.STALE) == (
        "Stale for 12 min: it should have run and did not. Last result 12 s ago: HTTP 200 in 20 ms."
    )


def test_a_blocked_check_names_what_blocks_it() -> None:
    state = replace(GOOD, mark=Mark.BLOCKED, blocked_by="db", last_message="refused")

    assert told(state).startswith("Unknown for 12 min because db, which it needs, is down. ")
    assert told(state).endswith("until db is back. Last result 12 s ago: refused.")


def test_an_inconclusive_check_does_not_claim_to_be_healthy() -> None:
    text = told(replace(GOOD, mark=Mark.INCONCLUSIVE))

    assert text.startswith("Unknown for 12 min")
    assert "Healthy" not in text


def test_a_check_that_never_ran_says_so() -> None:
    text = told(CheckState(check="api"), minutes=None)

    assert text == "Not checked yet: its first result is due within seconds."


def test_an_unconfirmed_fault_says_how_many_results_speak_for_it() -> None:
    state = replace(after(H, H, C, C), last_message="refused")

    assert soft_note(state, POLICY) == "Critical 2 of 3, not confirmed yet."
    assert told(state) == "Healthy for 12 min: refused. Critical 2 of 3, not confirmed yet."


def test_a_held_fault_says_that_it_waits_for_its_parents() -> None:
    assert soft_note(after(H, C, C, C, mark=Mark.HELD), POLICY) == (
        "Critical 3 of 3, not confirmed yet. It waits for what it depends on."
    )


def test_nothing_is_being_confirmed_when_the_last_result_is_what_stands() -> None:
    assert soft_note(GOOD, POLICY) == soft_note(CheckState(check="api"), POLICY) == ""


def test_a_check_that_counts_anew_says_how_far_it_is() -> None:
    state = after(C, C, mark=Mark.ANEW)

    assert told(state) == "Counting anew, 1 of 3 results: HTTP 200 in 20 ms."


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (after(H, H, C), (1, 3)),
        (after(H, H, W, C), (2, 3)),
        (after(C, C, C, H), (1, 2)),
        (after(C, C, W, H), (2, 2)),
        (after(W, W, D, C), (2, 3)),
        (after(None, C, C), (2, 3)),
        (after(None, C, H), (1, 2)),
        (after(C, C, C, mark=Mark.ANEW), (2, 3)),
        (after(C, C, H, mark=Mark.ANEW), (1, 2)),
    ],
)
def test_progress_counts_the_results_in_a_row_that_speak_for_the_change(
    state: CheckState, expected: tuple[int, int]
) -> None:
    assert progress(state, POLICY) == expected


def test_a_message_without_an_end_gets_a_full_stop_and_none_is_said_to_be_missing() -> None:
    assert told(replace(GOOD, last_message="Is it up?")).endswith("Is it up?")
    assert told(replace(GOOD, last_message=" ")).endswith(": no message.")
