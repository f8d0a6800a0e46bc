"""What Redis says of itself (`INFO`), as text, numbers and rates over the time between two runs.

Source: https://redis.io/docs/latest/commands/info/. Fields come and go with versions and forks, so
each may be missing.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

# Of this many lookups a share says something; fewer are added up over several runs.
MIN_LOOKUPS = 100.0
# Retries follow in no time, and what they count is mostly themselves; in seconds.
MIN_WINDOW_S = 1.0
# A share this old, in seconds, says nothing of now any more.
OLDEST_SHARE_S = 900.0
REMEMBERED = 1000
COUNTERS = (
    "total_commands_processed",
    "evicted_keys",
    "expired_keys",
    "rejected_connections",
    "total_net_input_bytes",
    "total_net_output_bytes",
    "keyspace_hits",
    "keyspace_misses",
)


class Info:
    """The fields of an INFO answer."""

    def __init__(self, text: str) -> None:
        lines = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
        self._fields = {name: value for name, colon, value in lines if colon}

    def __bool__(self) -> bool:
        """Whether the server said anything."""
        return bool(self._fields)

    def text(self, name: str) -> str:
        """A field as it stands there, empty when it is missing."""
        return self._fields.get(name, "")

    def number(self, name: str) -> float | None:
        """A field as a number; None when it is missing or none."""
        return _number(self.text(name))

    def counters(self) -> dict[str, float]:
        """The counters since the server's start that are there."""
        found = {name: self.number(name) for name in COUNTERS}
        return {name: value for name, value in found.items() if value is not None}

    def parts(self, name: str) -> dict[str, str]:
        """A field that holds several: `keys=1,expires=0`."""
        pairs = (part.partition("=") for part in self.text(name).split(","))
        return {key: value for key, equals, value in pairs if equals}

    def keys(self, database: int | None) -> float | None:
        """Keys in one database, or in all; None for a server without any (a sentinel)."""
        if self.text("redis_mode") == "sentinel" or not self._fields:
            return None
        names = [f"db{database}"] if database is not None else self._numbered("db")
        return sum(_number(self.parts(name).get("keys", "")) or 0.0 for name in names)

    def replicas(self) -> Iterator[Replica]:
        """The replicas of a master."""
        for name in self._numbered("slave"):
            parts = self.parts(name)
            yield Replica(
                online=parts.get("state") == "online",
                offset=_number(parts.get("offset", "")),
                lag_s=_number(parts.get("lag", "")),
            )

    def lag_s(self) -> float | None:
        """Seconds since this replica heard of its master, or this master of its slowest replica."""
        lags = [each.lag_s for each in self.replicas() if each.online and each.lag_s is not None]
        lag_s = max(lags, default=self.number("master_last_io_seconds_ago"))
        # Redis says -1 while the link is down.
        return lag_s if lag_s is not None and lag_s >= 0 else None

    def lag_bytes(self) -> float | None:
        """How far the slowest replica of this master is behind."""
        sent = self.number("master_repl_offset")
        offsets = [
            each.offset for each in self.replicas() if each.online and each.offset is not None
        ]
        return max(0.0, sent - min(offsets)) if offsets and sent is not None else None

    def _numbered(self, prefix: str) -> list[str]:
        return [
            name
            for name in self._fields
            if name.startswith(prefix) and name.removeprefix(prefix).isdecimal()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A replica as its master sees it: bytes received, seconds since it was heard of."""

    online: bool
    offset: float | None
    lag_s: float | None


@dataclass(slots=True)
class _Past:
    """What a run leaves for the next of the same check."""

    run_id: str
    at: float
    counters: Mapping[str, float]
    lookups_from: Mapping[str, float]
    share_at: float
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How far the counters moved in `seconds`; by nothing known at the first run and after a restart.

    `hit_percent` is the share of the last MIN_LOOKUPS or more lookups that found a key: since the
    run at which the share was told before, or since the server's start at the first run.
    """

    seconds: float
    moved: Mapping[str, float]
    hit_percent: float | None

    def per_second(self, name: str) -> float | None:
        """The rate of a counter, None when it is not known yet."""
        return self.moved[name] / self.seconds if name in self.moved and self.seconds else None


class History:
    """Remembers the last reading of each check, as checks themselves are frozen."""

    def __init__(self) -> None:
        self._past: OrderedDict[Hashable, _Past] = OrderedDict()

    def change(self, check: Hashable, info: Info, now: float) -> Change:
        """Compare with the check's run before. `now` is in seconds of any steady clock."""
        after, run_id = info.counters(), info.text("run_id")
        past = self._past.pop(check, None)
        # Counters that fell were reset: CONFIG RESETSTAT, or a restart of a fork without a run_id.
        same = past is not None and past.run_id == run_id and not _fell(past.counters, after)
        if past is None or not same:
            past = _Past(run_id, now, {}, {}, share_at=now)
        self._tell_share(past, after, now)
        seconds, moved = now - past.at, dict[str, float]()
        if seconds >= MIN_WINDOW_S or not past.counters:
            before, past.at, past.counters = past.counters, now, after
            moved = {name: after[name] - before[name] for name in after if name in before}
        change = Change(seconds=seconds, moved=moved, hit_percent=past.share)
        self._past[check] = past
        if len(self._past) > REMEMBERED:
            self._past.popitem(last=False)
        return change

    def _tell_share(self, past: _Past, after: Mapping[str, float], now: float) -> None:
        hits, misses = (
            after.get(name, 0.0) - past.lookups_from.get(name, 0.0)
            for name in ("keyspace_hits", "keyspace_misses")
        )
        if hits + misses >= MIN_LOOKUPS:
            past.share = round(100 * hits / (hits + misses), 2)
            past.share_at, past.lookups_from = now, after
        elif now - past.share_at > OLDEST_SHARE_S:
            past.share, past.share_at, past.lookups_from = None, now, after


def _fell(before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    return any(after.get(name, 0.0) < value for name, value in before.items())


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
