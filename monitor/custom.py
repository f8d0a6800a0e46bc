"""What a check of your own returns. For authors: this file needs nothing but Python.

    from monitor.custom import Result, critical, healthy

    def queue(folder: str, most: int = 100) -> Result:
        waiting = len(os.listdir(folder))
        if waiting > most:
            return critical(f"{waiting} files wait, expected at most {most}", waiting=waiting)
        return healthy(f"{waiting} files wait", waiting=waiting)

How it is found, configured and run stands in docs/checks.md, under `custom`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Status(Enum):
    """The statuses from best to worst. UNKNOWN means that it could not be measured."""

    HEALTHY = "healthy"
    WARNING = "warning"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Result:
    """What one run found: a status, one short sentence for people, and numbers.

    Each number is kept as a series `custom.<name>`; the end of its name gives the unit (`_ms`,
    `_s`, `_bytes`, `_percent`). `details` are shown beside the message and not kept as series.
    """

    status: Status
    message: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, str | float | bool] = field(default_factory=dict)


def healthy(message: str = "", **metrics: float) -> Result:
    """All is well."""
    return Result(Status.HEALTHY, message, metrics)


def warning(message: str, **metrics: float) -> Result:
    """It works, and somebody should look at it."""
    return Result(Status.WARNING, message, metrics)


def degraded(message: str, **metrics: float) -> Result:
    """It works in part, or slowly."""
    return Result(Status.DEGRADED, message, metrics)


def critical(message: str, **metrics: float) -> Result:
    """It does not work."""
    return Result(Status.CRITICAL, message, metrics)


def unknown(message: str, **metrics: float) -> Result:
    """It could not be measured: that says nothing about what is watched."""
    return Result(Status.UNKNOWN, message, metrics)
