"""How numbers and durations read: `34 %`, `812 ms`, `1.4 GB`, `12 min`. And how `"30s"` is parsed."""

from __future__ import annotations

import math
import re

# Not \\d, which takes the digits of every script.
DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
STEPS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
BYTES = ("B", "kB", "MB", "GB", "TB", "PB")


def seconds(text: str) -> float:
    """Parse `"30s"`, `"1h30m"`, `"500ms"` into seconds. Raises ValueError with the forms allowed."""
    parts = DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f'{text!r} is not a duration: write it like "30s", "5m" or "1h30m"')
    return sum(float(number) * SECONDS[unit] for number, unit in parts)


def span(length_s: float) -> str:
    """A duration in its two largest units at most: `45 s`, `12 min`, `3 h 20 min`, `6 d`."""
    if not math.isfinite(length_s):
        return f"{length_s} s"
    left = max(0.0, length_s)
    for index, (size, name) in enumerate(STEPS):
        if left >= size:
            whole, rest = divmod(left, size)
            if name in ("s", "min") or index + 1 == len(STEPS):
                return f"{int(whole)} {name}"
            lower, lower_name = STEPS[index + 1]
            part = int(rest // lower)
            return f"{int(whole)} {name} {part} {lower_name}" if part else f"{int(whole)} {name}"
    return "0 s"


def show(value: float, unit: str = "") -> str:
    """A value with its unit, with as many digits as help: `34 %`, `0.4 ms`, `1.24 s`, `1.4 GB/h`."""
    if unit.endswith("/h"):
        return f"{show(value, unit.removesuffix('/h'))}/h"
    if unit == "bytes":
        return _bytes(value)
    if unit == "bytes/s":
        return f"{_bytes(value)}/s"
    if unit == "ms" and abs(value) >= 1000:
        return f"{_three(value / 1000)} s"
    if unit == "s":
        return span(value)
    whole = not math.isfinite(value) or abs(value) >= 10 or value == int(value)
    digits = f"{value:.0f}" if whole else f"{value:.2g}"
    return f"{digits} {unit}" if unit else digits


SUFFIXES = (
    ("bytes_per_s", "bytes/s"),
    ("percent", "%"),
    ("_ms", "ms"),
    ("bytes", "bytes"),
    ("days_left", "days"),
    ("celsius", "°C"),
    ("_per_s", ""),
    ("_s", "s"),
)


def unit_of(metric: str) -> str:
    """The unit that a metric's name tells by its ending; empty for a plain number."""
    return next((unit for ending, unit in SUFFIXES if metric.endswith(ending)), "")


def _three(value: float) -> str:
    """Three digits at least, and never an exponent: `999.9` is `1000`, not `1e+03`."""
    return f"{value:.0f}" if abs(value) >= 99.95 else f"{value:.3g}"


def _bytes(value: float) -> str:
    size = float(value)
    for name in BYTES:
        if abs(size) < 1000 or name == BYTES[-1]:
            return f"{_three(size)} {name}" if name != "B" else f"{size:.0f} B"
        size /= 1000
    raise AssertionError("the last unit always returns")
