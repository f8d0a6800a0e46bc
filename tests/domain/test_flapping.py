"""Flapping, against the Nagios formula computed independently."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.facts import Status
from domain.flapping import flaps, percent

H, C = Status.HEALTHY, Status.CRITICAL


def nagios(history: Sequence[Status]) -> Fraction:
    """Per cent of 20 transitions, weighted linearly 0.75 (oldest) to 1.25 (newest), exactly."""
    padded = [history[0]] * (21 - len(history)) + list(history)
    total = Fraction(0)
    for place in range(20):
        weight = Fraction(3, 4) + Fraction(1, 2) * Fraction(place, 19)
        total += weight if padded[place] != padded[place + 1] else 0
    return total / 20 * 100


@given(st.lists(st.sampled_from(Status), min_size=1, max_size=21))
def test_the_percentage_is_that_of_nagios(history: list[Status]) -> None:
    assert percent(history) == pytest.approx(float(nagios(history)))


def test_a_steady_check_does_not_flap_and_one_that_always_changes_is_at_a_hundred_per_cent() -> (
    None
):
    assert percent([H] * 21) == 0
    assert percent([H, C] * 10 + [H]) == pytest.approx(100)


def test_nothing_but_the_last_21_results_is_looked_at() -> None:
    assert percent([H, C] * 20 + [H] * 21) == 0


def test_no_results_and_one_result_are_steady() -> None:
    assert percent([]) == percent([C]) == 0


def test_a_new_change_weighs_more_than_an_old_one() -> None:
    old, new = [H] + [C] * 20, [H] * 20 + [C]

    assert percent(old) == pytest.approx(0.75 / 20 * 100)
    assert percent(new) == pytest.approx(1.25 / 20 * 100)


@given(st.lists(st.sampled_from(Status), min_size=1, max_size=21))
def test_flapping_starts_at_30_per_cent_and_stops_at_20(history: list[Status]) -> None:
    share = nagios(history)

    assert flaps(history, flapping=False) == (share >= 30)
    assert flaps(history, flapping=True) == (share > 20)
