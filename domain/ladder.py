"""The ladder of roll-ups: how long samples are kept at which resolution, and which one a chart needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

SAMPLES = 0
TEN_MINUTES = 600
HOUR = 3_600
DAY = 86_400
# Reading so many samples and thinning them out takes about as long as a screen may wait.
MOST_SAMPLES = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One resolution: a point every `step_s` seconds (0: the samples themselves), kept for `days`."""

    step_s: int
    days: int


def ladder(raw_days: int, aggregate_days: int) -> tuple[Level, ...]:
    """The levels, finest first, for samples kept `raw_days` and aggregates kept `aggregate_days`.

    By default 30 days of samples, 90 of ten minutes, 365 of hours, and five years of days.
    """
    return (
        Level(step_s=SAMPLES, days=raw_days),
        Level(step_s=TEN_MINUTES, days=max(raw_days, min(3 * raw_days, aggregate_days))),
        Level(step_s=HOUR, days=max(raw_days, aggregate_days)),
        Level(step_s=DAY, days=max(raw_days, 5 * aggregate_days)),
    )


def choose(
    levels: Sequence[Level], start: datetime, end: datetime, now: datetime, samples_per_day: float
) -> Level:
    """The finest level that still holds `start` and is not too much to read for one chart.

    The last resort is the coarsest level: it is kept longest.
    """
    span = max(end - start, timedelta(seconds=1))
    for level in levels:
        # The oldest window may be half gone: a little beyond its days still counts as held.
        if now - start > timedelta(days=level.days, hours=1):
            continue
        per_day = DAY / level.step_s if level.step_s else samples_per_day
        if span / timedelta(days=1) * per_day <= MOST_SAMPLES:
            return level
    return levels[-1]
