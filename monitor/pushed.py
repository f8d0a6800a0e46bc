"""Takes in pushed metrics: they become series, and alert rules see them as any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from domain.facts import Sample
from domain.pushing import unpacked
from monitor.inbox import Meaning
from storage.inbox import Arrival
from storage.rule_rows import Ruled

KIND = "samples"


class TakeSamples:
    """The inbox's handler for pushed samples. `observe` lets the rules in force see them."""

    def __init__(self, observe: Callable[[Iterable[Sample]], Sequence[Ruled]]) -> None:
        self._observe = observe

    def __call__(self, arrival: Arrival) -> Meaning:
        """What was pushed; the rules see each series in the order of its times."""
        samples = unpacked(arrival.body)
        in_order = sorted(samples, key=lambda sample: sample.at)
        return Meaning(entries=tuple(self._observe(in_order)), samples=samples)
