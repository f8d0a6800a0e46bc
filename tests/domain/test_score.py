"""The health score: weighted points, its cap, and what each component costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.facts import Mark, Status
from domain.score import Component, score

H, W, D, U, C = Status
COMPONENTS = st.lists(
    st.builds(
        Component,
        check=st.text(max_size=3),
        status=st.sampled_from(Status),
        mark=st.sampled_from(Mark),
        weight=st.floats(0.01, 100),
    ),
    max_size=12,
)


def part(
    status: Status, weight: float = 1.0, *, name: str = "a", mark: Mark = Mark.NONE
) -> Component:
    return Component(check=name, status=status, mark=mark, weight=weight)


@pytest.mark.parametrize(
    ("status", "points"), [(H, 100.0), (W, 80.0), (D, 50.0), (U, 40.0), (C, 0.0)]
)
def test_each_status_has_its_points(status: Status, points: float) -> None:
    assert score([part(status)]).value == points


def test_the_score_is_the_weighted_mean() -> None:
    assert score([part(H, 3), part(W, 1)]).value == pytest.approx((3 * 100 + 80) / 4)


def test_a_critical_of_top_weight_caps_the_score_at_49() -> None:
    found = score([part(C, 2, name="db"), *[part(H, 2)] * 20])

    assert (found.value, found.capped_by) == (49.0, "db")
    assert found.uncapped == pytest.approx(100 * 20 / 21)


def test_a_critical_of_lower_weight_does_not_cap_it() -> None:
    found = score([part(C, 1), part(H, 9)])

    assert (found.value, found.capped_by) == (90.0, None)


def test_a_capped_score_may_be_lower_than_the_cap() -> None:
    assert score([part(C), part(C), part(H)]).value == pytest.approx(100 / 3)


def test_paused_checks_are_left_out() -> None:
    assert score([part(H), part(U, 5, mark=Mark.PAUSED)]).value == 100.0


def test_there_is_no_score_when_nothing_counts() -> None:
    for components in ([], [part(U, mark=Mark.PAUSED)], [part(C, 0.0)]):
        assert score(components).value is None


def test_the_answer_lists_what_each_component_costs_dearest_first() -> None:
    found = score([part(H, name="a"), part(W, name="b"), part(D, name="c"), part(D, name="d")])

    assert [(loss.check, loss.cost) for loss in found.losses] == [
        ("c", 12.5),
        ("d", 12.5),
        ("b", 5),
    ]


@pytest.mark.parametrize("count", [3, 6, 7, 9])
def test_a_score_of_nothing_but_critical_checks_is_nought_and_not_below(count: int) -> None:
    found = score([part(C, 0.1)] * count)

    assert f"{found.value:.1f} {found.uncapped:.1f}" == "0.0 0.0"


@given(COMPONENTS)
def test_the_score_lies_between_nought_and_a_hundred_and_its_losses_add_up(
    components: list[Component],
) -> None:
    found = score(components)

    if found.value is not None and found.uncapped is not None:
        assert 0 <= found.value <= found.uncapped <= 100
        assert sum(loss.cost for loss in found.losses) == pytest.approx(100 - found.uncapped)
        assert found.value <= 49 or found.capped_by is None
