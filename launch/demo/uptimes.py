"""The uptime of a demo store: by hour and day, made of what befell each check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.facts import Mark
from domain.ladder import DAY as DAY_S
from domain.ladder import HOUR as HOUR_S
from domain.uptime import BY_MARK, COLUMNS
from launch.demo.scenery import HOUR, Episode, Span

Grid = NDArray[np.int32]
HEALTHY, UNMEASURED = COLUMNS.index("healthy"), COLUMNS.index("unmeasured")


def hours(episodes: Sequence[Episode], gaps: Sequence[Span], first: int, last: int) -> Grid:
    """Milliseconds by hour and column from the hour `first` to the one before `last`."""
    grid = np.zeros((last - first, len(COLUMNS)), np.int32)
    grid[:, HEALTHY] = HOUR
    for each in episodes:
        for start, end in _without(each.start, each.end, gaps):
            _move(grid, first, start, end, _column(each))
    for gap in gaps:
        _move(grid, first, gap.start, gap.end, UNMEASURED)
    return grid


def rows(
    grids: Sequence[Grid], ids: Sequence[int], first: int, hours_kept: int
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of the hours (the last `hours_kept`) and days of all checks, a day at a time."""
    stack = np.stack(grids)
    per_day = DAY_S // HOUR_S
    total = stack.shape[1]
    for day in range(first // per_day, -(-(first + total) // per_day)):
        begin, end = max(day * per_day - first, 0), min((day + 1) * per_day - first, total)
        part = stack[:, begin:end]
        found = [
            (HOUR_S, first + hour, key, *times)
            for hour in range(max(begin, total - hours_kept), end)
            for key, times in zip(ids, stack[:, hour].tolist(), strict=True)
        ]
        sums = part.sum(axis=1, dtype=np.int64).tolist()
        yield [*found, *((DAY_S, day, key, *times) for key, times in zip(ids, sums, strict=True))]


def _column(each: Episode) -> int:
    name = each.status.word if each.mark is Mark.NONE else BY_MARK[each.mark]
    return COLUMNS.index(name)


def _without(start: int, end: int, gaps: Sequence[Span]) -> list[tuple[int, int]]:
    """What is left of a time without the gaps in it."""
    found = []
    for gap in gaps:
        if gap.start < end and gap.end > start:
            found.append((start, gap.start))
            start = gap.end
    return [(a, b) for a, b in [*found, (start, end)] if b > a]


def _move(grid: Grid, first: int, start: int, end: int, column: int) -> None:
    """Take the time from `start` to `end` from healthy to another column."""
    for hour in range(max(start // HOUR, first), min(-(-end // HOUR), first + len(grid))):
        taken = min(end, (hour + 1) * HOUR) - max(start, hour * HOUR)
        grid[hour - first, HEALTHY] -= taken
        grid[hour - first, column] += taken
