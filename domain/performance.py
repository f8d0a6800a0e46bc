"""The performance score: how quickly the web answers, how often it fails, how full the machine is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

# Points at the warning level, and at the critical one; at twice the critical level none are left.
AT_WARNING = 80.0
AT_CRITICAL = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """From where on something counts as slow, failing or full, in its own unit."""

    warning: float
    critical: float


RESPONSE_MS = Levels(warning=500, critical=1000)
ERROR_PERCENT = Levels(warning=5, critical=10)
RESOURCES = {
    "cpu": Levels(warning=70, critical=85),
    "memory": Levels(warning=80, critical=95),
    "disk": Levels(warning=80, critical=90),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """0 to 100 each, None when nothing is known; `value` is the mean of what is known."""

    value: float | None
    response: float | None
    errors: float | None
    resources: float | None


def performance(
    *, response_ms: float | None, error_percent: float | None, used: dict[str, float]
) -> Performance:
    """The score. `used` holds per cent by resource (cpu, memory, disk); the fullest one speaks."""
    response = None if response_ms is None else points(response_ms, RESPONSE_MS)
    errors = None if error_percent is None else points(error_percent, ERROR_PERCENT)
    full = [points(used[name], levels) for name, levels in RESOURCES.items() if name in used]
    resources = min(full, default=None)
    known = [each for each in (response, errors, resources) if each is not None]
    value = sum(known) / len(known) if known else None
    return Performance(value=value, response=response, errors=errors, resources=resources)


def points(value: float, levels: Levels) -> float:
    """100 for nothing, 80 at the warning level, 40 at the critical one, 0 at twice that."""
    steps = (
        (0.0, 100.0),
        (levels.warning, AT_WARNING),
        (levels.critical, AT_CRITICAL),
        (2 * levels.critical, 0.0),
    )
    for (low, best), (high, worst) in pairwise(steps):
        if value <= high:
            return best - (best - worst) * (max(value, low) - low) / (high - low)
    return 0.0
