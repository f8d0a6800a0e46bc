"""Rates of growing counters between two readings of them, with restarts of what counts taken into account."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

# Checks that are changed leave their old reading behind: the oldest goes when there are more.
KEYS = 1000

S = TypeVar("S", bound=Hashable)


def increases(before: Mapping[S, float], after: Mapping[S, float]) -> dict[S, float]:
    """How far each counter moved; one that is new has no increase yet.

    A counter that fell was begun anew at 0, as Prometheus' `increase()` takes it.
    """
    return {
        name: value - before[name] if value >= before[name] else value
        for name, value in after.items()
        if name in before
    }


class Counting:
    """Remembers the last reading of each key. The clock is an argument, in seconds of any origin."""

    def __init__(self) -> None:
        self._last: dict[Hashable, tuple[float, Mapping[Any, float]]] = {}

    def increases(
        self, key: Hashable, at: float, values: Mapping[S, float]
    ) -> tuple[dict[S, float], float]:
        """How far the key's counters moved since its last reading, and in how many seconds.

        Nothing at the first reading, and when no time has passed.
        """
        then, before = self._last.pop(key, (at, {}))
        self._last[key] = (at, dict(values))
        if len(self._last) > KEYS:
            del self._last[next(iter(self._last))]
        known = {name: before[name] for name in values if name in before}
        return (increases(known, values), at - then) if at > then else ({}, 0.0)

    def rates(self, key: Hashable, at: float, values: Mapping[S, float]) -> dict[S, float]:
        """The key's counters per second since its last reading."""
        moved, seconds = self.increases(key, at, values)
        return {name: value / seconds for name, value in moved.items()}
