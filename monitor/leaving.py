"""What is gone from the configuration is not given up at once: it may be back within minutes.

Its incident stays open for that long, unless it was deleted by hand. Else a file that lacked some
tables for a moment would have every outage behind them told as over, and then told anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

STAYS = timedelta(minutes=5)


class Leaving:
    """Since when which fingerprints are gone. Belongs to the loop's thread."""

    def __init__(self) -> None:
        self._checks: frozenset[str] = frozenset()
        self._gone: dict[str, datetime] = {}

    def look(self, checks: frozenset[str], now: datetime) -> None:
        """Note which of the checks of the last look are gone by now, by their fingerprints."""
        self.miss(self._checks - checks, now)
        self._checks = checks

    def follow(self, checks: frozenset[str]) -> None:
        """Take these for all there are: what was deleted by hand is given up at once."""
        self._checks = checks

    def miss(self, fingerprints: Iterable[str], now: datetime) -> None:
        """Note that these are gone."""
        for each in fingerprints:
            self._gone.setdefault(each, now)

    def held(self, watched: frozenset[str]) -> frozenset[str]:
        """Those that are gone and not given up yet; who is `watched` is back."""
        for each in watched & self._gone.keys():
            del self._gone[each]
        return frozenset(self._gone)

    def give_up(self, now: datetime) -> bool:
        """Give up those that have been gone for too long; whether there was any."""
        over = [each for each, since in self._gone.items() if now - since >= STAYS]
        for each in over:
            del self._gone[each]
        return bool(over)
