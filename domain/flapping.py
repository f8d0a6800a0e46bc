"""Flapping, by the Nagios rule: how often the last 21 scheduled results changed, newest weighted most.

https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/flapping.html
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from domain.facts import Status

HISTORY = 21
STARTS_PERCENT = 30.0
STOPS_PERCENT = 20.0
WEIGHT_OLDEST = 0.75
WEIGHT_NEWEST = 1.25


def percent(history: Sequence[Status]) -> float:
    """Weighted state changes in per cent of the 20 possible; a shorter history counts as steady before."""
    changes = HISTORY - 1
    step = (WEIGHT_NEWEST - WEIGHT_OLDEST) / (changes - 1)
    pairs = list(itertools.pairwise(history))[-changes:]
    first = changes - len(pairs)
    weights = (
        WEIGHT_OLDEST + step * (first + index)
        for index, (before, after) in enumerate(pairs)
        if before != after
    )
    return sum(weights) / changes * 100


def flaps(history: Sequence[Status], flapping: bool) -> bool:
    """Whether the check flaps now: starts at 30 %, stops at 20 %."""
    if not history or history.count(history[0]) == len(history):
        return False
    if flapping:
        return percent(history) > STOPS_PERCENT
    return percent(history) >= STARTS_PERCENT
