"""What the public status page says: the worst that is known, and never that what isn't measured works."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from domain.facts import Mark, Status
from domain.reading import Reading
from domain.statuspage import (
    Known,
    Public,
    StatusPage,
    components,
    day_of,
    day_of_all,
    percent_text,
    read_as,
    sentence,
)
from domain.uptime import Spent

H, W, C, U = Status.HEALTHY, Status.WARNING, Status.CRITICAL, Status.UNKNOWN
HOUR = 3_600_000


def readings(*told: tuple[Status, Mark]) -> list[Reading]:
    return [Reading(status=status, mark=mark, since=None) for status, mark in told]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([(H, Mark.NONE), (H, Mark.NONE)], Public.WORKING),
        ([(H, Mark.NONE), (W, Mark.NONE), (C, Mark.NONE)], Public.OUTAGE),
        ([(H, Mark.NONE), (U, Mark.STALE)], Public.UNKNOWN),
        ([(H, Mark.NONE), (U, Mark.PAUSED)], Public.WORKING),
        ([(U, Mark.PAUSED)], Public.UNKNOWN),
        ([(C, Mark.MAINTENANCE), (H, Mark.NONE)], Public.MAINTENANCE),
        ([(U, Mark.BLOCKED), (W, Mark.NONE)], Public.SLOW),
        ([], Public.UNKNOWN),
    ],
)
def test_a_component_reads_the_worst_of_its_checks(
    told: Sequence[tuple[Status, Mark]], expected: Public
) -> None:
    assert read_as(readings(*told)) is expected


def test_the_rows_are_groups_tags_and_checks_by_their_labels_and_none_is_left_out() -> None:
    page = StatusPage(groups={"Shop": "Shopping"}, tags={"eu": "Europe"}, checks={"gone": "Mail"})
    known = [
        Known(id=1, name="a", group="Shop", tags=("eu",)),
        Known(id=2, name="b", group="Shop", tags=()),
    ]

    found = components(page, known)

    assert [(each.label, [check.name for check in each.checks]) for each in found] == [
        ("Shopping", ["a", "b"]),
        ("Europe", ["a"]),
        ("Mail", []),
    ]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([Public.WORKING, Public.WORKING], "Everything works"),
        ([Public.WORKING, Public.SLOW], "Mail is slow"),
        ([Public.OUTAGE, Public.OUTAGE], "2 of 2 parts have an outage"),
        ([Public.UNKNOWN, Public.WORKING], "We can’t tell about Shop at the moment"),
        ([Public.UNKNOWN, Public.UNKNOWN], "We can’t tell at the moment"),
    ],
)
def test_one_sentence_says_how_the_whole_is(states: list[Public], expected: str) -> None:
    assert sentence(["Shop", "Mail"], states)[1] == expected


@pytest.mark.parametrize(
    ("spent", "expected"),
    [
        (Spent(healthy=24 * HOUR), Public.WORKING),
        (Spent(healthy=23 * HOUR, critical=1), Public.OUTAGE),
        (Spent(healthy=22 * HOUR, maintenance=2 * HOUR), Public.MAINTENANCE),
        (Spent(healthy=HOUR, unmeasured=23 * HOUR), None),
        (Spent(unknown=24 * HOUR), None),
        (Spent(), None),
    ],
)
def test_a_day_is_good_only_when_most_of_it_was_measured(
    spent: Spent, expected: Public | None
) -> None:
    assert day_of(spent) is expected


def test_a_day_of_which_one_check_is_not_known_is_not_good() -> None:
    good, unknown = Spent(healthy=24 * HOUR), Spent(unmeasured=24 * HOUR)

    assert day_of_all([good, unknown]) is None
    assert day_of_all([Spent(critical=HOUR), unknown]) is Public.OUTAGE


def test_uptime_is_never_rounded_up_to_all_of_the_time() -> None:
    assert percent_text(100.0) == "100.00 %"
    assert percent_text(99.9999) == "99.99 %"
