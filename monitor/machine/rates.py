"""Rates: how far growing counters of the kernel moved between two readings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass

FIRST_WINDOW_S = 0.2
LONGEST_WINDOW_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How far counters moved over `seconds`. A counter that was reset counts as not moved."""

    seconds: float
    moved: Mapping[str, float]

    def per_second(self, name: str) -> float:
        """The rate of one counter, 0 when it is new."""
        return self.moved.get(name, 0.0) / self.seconds

    def share(self, part: str, whole: str) -> float:
        """Percent that one counter moved of what another did, 0 when that did not move."""
        return percent(self.moved.get(part, 0.0), self.moved.get(whole, 0.0))


class Counters:
    """Remembers the last reading of growing counters per key, and says how far they moved since.

    The first reading of a key, and one after a long pause, is measured over a short sleep.
    """

    def __init__(self) -> None:
        self._last: dict[Hashable, tuple[float, Mapping[str, float]]] = {}

    async def change(
        self, key: Hashable, read: Callable[[], Awaitable[Mapping[str, float]]]
    ) -> Change:
        """Read the counters now and compare with the key's previous reading."""
        then, before = self._last.get(key, (0.0, {}))
        now, after = time.monotonic(), await read()
        if not before or now - then > LONGEST_WINDOW_S:
            then, before = now, after
        if now - then < FIRST_WINDOW_S:
            await asyncio.sleep(FIRST_WINDOW_S - (now - then))
            now, after = time.monotonic(), await read()
        self._last[key] = (now, after)
        moved = {name: max(0.0, after[name] - before[name]) for name in after if name in before}
        return Change(seconds=now - then, moved=moved)


def percent(part: float, whole: float) -> float:
    """The share of `part` in `whole` in percent with one digit: 0 of nothing, 100 at most."""
    return round(min(100.0, 100.0 * part / whole), 1) if whole > 0 else 0.0
