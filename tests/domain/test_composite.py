"""Composites: what members amount to, who counts, and what is said of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.composite import KIND, Member, Needs, selected, weigh
from domain.facts import Mark, Status
from domain.matching import Match, Subject

H, W, D, U, C = Status
LETTERS = dict(zip("HWDUC", Status, strict=True))
TWO = Needs(at_least=2)


def members(letters: str) -> list[Member]:
    return [
        Member(name=f"shop-{chr(97 + at)}", status=LETTERS[letter], mark=Mark.NONE)
        for at, letter in enumerate(letters)
    ]


def paused(name: str) -> Member:
    return Member(name=name, status=U, mark=Mark.PAUSED)


@pytest.mark.parametrize(
    ("letters", "status", "message"),
    [
        ("HHH", H, "3 of 3 healthy"),
        ("HHC", H, "2 of 3 healthy: shop-c critical"),
        ("HCC", C, "1 of 3 healthy, expected at least 2: shop-b critical, shop-c critical"),
        ("HDC", D, "1 of 3 healthy, expected at least 2: shop-c critical, shop-b degraded"),
        ("HWW", W, "1 of 3 healthy, expected at least 2: shop-b warning, shop-c warning"),
        ("HHU", H, "2 of 3 healthy: shop-c unknown"),
        ("HUC", U, "1 of 3 healthy, expected at least 2: shop-c critical, shop-b unknown"),
        ("UUU", U, "0 of 3 healthy, expected at least 2: shop-a unknown, shop-b unknown, shop-c "),
        ("CCCCCCC", C, "0 of 7 healthy, expected at least 2: shop-a critical, shop-b critical, sh"),
    ],
)
def test_the_status_is_what_the_needed_best_members_have_at_least(
    letters: str, status: Status, message: str
) -> None:
    found = weigh(members(letters), {}, TWO)

    assert found.status is status
    assert found.message.startswith(message)
    assert "shop-f" not in found.message
    assert found.message.endswith(" and 2 more") is (len(letters) == 7)


def test_fewer_than_warn_below_are_a_warning_while_enough_are_healthy() -> None:
    needs = Needs(at_least=1, warn_below=3)

    found = weigh(members("HHC"), {}, needs)

    assert (found.status, found.message) == (
        W,
        "2 of 3 healthy, expected at least 3: shop-c critical",
    )
    assert weigh(members("HHH"), {}, needs).status is H
    assert weigh(members("CCC"), {}, needs).status is C


def test_who_is_paused_is_left_out_and_sinks_what_is_needed() -> None:
    one_left = weigh([*members("H"), paused("shop-b"), paused("shop-c")], {}, TWO)
    one_down = weigh([*members("HC"), paused("shop-c")], {}, TWO)

    assert (one_left.status, one_left.message) == (
        H,
        "1 of 1 healthy; left out: shop-b paused, shop-c paused",
    )
    assert one_down.status is C


def test_a_member_in_maintenance_counts_while_it_is_healthy_and_is_left_out_else() -> None:
    well = Member(name="shop-b", status=H, mark=Mark.MAINTENANCE, planned=True)
    down = Member(name="shop-c", status=C, mark=Mark.MAINTENANCE, planned=True)

    found = weigh([*members("H"), well, down], {}, TWO)

    assert (found.status, found.message) == (
        H,
        "2 of 2 healthy; left out: shop-c in maintenance",
    )


def test_nothing_that_counts_is_unknown() -> None:
    found = weigh([paused("shop-a")], {}, TWO)

    assert (found.status, found.percent) == (U, None)
    assert found.message == "Nothing counts: shop-a paused"
    assert weigh([], {}, TWO).message == "It has no members"


def test_a_member_that_is_not_known_is_named_with_the_reason() -> None:
    behind = Member(name="shop-b", status=U, mark=Mark.BLOCKED)
    new = Member(name="shop-c", status=U, mark=Mark.PENDING)

    found = weigh([*members("H"), behind, new], {}, TWO)

    assert found.message.endswith("shop-b blocked, shop-c not measured yet")


def test_weights_count_instead_of_numbers_and_percents_are_of_the_weight() -> None:
    weights = {"shop-a": 2.0}

    by_weight = weigh(members("CHH"), weights, Needs(at_least=3))
    by_percent = weigh(members("CHH"), weights, Needs(at_least=50, in_percent=True))
    short = weigh(members("CHH"), weights, Needs(at_least=51, in_percent=True))

    assert by_weight.message == "2 of 4 by weight healthy, expected at least 3: shop-a critical"
    assert (by_weight.status, by_percent.status, short.status) == (C, H, C)
    assert short.message == "50 % by weight healthy, expected at least 51 %: shop-a critical"
    assert by_percent.percent == 50


def test_tenths_that_do_not_add_up_exactly_are_enough() -> None:
    weights = dict.fromkeys(("shop-a", "shop-b", "shop-c"), 0.1)

    assert weigh(members("HHH"), weights, Needs(at_least=0.3)).status is H


STATUSES = st.lists(st.sampled_from("HWDUC"), min_size=1, max_size=8).map("".join)


@given(STATUSES, st.integers(1, 8))
def test_it_is_healthy_only_when_enough_are_and_critical_only_when_too_many_are(
    letters: str, needed: int
) -> None:
    found = weigh(members(letters), {}, Needs(at_least=needed))

    needed = min(needed, len(letters))
    assert (found.status is H) == (letters.count("H") >= needed)
    assert (found.status is C) == (len(letters) - letters.count("C") < needed)


@given(STATUSES, st.integers(1, 8), st.integers(0, 7))
def test_pausing_one_that_is_down_never_makes_it_worse(letters: str, needed: int, at: int) -> None:
    at %= len(letters)
    all_of_them = members(f"{letters[:at]}C{letters[at:]}")
    before = weigh(all_of_them, {}, Needs(at_least=needed)).status
    all_of_them[at] = paused(all_of_them[at].name)
    after = weigh(all_of_them, {}, Needs(at_least=needed)).status

    assert after <= before


def test_members_come_by_name_and_by_match_and_composites_by_name_alone() -> None:
    subjects = [
        Subject(name="farm", kind=KIND, tags=frozenset({"shop"})),
        Subject(name="all", kind=KIND, tags=frozenset({"shop"})),
        Subject(name="shop-a", kind="http", tags=frozenset({"shop"})),
        Subject(name="shop-b", kind="http", tags=frozenset({"shop"})),
        Subject(name="db", kind="sql"),
    ]
    shop = Match(tags=("shop",))

    assert selected((), shop, subjects, "farm") == ("shop-a", "shop-b")
    assert selected(("db", "all", "shop-b"), shop, subjects, "farm") == (
        "db",
        "all",
        "shop-b",
        "shop-a",
    )
