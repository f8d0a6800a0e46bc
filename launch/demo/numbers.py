"""The numbers of a demo series: samples of the last weeks, and roll-ups of all that lies before.

numpy is imported with this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.ladder import DAY as DAY_S
from domain.ladder import HOUR as HOUR_S
from domain.ladder import TEN_MINUTES
from launch.demo.scenery import DAY, Course, Episode, Span
from storage.chunks import Times, Values, encode
from storage.series import BUCKET_MS, WINDOW_MS

# When the day is busiest (UTC), and how deep the week-end is beside it.
PEAK_MS = 14 * 3_600_000
# 1970 began on a Thursday.
FIRST_MONDAY = 4
SPIKES = 0.002

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rolled:
    """Roll-ups of one step as columns, oldest first."""

    bucket: Times
    count: Times
    low: Values
    high: Values
    sum: Values
    last: Values

    def rows(self, step_s: int, series_id: int, first: int = 0) -> list[tuple[Any, ...]]:
        """The rows from the bucket `first` on, as the table of roll-ups has them."""
        begin = int(np.searchsorted(self.bucket, first))
        columns = (self.bucket, self.count, self.low, self.high, self.sum, self.last)
        return [
            (step_s, series_id, *row)
            for row in zip(*(column[begin:].tolist() for column in columns), strict=True)
        ]

    def coarser(self, times: int) -> Rolled:
        """The roll-ups of a step that is so many times as long."""
        if not len(self.bucket):
            return self
        buckets = self.bucket // times
        starts = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
        ends = np.append(starts[1:], len(buckets)) - 1
        return Rolled(
            buckets[starts],
            np.add.reduceat(self.count, starts),
            np.minimum.reduceat(self.low, starts),
            np.maximum.reduceat(self.high, starts),
            np.add.reduceat(self.sum, starts),
            self.last[ends],
        )


STEPS = ((TEN_MINUTES, 1), (HOUR_S, HOUR_S // TEN_MINUTES), (DAY_S, DAY_S // TEN_MINUTES))


def measured(
    course: Course,
    at: Times,
    episodes: Sequence[Episode],
    gaps: Sequence[Span],
    draw: np.random.Generator,
) -> tuple[Times, Values]:
    """The samples of a series at the times `at`, without those that nobody measured."""
    values = _usual(course, at) * np.exp(draw.normal(0, course.noise, len(at)))
    if course.noise > 0.1:
        # What is timed now and then takes much longer, for once.
        values = np.where(draw.random(len(at)) < SPIKES, values * draw.uniform(2, 5), values)
    values, kept = _troubled(values, at, episodes, gaps)
    return at[kept], _rounded(course, values[kept])


def remembered(
    course: Course,
    first: int,
    last: int,
    every_ms: int,
    episodes: Sequence[Episode],
    gaps: Sequence[Span],
    draw: np.random.Generator,
) -> Rolled:
    """Roll-ups of ten minutes from the bucket `first` to the one before `last`.

    They look like those of samples every `every_ms` that were measured and are gone.
    """
    bucket = np.arange(first, last, dtype=np.int64)
    count = BUCKET_MS // every_ms
    at = bucket * BUCKET_MS + BUCKET_MS // 2
    usual = _usual(course, at)
    mean = usual * np.exp(draw.normal(0, course.noise / count**0.5, len(at)))
    spread = course.noise * draw.uniform(1.4, 2.6, len(at))
    mean, kept = _troubled(mean, at, episodes, gaps)
    mean, spread, bucket = mean[kept], spread[kept], bucket[kept]
    low, high = _rounded(course, mean * np.exp(-spread)), _rounded(course, mean * np.exp(spread))
    nearly = mean * np.exp(draw.normal(0, course.noise, len(mean)))
    final = np.clip(_rounded(course, nearly), low, high)
    sums = (np.clip(mean, low, high) * count).round(course.digits)
    return Rolled(bucket, np.full(len(bucket), count, np.int64), low, high, sums, final)


def rolled(at: Times, values: Values) -> Rolled:
    """The roll-ups of ten minutes of samples."""
    if not len(at):
        return Rolled(at, at, values, values, values, values)
    ones = np.ones(len(at), np.int64)
    return Rolled(at // BUCKET_MS, ones, values, values, values, values).coarser(1)


def joined(one: Rolled, other: Rolled) -> Rolled:
    """Roll-ups and those that follow them."""
    names = ("bucket", "count", "low", "high", "sum", "last")
    return Rolled(*(np.concatenate([getattr(one, n), getattr(other, n)]) for n in names))


def sealed(at: Times, values: Values, series_id: int) -> list[tuple[Any, ...]]:
    """The rows of the chunks of these samples, by window."""
    windows = at // WINDOW_MS
    starts = np.flatnonzero(np.diff(windows, prepend=-1)).tolist()
    return [
        (series_id, int(windows[a]), b - a, encode(at[a:b], values[a:b]))
        for a, b in zip(starts, [*starts[1:], len(at)], strict=True)
    ]


def is_in(at: Times, spans: Sequence[Span | Episode]) -> Flags:
    """Which of these times lie in one of the spans."""
    found = np.zeros(len(at), bool)
    for each in spans:
        first, last = np.searchsorted(at, [each.start, each.end])
        found[first:last] = True
    return found


def _usual(course: Course, at: Times) -> Values:
    """What the series usually is: its day, its week, and a slow drift over the months."""
    day = np.cos(2 * np.pi * (at % DAY - PEAK_MS) / DAY)
    weekend = (at // DAY - FIRST_MONDAY) % 7 >= 5
    drift = 0.04 * np.sin(2 * np.pi * at / (83 * DAY)) + 0.03 * np.sin(2 * np.pi * at / (19 * DAY))
    swing = 1 + course.daily * day * np.where(weekend, 0.5, 1.0) - course.weekly * weekend
    found: Values = course.level * (swing + drift)
    return found


def _troubled(
    values: Values, at: Times, episodes: Sequence[Episode], gaps: Sequence[Span]
) -> tuple[Values, Flags]:
    """The values as episodes change them, and which of them were measured at all."""
    unmeasured = [each for each in episodes if each.factor is None and not _is_window(each)]
    for each in episodes:
        if each.factor is not None:
            first, last = np.searchsorted(at, [each.start, each.end])
            values[first:last] *= each.factor
    return values, ~(is_in(at, gaps) | is_in(at, unmeasured))


def _is_window(each: Episode) -> bool:
    return each.status == 0


def _rounded(course: Course, values: Values) -> Values:
    found: Values = np.clip(values, 0.0, course.limit).round(course.digits)
    return found
