"""What a rule says of a series, in sentences with units: `CPU 93 %, expected ≤ 85 %`."""

from __future__ import annotations

import math
from dataclasses import replace

from domain.alertrules import AlertRule, Labels, Missing, RuleKind
from domain.course import Course, moment_of
from domain.facts import Status
from domain.rules import evaluate, grader
from domain.units import show, span, unit_of

NO_DATA_YET = "no data yet"


def subject(rule: AlertRule, labels: Labels) -> str:
    """The rule's title with the series it is about: `Disk (/home)`."""
    title = rule.title or rule.metric
    values = ", ".join(value for _, value in labels)
    return f"{title} ({values})" if values else title


def sentence(rule: AlertRule, labels: Labels, judged: float | None, firing: Status) -> str:
    """What a sample says, with what was expected of it where that is not met."""
    title = subject(rule, labels)
    if rule.kind is RuleKind.ABSENCE:
        return f"{title}: data comes in"
    if judged is None:
        return f"{title}: not enough data yet to tell where it goes"
    if math.isnan(judged):
        return f"{title} is not a number"
    if rule.reaches is not None:
        target = show(rule.reaches, unit_of(rule.metric))
        if judged == math.inf:
            return f"{title}: it does not move towards {target}"
        title = f"{title}: it reaches {target} in"
    if not grader(rule.levels, firing)(judged):
        return f"{title} {show(judged, rule.levels.unit)}"
    return evaluate(replace(rule.levels, title=title), judged, firing).message


def message(
    rule: AlertRule, labels: Labels, course: Course, said: str, at: int, *, resolved: bool
) -> str:
    """What became of a sample's sentence: pending, firing, clearing, resolved, or no data since."""
    if course.silent and (rule.kind is RuleKind.ABSENCE or rule.missing is not Missing.IGNORE):
        return _silence(rule, labels, course)
    if resolved:
        return f"Resolved: {said}"
    if course.firing is Status.HEALTHY:
        return _counting(said, "for", course.warning_since, rule.for_s, at)
    text = f"{rule.message}: {said}" if rule.message else said
    if course.calm_since is not None or course.eased_since is not None:
        since = course.eased_since if course.calm_since is None else course.calm_since
        return _counting(text, "clear for", since, rule.keep_firing_for_s, at)
    return text


def _silence(rule: AlertRule, labels: Labels, course: Course) -> str:
    who = subject(rule, labels)
    if course.last is None:
        return f"{who}: {NO_DATA_YET}, expected within {span(rule.patience_s)}"
    return f"{who}: no data since {moment_of(course.last):%Y-%m-%d %H:%M:%S} UTC"


def _counting(text: str, words: str, since: int | None, length_s: float, at: int) -> str:
    if since is None or not length_s:
        return text
    return f"{text}, {words} {span((at - since) / 1_000_000)} of {span(length_s)}"
