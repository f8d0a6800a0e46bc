"""Alert rules, the `[[rule]]` tables: thresholds, rates and absences on any metric.

What a kind adds is how a sample becomes the value to judge (`domain.rulestate`); levels, holding,
clearing and missing data are the same for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from domain.bounds import bounded
from domain.incidents import Severity
from domain.rules import Operator, Rule
from domain.units import show, span, unit_of

Labels = tuple[tuple[str, str], ...]

LONGEST_FINGERPRINT = 300
CHECK = "check"
# What the incident of a rule that speaks for itself is of, where a check has its kind.
KIND = "rule"
MACHINE = "system."
COOLDOWN_S = 900.0
INTERVAL_S = 10.0
# So many intervals without a sample, and the data is missing.
MISSED = 2


class RuleKind(StrEnum):
    """How a rule looks at its metric."""

    THRESHOLD = "threshold"
    RATE = "rate"
    ABSENCE = "absence"


class Missing(StrEnum):
    """What a rule says when its data stays away: it is unknown, goes on as it was, or is critical."""

    UNKNOWN = "unknown"
    IGNORE = "ignore"
    ALERT = "alert"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """A rule on every series of `metric` whose labels match.

    `labels` are shell globs; a label that is not named may have any value. `for_s` is how long a
    level must hold before it fires, `keep_firing_for_s` how long it must be clear before it ends.
    A RATE is taken over `window_s`: in units an hour, or with `reaches` as the hours until the
    metric gets there. `interval_s` is how often samples are expected. `severity` stands in for that
    of the level. Without `channels` all are told.
    """

    id: str
    metric: str
    levels: Rule
    kind: RuleKind = RuleKind.THRESHOLD
    title: str = ""
    description: str = ""
    runbook: str = ""
    message: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    for_s: float = 0.0
    keep_firing_for_s: float = 0.0
    window_s: float = 0.0
    reaches: float | None = None
    missing: Missing = Missing.UNKNOWN
    interval_s: float = INTERVAL_S
    severity: Severity | None = None
    cooldown_s: float = COOLDOWN_S
    enabled: bool = True
    channels: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def patience_s(self) -> float:
        """Seconds without a sample after which the data is missing."""
        return self.for_s if self.kind is RuleKind.ABSENCE else MISSED * self.interval_s


def selects(rule: AlertRule, metric: str, labels: Iterable[tuple[str, str]]) -> bool:
    """Whether a series is one of the rule's.

    This machine's metrics are sampled beside the checks that judge them. A rule that names no check
    means the samples, else one fault would be told twice.
    """
    if metric != rule.metric:
        return False
    given = dict(labels)
    if CHECK in given and CHECK not in rule.labels and metric.startswith(MACHINE):
        return False
    return all(
        name in given and fnmatchcase(given[name], glob) for name, glob in rule.labels.items()
    )


# How a condition is read out, of values and of the time that is left.
BEYOND: Mapping[Operator, str] = {
    Operator.GT: "above",
    Operator.GTE: "at or above",
    Operator.LT: "below",
    Operator.LTE: "at or below",
    Operator.EQ: "exactly",
    Operator.NE: "other than",
}
BEYOND_TIME: Mapping[Operator, str] = {
    **BEYOND,
    Operator.GT: "more than",
    Operator.GTE: "at least",
    Operator.LT: "less than",
    Operator.LTE: "at most",
}


def fingerprint(rule_id: str, labels: Iterable[tuple[str, str]]) -> str:
    """The fingerprint of one series under a rule: `rule:disk-high:mount=/`.

    One that is too long for its column ends in a digest of what was cut off.
    """
    pairs = ",".join(f"{name}={value}" for name, value in sorted(labels))
    text = f"rule:{rule_id}:{pairs}" if pairs else f"rule:{rule_id}"
    return bounded(text, LONGEST_FINGERPRINT)


def unit_for(kind: RuleKind, metric: str, reaches: float | None) -> str:
    """The unit of what is judged: that of the metric, the same an hour, or hours."""
    if kind is not RuleKind.RATE:
        return unit_of(metric)
    return "h" if reaches is not None else f"{unit_of(metric)}/h"


def operator_for(reaches: float | None) -> Operator:
    """The operator of a rule that names none: few hours left are bad, large values else."""
    return Operator.GTE if reaches is None else Operator.LT


def condition(rule: AlertRule) -> str:
    """The rule in words: `system.cpu.percent above 70 % (warning), 85 % (critical), for 1 min`."""
    if rule.kind is RuleKind.ABSENCE:
        return f"{rule.metric}: no data for {span(rule.for_s)}"
    levels = ", ".join(
        f"{_level_words(rule, at)} ({name})"
        for name, at in (("warning", rule.levels.warning), ("critical", rule.levels.critical))
        if at is not None
    )
    measured = f" over {span(rule.window_s)}" if rule.kind is RuleKind.RATE else ""
    held = f", for {span(rule.for_s)}" if rule.for_s else ""
    return f"{rule.metric} {_comparison(rule)} {levels}{measured}{held}"


def _comparison(rule: AlertRule) -> str:
    """How the metric is compared: `above`, or when it reaches a value that it moves towards."""
    if rule.reaches is None:
        return BEYOND[rule.levels.operator]
    target = show(rule.reaches, unit_of(rule.metric))
    return f"reaches {target} in {BEYOND_TIME[rule.levels.operator]}"


def _level_words(rule: AlertRule, at: float) -> str:
    if rule.kind is RuleKind.THRESHOLD or rule.reaches is not None:
        return show(at, rule.levels.unit)
    return f"{show(at, unit_of(rule.metric))} per hour"
