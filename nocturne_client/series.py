"""What is measured for one set of labels: a count, a level, sizes by bound, or quantiles."""

from __future__ import annotations

import functools
import math
import threading
import time
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

WINDOW_S = 600.0
KEPT = 1_000

F = TypeVar("F", bound=Callable[..., Any])
# What a series is written as: an ending of the name, labels beside its own, the number.
Line = tuple[str, tuple[tuple[str, str], ...], float]


class Series(ABC):
    """What one instrument measures for one set of labels."""

    __slots__ = ()

    @abstractmethod
    def lines(self) -> Iterator[Line]:
        """What it is written as."""


class CounterSeries(Series):
    """One count that only rises."""

    __slots__ = ("_lock", "_value")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value = 0.0

    def inc(self, amount: float = 1.0) -> None:
        """Count `amount` more. What is negative or not a number is ignored."""
        if 0 <= amount < math.inf:
            with self._lock:
                self._value += amount

    @property
    def value(self) -> float:
        """The count since the start of the process."""
        return self._value

    def lines(self) -> Iterator[Line]:
        """The count."""
        yield "", (), self._value


class GaugeSeries(Series):
    """One level, which may rise and fall."""

    __slots__ = ("_function", "_lock", "_value")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value = 0.0
        self._function: Callable[[], float] | None = None

    def set(self, value: float) -> None:
        """It is `value` now."""
        self._value = float(value)

    def inc(self, amount: float = 1.0) -> None:
        """It is `amount` more."""
        with self._lock:
            self._value += amount

    def dec(self, amount: float = 1.0) -> None:
        """It is `amount` less."""
        self.inc(-amount)

    def set_function(self, function: Callable[[], float]) -> None:
        """Ask `function` for the level whenever it is read; when it fails there is none."""
        self._function = function

    @property
    def value(self) -> float:
        """The level now; not a number when its function failed."""
        if self._function is None:
            return self._value
        try:
            return float(self._function())
        except Exception:
            # Code of the application: its mistake is a gap, and no reason to tell nothing at all.
            return math.nan

    def lines(self) -> Iterator[Line]:
        """The level, if there is one."""
        value = self.value
        if not math.isnan(value):
            yield "", (), value

    def __enter__(self) -> GaugeSeries:
        self.inc()
        return self

    def __exit__(self, *_: object) -> None:
        self.dec()


class _Timed(Series):
    """What durations are measured with."""

    __slots__ = ()

    @abstractmethod
    def observe(self, value: float) -> None:
        """Take one measurement."""

    def time(self) -> Timer:
        """A context manager, or decorator of a function, that measures seconds."""
        return Timer(self)


class Timer:
    """Measures how long its block takes, in seconds."""

    def __init__(self, series: _Timed) -> None:
        self._series = series
        self._begun = 0.0

    def __enter__(self) -> Timer:
        self._begun = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self._series.observe(time.perf_counter() - self._begun)

    def __call__(self, function: F) -> F:
        """`function`, each call of which is measured."""

        @functools.wraps(function)
        def timed(*args: Any, **named: Any) -> Any:
            # Anew for each call: several may run at once.
            with Timer(self._series):
                return function(*args, **named)

        return timed  # type: ignore[return-value]  # wraps() keeps the signature, not the type


class HistogramSeries(_Timed):
    """Counts of measurements by upper bound, with their sum."""

    __slots__ = ("_bounds", "_counts", "_lock", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._lock = threading.Lock()
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one measurement. What is not a finite number is ignored."""
        if not -math.inf < value < math.inf:
            return
        place = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[place] += 1
            self._sum += value

    def lines(self) -> Iterator[Line]:
        """The counts up to each bound, their sum and number."""
        with self._lock:
            counts, total = list(self._counts), self._sum
        reached = 0
        for place, count in enumerate(counts):
            reached += count
            bound = self._bounds[place] if place < len(self._bounds) else math.inf
            yield "_bucket", (("le", number(bound)),), float(reached)
        yield "_sum", (), total
        yield "_count", (), float(reached)


class SummarySeries(_Timed):
    """Quantiles of the last ten minutes, and number and sum since the start."""

    __slots__ = ("_count", "_lock", "_quantiles", "_recent", "_sum")

    def __init__(self, quantiles: tuple[float, ...]) -> None:
        self._quantiles = quantiles
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._count = 0
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Take one measurement. What is not a finite number is ignored."""
        if not -math.inf < value < math.inf:
            return
        with self._lock:
            self._recent.append((time.monotonic(), value))
            self._count += 1
            self._sum += value

    def lines(self) -> Iterator[Line]:
        """The quantiles as far as anything was measured lately, the sum and the number."""
        oldest = time.monotonic() - WINDOW_S
        with self._lock:
            recent = sorted(value for at, value in self._recent if at >= oldest)
            count, total = self._count, self._sum
        for quantile in self._quantiles if recent else ():
            # The nearest rank: a value that was measured, never one between two.
            rank = max(0, math.ceil(quantile * len(recent)) - 1)
            yield "", (("quantile", number(quantile)),), recent[rank]
        yield "_sum", (), total
        yield "_count", (), float(count)


def number(value: float) -> str:
    """A number as Prometheus' text format has it: `0.25`, `3`, `+Inf`."""
    if value == math.inf:
        return "+Inf"
    if value == -math.inf:
        return "-Inf"
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
