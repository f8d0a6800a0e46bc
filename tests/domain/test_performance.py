"""The performance score."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.performance import RESPONSE_MS, performance, points


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 100), (250, 90), (500, 80), (750, 60), (1000, 40), (1500, 20), (9e9, 0)],
)
def test_points_fall_from_the_best_to_none_at_twice_the_critical_level(
    value: float, expected: float
) -> None:
    assert points(value, RESPONSE_MS) == pytest.approx(expected)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_more_is_never_better(one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert 100 >= points(low, RESPONSE_MS) >= points(high, RESPONSE_MS) >= 0


def test_the_score_is_the_mean_of_what_is_known() -> None:
    found = performance(response_ms=500, error_percent=10, used={"cpu": 0, "memory": 95})

    assert (found.response, found.errors, found.resources) == (80, 40, 40)
    assert found.value == pytest.approx(160 / 3)
    assert performance(response_ms=0, error_percent=None, used={}).value == 100


def test_there_is_no_score_of_nothing() -> None:
    assert performance(response_ms=None, error_percent=None, used={"unheard-of": 5}).value is None
