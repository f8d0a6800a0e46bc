"""Rules: a threshold on a metric, and the one evaluator of it, used live and over history.

A check judges what it expects (reached, status, body); a numeric threshold is always a rule.
"""

from __future__ import annotations

import math
import operator as python
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from domain.facts import Status
from domain.units import show


class Operator(StrEnum):
    """How a value is compared with a level; a rule fires while the comparison is true."""

    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    EQ = "eq"
    NE = "ne"


WORDS = {
    "greater_than": Operator.GT,
    "greater_than_or_equal": Operator.GTE,
    "less_than": Operator.LT,
    "less_than_or_equal": Operator.LTE,
    "equal": Operator.EQ,
    "equals": Operator.EQ,
    "not_equal": Operator.NE,
    "not_equals": Operator.NE,
    ">": Operator.GT,
    ">=": Operator.GTE,
    "<": Operator.LT,
    "<=": Operator.LTE,
    "==": Operator.EQ,
    "!=": Operator.NE,
}
COMPARE: Mapping[Operator, Callable[[float, float], bool]] = {
    Operator.GT: python.gt,
    Operator.GTE: python.ge,
    Operator.LT: python.lt,
    Operator.LTE: python.le,
    Operator.EQ: python.eq,
    Operator.NE: python.ne,
}
# What must hold for the rule to be quiet, as the message says it.
EXPECTED = {
    Operator.GT: "≤",
    Operator.GTE: "<",
    Operator.LT: "≥",
    Operator.LTE: ">",
    Operator.EQ: "other than",
    Operator.NE: "exactly",
}


def operator(text: str) -> Operator:
    """The operator named by `gt`, `greater_than` or `>`. Raises ValueError naming those allowed."""
    if text in WORDS:
        return WORDS[text]
    try:
        return Operator(text)
    except ValueError:
        raise ValueError(f"unknown operator {text!r}: use one of {', '.join(Operator)}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockRule:
    """A rule that a check kind brings along: levels on one of its own metrics.

    `runbook` is what to do when it fires: what it means, a first look, the usual fix.
    """

    metric: str
    title: str
    warning: float | None = None
    critical: float | None = None
    operator: Operator = Operator.GTE
    unit: str = ""
    runbook: str = ""


def certificate_ends(runbook: str) -> StockRule:
    """The rule on the days that a server's certificate is still valid: 21 and 7."""
    return StockRule(
        metric="tls.days_left",
        title="Certificate valid for",
        warning=21,
        critical=7,
        operator=Operator.LT,
        unit="days",
        runbook=runbook,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A threshold on the series named `metric` with `labels`.

    `clear_warning` and `clear_critical` are the hysteresis: a level that fires stays until the
    value no longer crosses its clear level. None clears at the level itself.
    """

    id: str
    metric: str
    title: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    operator: Operator = Operator.GTE
    warning: float | None = None
    critical: float | None = None
    clear_warning: float | None = None
    clear_critical: float | None = None
    unit: str = ""
    runbook: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a rule says of one value: its level, and the sentence that tells why."""

    rule: str
    level: Status
    message: str = ""


def order_mistake(rule: Rule) -> str | None:
    """The sentence that refuses levels the wrong way round or not finite; None when they are right."""
    for name in ("warning", "critical", "clear_warning", "clear_critical"):
        level = getattr(rule, name)
        if level is not None and not math.isfinite(level):
            return f"{name} = {level} is not a finite number"
    for name, level, clear in (
        ("warning", rule.warning, rule.clear_warning),
        ("critical", rule.critical, rule.clear_critical),
    ):
        if level is not None and clear is not None and _is_beyond(rule.operator, clear, level):
            return f"clear_{name} = {clear:g} lies beyond {name} = {level:g}: it could never hold"
    if rule.warning is None or rule.critical is None:
        return None
    if rule.operator in (Operator.GT, Operator.GTE) and rule.warning > rule.critical:
        return f"{_levels(rule, 'above')}: the warning must come first"
    if rule.operator in (Operator.LT, Operator.LTE) and rule.warning < rule.critical:
        return f"{_levels(rule, 'below')}: the warning must come first"
    return None


def _levels(rule: Rule, word: str) -> str:
    return f"warning = {rule.warning:g} lies {word} critical = {rule.critical:g}"


def edges(rule: Rule, before: Status = Status.HEALTHY) -> tuple[tuple[Status, float], ...]:
    """What a value is compared with, the worst level first; a level that fires brings its clear level."""
    ladder = (
        (Status.CRITICAL, rule.critical, rule.clear_critical),
        (Status.WARNING, rule.warning, rule.clear_warning),
    )
    return tuple(
        (level, edge)
        for level, fires_at, clears_at in ladder
        if fires_at is not None
        for edge in ((fires_at, clears_at) if before >= level else (fires_at,))
        if edge is not None
    )


def grader(rule: Rule, before: Status = Status.HEALTHY) -> Callable[[float], Status]:
    """The level of a value as a function, for many values in a row. NaN never compares true."""
    ladder, compare = edges(rule, before), COMPARE[rule.operator]
    healthy = Status.HEALTHY

    def grade(value: float) -> Status:
        for level, edge in ladder:
            # NaN is unlike anything, so "not equal" would be true of it; but it is unlike itself too.
            if compare(value, edge) and value == value:
                return level
        return healthy

    return grade


def evaluate(rule: Rule, value: float, before: Status = Status.HEALTHY) -> Verdict:
    """Judge one value. `before` is the level the rule had, for hysteresis. NaN never compares true."""
    compare = COMPARE[rule.operator]
    for level, edge in edges(rule, before):
        if not math.isnan(value) and compare(value, edge):
            return Verdict(rule=rule.id, level=level, message=_sentence(rule, value, edge))
    return Verdict(rule=rule.id, level=Status.HEALTHY)


def judge(
    rules: Sequence[Rule], metrics: Mapping[str, float], before: Mapping[str, Status]
) -> tuple[Verdict, ...]:
    """Evaluate every rule whose metric is there, worst first; a missing metric says nothing here."""
    verdicts = (
        evaluate(rule, metrics[rule.metric], before.get(rule.id, Status.HEALTHY))
        for rule in rules
        if rule.metric in metrics
    )
    return tuple(sorted(verdicts, key=lambda verdict: -verdict.level))


def _is_beyond(operator: Operator, clear: float, level: float) -> bool:
    if operator in (Operator.GT, Operator.GTE):
        return clear > level
    return clear < level if operator in (Operator.LT, Operator.LTE) else False


def _sentence(rule: Rule, value: float, edge: float) -> str:
    title = rule.title or rule.metric
    return f"{title} {show(value, rule.unit)}, expected {EXPECTED[rule.operator]} {show(edge, rule.unit)}"
