"""What an API costs: per key and model, of the day in UTC and altogether."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date


@dataclass(slots=True)
class Purse:
    """What was spent, in USD. A new process fills it from what was stored last: `take_up`."""

    total: float = 0.0
    today: float = 0.0
    day: date | None = None

    def pay(self, usd: float, day: date) -> None:
        """Count the cost of one call."""
        self.today = self.spent(day) + usd
        self.total, self.day = self.total + usd, day

    def take_up(self, total: float, today: float, day: date) -> None:
        """Go on from what was counted before, on that day. What is counted already is no less.

        Checks that share a purse each remember it as it was at their own last run.
        """
        self.total = max(self.total, total)
        if self.day is None or day > self.day:
            self.today, self.day = today, day
        elif day == self.day:
            self.today = max(self.today, today)

    def spent(self, day: date) -> float:
        """What was spent on this day."""
        return self.today if self.day == day else 0.0


_purses: dict[tuple[str, str, bytes], Purse] = {}


def purse_of(base_url: str, model: str, api_key: str | None) -> Purse:
    """The purse of a key and model. It is not a check's, whose other fields may change meanwhile."""
    key = hashlib.sha256((api_key or "").encode()).digest()
    return _purses.setdefault((base_url, model, key), Purse())
