"""Rules: one evaluator of thresholds, its operators, hysteresis, and the levels it refuses."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.facts import Status
from domain.rules import Operator, Rule, evaluate, judge, operator, order_mistake

H, W, C = Status.HEALTHY, Status.WARNING, Status.CRITICAL
ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


def rule(**fields: object) -> Rule:
    given: dict[str, object] = {"id": "cpu", "metric": "cpu", "operator": Operator.GT, **fields}
    return Rule(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("op", "below", "at", "above"),
    [
        ("gt", H, H, W),
        ("gte", H, W, W),
        ("lt", W, H, H),
        ("lte", W, W, H),
        ("eq", H, W, H),
        ("ne", W, H, W),
    ],
)
def test_a_rule_fires_while_its_comparison_is_true(
    op: str, below: Status, at: Status, above: Status
) -> None:
    a_rule = rule(operator=operator(op), warning=10.0)

    assert [evaluate(a_rule, value).level for value in (9, 10, 11)] == [below, at, above]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("gt", "gt"), ("greater_than", "gt"), (">=", "gte"), ("less_than", "lt"), ("==", "eq")],
)
def test_operators_are_known_by_name_word_and_sign(word: str, meant: str) -> None:
    assert operator(word) == meant


def test_an_unknown_operator_is_refused_with_those_allowed() -> None:
    with pytest.raises(ValueError, match=r"unknown operator 'above': use one of gt, gte, lt"):
        operator("above")


def test_the_worst_level_that_is_crossed_counts() -> None:
    a_rule = rule(warning=70, critical=85)

    assert [evaluate(a_rule, value).level for value in (70, 71, 85, 86)] == [H, W, W, C]


def test_the_message_says_what_was_found_and_what_is_expected() -> None:
    verdict = evaluate(rule(title="CPU", warning=70, unit="%"), 93.4)

    assert verdict.message == "CPU 93 %, expected ≤ 70 %"


@pytest.mark.parametrize("op", list(Operator))
def test_nan_never_fires_a_rule(op: Operator) -> None:
    a_rule = rule(operator=op, warning=1, critical=2, clear_warning=0)

    assert evaluate(a_rule, math.nan, before=C).level is H


@pytest.mark.parametrize("unit", ["", "%", "ms", "s", "bytes", "bytes/s"])
def test_an_infinite_value_fires_and_can_be_told(unit: str) -> None:
    verdict = evaluate(rule(critical=5, unit=unit), math.inf)

    assert verdict.level is C
    assert "inf" in verdict.message


def test_a_level_that_fires_stays_until_the_value_is_past_its_clear_level() -> None:
    a_rule = rule(critical=85, clear_critical=75)

    assert evaluate(a_rule, 80, before=H).level is H
    assert evaluate(a_rule, 80, before=C).level is C
    assert evaluate(a_rule, 75, before=C).level is H


def test_a_critical_that_clears_can_stay_a_warning_by_its_own_clear_level() -> None:
    a_rule = rule(warning=70, critical=85, clear_warning=60)

    assert evaluate(a_rule, 65, before=C).level is W
    assert evaluate(a_rule, 65, before=H).level is H


def test_a_value_beyond_its_level_fires_whatever_the_clear_level_says() -> None:
    assert evaluate(rule(critical=85, clear_critical=90), 87, before=C).level is C


@given(value=ANY_FLOAT, before=st.sampled_from([H, W, C]))
def test_hysteresis_never_makes_a_rule_say_less(value: float, before: Status) -> None:
    plain = rule(warning=70, critical=85)
    sticky = rule(warning=70, critical=85, clear_warning=65, clear_critical=80)

    assert evaluate(sticky, value, before).level >= evaluate(plain, value, before).level


def test_a_missing_metric_says_nothing() -> None:
    assert judge([rule(warning=1)], {"memory": 99.0}, {}) == ()


def test_of_several_rules_the_worst_speaks_first() -> None:
    mild = rule(id="mild", warning=10)
    harsh = rule(id="harsh", critical=10)

    verdicts = judge([mild, harsh], {"cpu": 50.0}, {})

    assert [verdict.rule for verdict in verdicts] == ["harsh", "mild"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"warning": 90, "critical": 80}, "warning = 90 lies above critical = 80"),
        ({"operator": Operator.LT, "warning": 5, "critical": 10}, "warning = 5 lies below"),
        ({"warning": math.nan}, "warning = nan is not a finite number"),
        ({"critical": math.inf}, "critical = inf is not a finite number"),
        ({"clear_warning": -math.inf}, "clear_warning = -inf is not a finite number"),
        ({"critical": 85, "clear_critical": 90}, "clear_critical = 90 lies beyond critical = 85"),
        (
            {"operator": Operator.LTE, "warning": 10, "clear_warning": 5},
            "clear_warning = 5 lies beyond warning = 10",
        ),
    ],
)
def test_levels_that_make_no_sense_are_refused_by_name(
    fields: dict[str, object], words: str
) -> None:
    assert words in (order_mistake(rule(**fields)) or "")


@pytest.mark.parametrize(
    "fields",
    [
        {"warning": 80, "critical": 90, "clear_warning": 70, "clear_critical": 85},
        {"operator": Operator.LT, "warning": 10, "critical": 5},
        {"operator": Operator.NE, "warning": 10, "critical": 5},
        {"warning": 80, "critical": 80},
        {},
    ],
)
def test_levels_in_order_are_right(fields: dict[str, object]) -> None:
    assert order_mistake(rule(**fields)) is None
