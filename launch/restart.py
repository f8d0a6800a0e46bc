"""When a process that ended is started again: exponential back-off, forgotten after a good life."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FIRST_S = 1.0
LONGEST_S = 30.0
GOOD_LIFE_S = 60.0


@dataclass(frozen=True, slots=True)
class Life:
    """One run of a process, from `started` to `ended`, in seconds of a monotonic clock."""

    started: float
    ended: float

    @property
    def is_good(self) -> bool:
        """Whether it lived so long that its end tells nothing of its start."""
        return self.ended - self.started >= GOOD_LIFE_S


def next_restart(history: Sequence[Life], now: float) -> float:
    """The moment for the next start: 1, 2, 4 … 30 s from now, by the short lives in a row."""
    short = 0
    for life in reversed(history):
        if life.is_good:
            break
        short += 1
    # Beyond six doublings the limit holds anyway; a bound keeps the power small.
    return now + min(LONGEST_S, FIRST_S * 2.0 ** min(max(0, short - 1), 6))
