"""How a bench prints its figures beside their targets, and how it takes times."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Figures:
    """Prints each figure beside its target; remembers those that miss theirs."""

    missed: list[str] = field(default_factory=list)

    def head(self, text: str) -> None:
        print(f"\n== {text}", flush=True)

    def note(self, text: str) -> None:
        print(f"   {text}", flush=True)

    def at_most(self, what: str, value: float, unit: str, target: float) -> None:
        self._show(what, value, unit, "≤", target, value <= target, value / (target or 1))

    def at_least(self, what: str, value: float, unit: str, target: float) -> None:
        self._show(what, value, unit, "≥", target, value >= target, target / max(value, 1e-9))

    def plain(self, what: str, value: float, unit: str) -> None:
        print(f"{what:<66} {_number(value):>11} {unit}", flush=True)

    def _show(
        self, what: str, value: float, unit: str, sign: str, target: float, met: bool, by: float
    ) -> None:
        verdict = "met" if met else f"MISSED by {by:.2f} times"
        wanted = f"{sign} {_number(target)}"
        print(f"{what:<66} {_number(value):>11} {unit:<10} {wanted:<11} {verdict}", flush=True)
        if not met:
            self.missed.append(what)


def median_ms(work: Callable[[], object], runs: int) -> float:
    """The median time of a piece of work, after one run that warms it up."""
    work()
    return statistics.median(times_ms(work, runs))


def times_ms(work: Callable[[], object], runs: int) -> list[float]:
    """How long each run took."""
    gc.collect()
    found = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        found.append((time.perf_counter() - begun) * 1000)
    return found


def side_by_side(
    one: Callable[[], object], other: Callable[[], object], runs: int
) -> tuple[float, float]:
    """The medians (ms) of two pieces of work that take turns, so that noise meets both."""
    one(), other()
    pairs = [(times_ms(one, 1)[0], times_ms(other, 1)[0]) for _ in range(runs)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
