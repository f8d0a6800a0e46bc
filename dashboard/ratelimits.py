"""How many requests one sender may make: a bucket for each, filled at a steady rate, in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

PER_SECOND = 100.0
AT_ONCE = 600.0
MOST_SENDERS = 10_000


class RateLimits:
    """Buckets by sender. Those of this process alone: what is counted for good stands in the store."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        per_second: float = PER_SECOND,
        at_once: float = AT_ONCE,
    ) -> None:
        self._monotonic = monotonic
        self._per_second = per_second
        self._at_once = at_once
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, sender: str) -> float:
        """Count one request: 0 when it may pass, else the seconds after which one may."""
        now = self._monotonic()
        with self._lock:
            left, at = self._buckets.pop(sender, (self._at_once, now))
            left = min(self._at_once, left + (now - at) * self._per_second)
            passes = left >= 1
            self._buckets[sender] = (left - 1 if passes else left, now)
            # The one that asked longest ago has a full bucket by now, or is one of very many.
            while len(self._buckets) > MOST_SENDERS:
                self._buckets.popitem(last=False)
        return 0.0 if passes else (1 - left) / self._per_second
