"""Rules that name checks: the one that does not exist is found, with the one that was meant."""

from __future__ import annotations

from typing import Any

import pytest

from domain.rulechecks import examine


def test_a_check_that_does_not_exist_is_a_mistake_with_the_one_that_was_meant() -> None:
    tables = [
        {"id": "a", "check": "caf\u00e9"},
        {"id": "b", "check": "shop-dd"},
        {"id": "c", "labels": {"check": "nosuch"}},
    ]

    named, labelled = examine(tables, ["shop-db", "cafe\u0301"])

    assert str(named) == (
        'rule "b" check = "shop-dd": there is no check "shop-dd", did you mean "shop-db"?'
    )
    assert named.path == ("rule", 1, "check")
    assert str(labelled) == 'rule "c" labels.check = "nosuch": there is no check "nosuch"'
    assert labelled.path == ("rule", 2, "labels", "check")


def test_a_pattern_may_wait_for_checks_to_come() -> None:
    tables = [{"id": "a", "labels": {"check": each}} for each in ("web-*", "web-?", "web-[12]")]

    assert examine(tables, []) == ()


@pytest.mark.parametrize(
    "table",
    ["x", {}, {"check": 3}, {"check": ["a"]}, {"labels": "check"}, {"labels": {"check": 1}}],
)
def test_checks_that_are_no_names_are_left_for_the_reader_to_refuse(table: Any) -> None:
    assert examine([table], []) == ()
