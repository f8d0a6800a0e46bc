"""Checks that are told of instead of measuring: pings of jobs, results of others, and silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from domain.facts import Cause, Measurement, Status
from domain.outages import Outage
from monitor.checks import Check, Deadline

Memory = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What a check reads from what it was told. `look_at` is when time alone may change that."""

    measurement: Measurement
    look_at: datetime | None = None


class Fed(Check, frozen=True, kw_only=True):
    """A check that measures nothing: the cycle hands it what it remembers, and what arrives.

    It is weighed at each arrival, at its interval, and at the moment that `Weighed` names. What it
    remembers is a document of its own that is stored with the state.
    """

    # The kind of arrivals in the inbox that are for it.
    hears: ClassVar[str]

    async def run(self, deadline: Deadline) -> Measurement:
        """Unknown: tried by itself, before it is saved, it has been told nothing."""
        return Measurement(
            status=Status.UNKNOWN,
            cause=Cause.NOT_MEASURABLE,
            message="It waits for what it is told, and measures nothing by itself",
        )

    def hear(self, memory: Memory, body: bytes) -> Memory:
        """What it remembers after an arrival with this body."""
        raise NotImplementedError(f"check kind {type(self).__name__} has no hear()")

    def miss(self, memory: Memory, outage: Outage) -> Memory:
        """What it remembers after a stretch in which nothing could be received."""
        raise NotImplementedError(f"check kind {type(self).__name__} has no miss()")

    def begin(self, memory: Memory, now: datetime) -> Memory:
        """What it remembers at its first look, where `memory` is empty: since when it waits."""
        raise NotImplementedError(f"check kind {type(self).__name__} has no begin()")

    def weigh(self, memory: Memory, now: datetime, receiving: datetime | None) -> Weighed:
        """What that amounts to now; `receiving` is the last sign that something can arrive."""
        raise NotImplementedError(f"check kind {type(self).__name__} has no weigh()")
