"""The timeline: stretches between transitions, gaps cut out of them, and the ticks drawn of them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.facts import Change, Mark, Status, Transition
from domain.timeline import Gap, Stretch, stretches, ticks

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = START + timedelta(hours=1)
H, W, D, U, C = Status


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def row(
    at: float,
    before: Status,
    after: Status,
    *,
    change: Change = Change.HARD,
    marks: tuple[Mark, Mark] = (Mark.NONE, Mark.NONE),
) -> Transition:
    return Transition(
        check="api",
        at=minute(at),
        change=change,
        before=before,
        after=after,
        mark_before=marks[0],
        mark=marks[1],
        reason="refused",
        message="Connection refused",
    )


def lay(
    *rows: Transition, now: Status = H, mark: Mark = Mark.NONE, gaps: tuple[Gap, ...] = ()
) -> tuple[Stretch, ...]:
    return stretches(rows, now, mark, START, END, gaps)


def gap(start: float, end: float) -> Gap:
    return Gap(started=minute(start), ended=minute(end), reason="no monitor was running")


def test_without_transitions_it_has_read_all_the_time_what_it_reads_now() -> None:
    (only,) = lay(now=W)

    assert (only.start, only.end, only.status, only.length_s) == (START, END, W, 3600.0)


def test_a_transition_ends_one_stretch_and_begins_the_next_with_its_reason() -> None:
    before, after = lay(row(20, H, C), now=C)

    assert (before.status, before.end) == (H, minute(20))
    assert (after.status, after.reason, after.message) == (C, "refused", "Connection refused")


def test_a_change_of_the_flapping_mark_cuts_nothing() -> None:
    assert len(lay(row(20, H, H, change=Change.FLAPPING))) == 1


def test_transitions_outside_of_the_window_are_not_told() -> None:
    assert len(lay(row(-5, C, H), row(60, H, C))) == 1


def test_a_gap_is_not_measured_and_says_why() -> None:
    before, missing, after = lay(gaps=(gap(10, 20),))

    assert (missing.measured, missing.letter, missing.reason) == (
        False,
        "-",
        "no monitor was running",
    )
    assert (before.end, after.start) == (minute(10), minute(20))
    assert before.measured
    assert after.measured


def test_a_gap_that_began_before_the_window_is_cut_to_it() -> None:
    assert [part.measured for part in lay(gaps=(gap(-30, 5),))] == [False, True]


@pytest.mark.parametrize(
    ("status", "mark", "letter"),
    [
        (H, Mark.NONE, "h"),
        (W, Mark.NONE, "w"),
        (D, Mark.NONE, "d"),
        (U, Mark.NONE, "u"),
        (C, Mark.NONE, "c"),
        (U, Mark.PAUSED, "p"),
        (U, Mark.BLOCKED, "b"),
        (U, Mark.PENDING, "-"),
        (U, Mark.STALE, "-"),
        (H, Mark.HELD, "h"),
    ],
)
def test_each_stretch_has_one_letter(status: Status, mark: Mark, letter: str) -> None:
    (only,) = lay(now=status, mark=mark)

    assert only.letter == letter


def test_a_tick_shows_the_worst_that_was_read_in_it() -> None:
    parts = lay(row(14, H, C), row(16, C, H), row(45, H, W))

    assert ticks(parts, START, END, 4) == "cchw"


def test_a_fault_of_a_moment_is_still_seen_in_its_tick() -> None:
    parts = lay(row(31, H, C), row(31.01, C, H))

    assert ticks(parts, START, END, 6) == "hhhchh"


def test_a_tick_in_which_nothing_was_measured_is_a_dash() -> None:
    assert ticks(lay(gaps=(gap(0, 30),)), START, END, 2) == "-h"
    assert ticks((), START, END, 3) == "---"


MINUTES = st.floats(-10, 70)
ROWS = st.lists(st.tuples(MINUTES, st.sampled_from(Status)), max_size=8)
GAPS = st.lists(st.tuples(MINUTES, MINUTES), max_size=3)


@given(moments=ROWS, missing=GAPS)
def test_stretches_fill_the_window_without_hole_or_overlap(
    moments: list[tuple[float, Status]], missing: list[tuple[float, float]]
) -> None:
    statuses = [H, *(status for _, status in moments)]
    rows = [
        row(at, before, after)
        for (at, after), before in zip(sorted(moments, key=lambda m: m[0]), statuses, strict=False)
    ]
    gaps = tuple(gap(min(pair), max(pair)) for pair in missing)

    parts = stretches(rows, statuses[-1], Mark.NONE, START, END, gaps)

    assert parts[0].start == START
    assert parts[-1].end == END
    assert all(part.length_s > 0 for part in parts)
    assert all(one.end == other.start for one, other in itertools.pairwise(parts))
    assert len(ticks(parts, START, END, 24)) == 24
