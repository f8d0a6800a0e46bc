"""From samples to the value that a rule judges: the sample itself, or its rate over a window.

A kind to come (a baseline, a forecast, an error budget) adds one function to `JUDGED`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from domain.alertrules import AlertRule, RuleKind

Point = tuple[int, float]
Points = tuple[Point, ...]

# More points than these make a line no better, and every one of them is stored with the state.
POINTS = 60
# A line through less than this share of the window says little, and a wrong page much.
ENOUGH = 0.5
HOUR_US = 3_600_000_000
SECOND_US = 1_000_000


def judged(rule: AlertRule, points: Points, at: int, value: float) -> float | None:
    """What the rule judges when `value` comes at `at` (microseconds); None: it can't be told yet."""
    return JUDGED[rule.kind](rule, points, at, value)


def kept(rule: AlertRule, points: Points, at: int, value: float) -> Points:
    """The points of the window with a new sample; none for rules that look at single values."""
    if rule.kind is not RuleKind.RATE:
        return ()
    window = rule.window_s * SECOND_US
    inside = _inside(points, at - window)
    if not math.isfinite(value) or (inside and at - inside[-1][0] < window / POINTS):
        return inside
    return (*inside, (at, value))


def _itself(rule: AlertRule, points: Points, at: int, value: float) -> float | None:
    return value


def _rate(rule: AlertRule, points: Points, at: int, value: float) -> float | None:
    """Units an hour by the line through the window, or the hours until it `reaches` its value."""
    if not math.isfinite(value):
        return math.nan
    window = rule.window_s * SECOND_US
    inside = _inside(points, at - window)
    if not inside or at - inside[0][0] < ENOUGH * window:
        return None
    slope = slope_of((*inside, (at, value)))
    return slope if rule.reaches is None else hours_to(rule.reaches, inside[0][1], value, slope)


def slope_of(points: Points) -> float:
    """Units an hour of the line that lies closest to the points (least squares)."""
    start, first = points[0]
    hours = values = squares = products = 0.0
    for at, value in points:
        hour, rise = (at - start) / HOUR_US, value - first
        hours += hour
        values += rise
        squares += hour * hour
        products += hour * rise
    count = len(points)
    spread = count * squares - hours * hours
    return (count * products - hours * values) / spread if spread > 0 else 0.0


def hours_to(target: float, first: float, value: float, slope: float) -> float:
    """Hours until a value that moves by `slope` an hour reaches the target; inf when it moves away.

    One that went past the target within the window (from `first`) has reached it.
    """
    left = target - value
    if left == 0 or (target - first) * left < 0:
        return 0.0
    hours = left / slope if slope else math.inf
    return hours if hours >= 0 else math.inf


def _inside(points: Points, start: float) -> Points:
    """The points that are not older than `start`."""
    first = next((index for index, point in enumerate(points) if point[0] >= start), len(points))
    return points[first:] if first else points


JUDGED: Mapping[RuleKind, Callable[[AlertRule, Points, int, float], float | None]] = {
    RuleKind.THRESHOLD: _itself,
    RuleKind.ABSENCE: _itself,
    RuleKind.RATE: _rate,
}
