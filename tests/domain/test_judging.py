"""From a measurement to a result: when a threshold speaks, and when the check itself."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from domain.facts import Cause, Measurement, Result, Status
from domain.judging import conclude
from domain.rules import Operator, Rule

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
H, W, D, C = Status.HEALTHY, Status.WARNING, Status.DEGRADED, Status.CRITICAL
SLOW = Rule(
    id="api:ms", metric="ms", title="Latency", operator=Operator.GT, warning=500, critical=900
)


def judged(
    status: Status = H,
    cause: Cause = Cause.NONE,
    before: dict[str, Status] | None = None,
    rule: Rule = SLOW,
    **metrics: float,
) -> Result:
    measured = Measurement(status=status, message="HTTP 200", cause=cause, metrics=metrics)
    return conclude(measured, [rule], before or {}, check="api", kind="http", at=NOW, attempt=2)


def test_a_healthy_measurement_within_its_thresholds_stays_healthy() -> None:
    result = judged(ms=20)

    assert (result.status, result.message, result.cause) == (H, "HTTP 200", Cause.NONE)
    assert (result.check, result.kind, result.at, result.attempt) == ("api", "http", NOW, 2)


def test_a_crossed_threshold_makes_the_result_worse_and_says_why() -> None:
    result = judged(ms=600)

    assert (result.status, result.cause) == (W, Cause.THRESHOLD)
    assert result.message == "Latency 600, expected ≤ 500"


def test_a_threshold_never_hides_what_the_check_itself_found() -> None:
    worse = judged(C, Cause.REFUSED, ms=600)
    equal = judged(W, Cause.WRONG_ANSWER, ms=600)

    assert (worse.status, worse.cause) == (C, Cause.REFUSED)
    assert (equal.message, equal.cause) == ("HTTP 200", Cause.WRONG_ANSWER)


def test_the_level_of_each_rule_is_kept_for_its_hysteresis() -> None:
    sticky = Rule(id="api:ms", metric="ms", operator=Operator.GT, warning=500, clear_warning=400)

    first = judged(rule=sticky, ms=600)
    second = judged(rule=sticky, before=dict(first.levels), ms=450)

    assert (first.levels, second.status) == ({"api:ms": W}, W)


def test_a_missing_metric_keeps_its_level_for_the_next_run() -> None:
    result = judged(before={"api:ms": C, "of a rule that is gone": C})

    assert result.levels == {"api:ms": C}
    assert result.status is H


def test_a_metric_that_is_not_finite_becomes_no_number_of_the_result() -> None:
    assert judged(ms=math.inf).metrics == judged(ms=math.nan).metrics == {}
    assert judged(ms=math.inf).status is C
