"""From a measurement to a result: the thresholds of its rules applied, the worst one speaking."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.facts import Cause, Measurement, Result, Status
from domain.rules import Rule, Verdict, judge


def conclude(
    measurement: Measurement,
    rules: Sequence[Rule],
    before: Mapping[str, Status],
    *,
    check: str,
    kind: str,
    at: datetime,
    attempt: int = 1,
    more: Sequence[Verdict] = (),
) -> Result:
    """The result of one run. `before` are the levels the rules had; a missing metric keeps its level.

    `more` is what alert rules on the check's metrics say. Metrics that are not finite say nothing
    and are left out.
    """
    found = (*judge(rules, measurement.metrics, before), *more)
    verdicts = sorted(found, key=lambda verdict: -verdict.level)
    kept = {rule.id: before[rule.id] for rule in rules if rule.id in before}
    status, message, cause = measurement.status, measurement.message, measurement.cause
    if verdicts and verdicts[0].level > status:
        status, message, cause = verdicts[0].level, verdicts[0].message, Cause.THRESHOLD
    return Result(
        check=check,
        kind=kind,
        at=at,
        status=status,
        message=message,
        cause=cause,
        response_time_ms=measurement.response_time_ms,
        metrics={name: each for name, each in measurement.metrics.items() if math.isfinite(each)},
        details=measurement.details,
        levels=kept | {verdict.rule: verdict.level for verdict in verdicts},
        attempt=attempt,
    )
