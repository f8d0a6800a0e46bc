"""The four instruments. Each is thread-safe; measuring never raises, whatever the number is.

`Counter` only rises, `Gauge` is a level, `Histogram` counts by size, `Summary` tells quantiles of the
last minutes. With labels, `labels(...)` gives the one series to measure with; keep it in a variable
where every nanosecond counts.
"""

from __future__ import annotations

import functools
import math
import threading
import time
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from nocturne_client.names import checked_labels, checked_name

# Seconds, as Prometheus' own clients have them.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
QUANTILES = (0.5, 0.9, 0.99)
# A label with a user's or a request's number in it must not fill the memory of the application.
MOST_SERIES = 1_000
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


S = TypeVar("S", bound=Series)


class Instrument(Generic[S]):
    """A metric with its series by the values of its labels. `make` makes a series.

    Beyond `MOST_SERIES` label sets further ones are measured into nothing; `left_out` says how often
    such a one was asked for.
    """

    kind = ""

    def __init__(
        self, name: str, about: str, label_names: Sequence[str], make: Callable[[], S]
    ) -> None:
        self.name = checked_name(name)
        self.about = about
        self.label_names = checked_labels(label_names)
        self.left_out = 0
        self._make = make
        self._lock = threading.Lock()
        self._series: dict[tuple[str, ...], S] = {}
        self._nowhere = make()
        if not self.label_names:
            self._series[()] = make()

    def labels(self, *values: object, **named: object) -> S:
        """The series of these values: in the order of the labels' names, or by name.

        Raises ValueError when they are not those of the instrument.
        """
        if named:
            if values or named.keys() != set(self.label_names):
                raise ValueError(f"{self.name} has the labels {', '.join(self.label_names)}")
            values = tuple(named[name] for name in self.label_names)
        elif len(values) != len(self.label_names):
            raise ValueError(f"{self.name} has the labels {', '.join(self.label_names) or 'none'}")
        key = tuple([value if type(value) is str else str(value) for value in values])
        found = self._series.get(key)
        return self._added(key) if found is None else found

    @property
    def _sole(self) -> S:
        found = self._series.get(())
        if found is None:
            raise ValueError(f"{self.name} has labels: measure with {self.name}.labels(…)")
        return found

    def remove(self, *values: object) -> None:
        """Forget the series of these values: what it is about is gone."""
        with self._lock:
            self._series.pop(tuple(str(value) for value in values), None)

    def series(self) -> list[tuple[tuple[tuple[str, str], ...], S]]:
        """All series with their labels."""
        with self._lock:
            found = list(self._series.items())
        return [(self._named(values), each) for values, each in found]

    def _named(self, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        return tuple((name, values[place]) for place, name in enumerate(self.label_names))

    def _added(self, key: tuple[str, ...]) -> S:
        with self._lock:
            if key not in self._series and len(self._series) >= MOST_SERIES:
                self.left_out += 1
                return self._nowhere
            return self._series.setdefault(key, self._make())


class Counter(Instrument[CounterSeries]):
    """A count that only rises: requests, files, dollars spent."""

    kind = "counter"

    def __init__(self, name: str, about: str = "", labels: Sequence[str] = ()) -> None:
        super().__init__(name, about, labels, CounterSeries)

    def inc(self, amount: float = 1.0) -> None:
        """Count `amount` more, without labels."""
        self._sole.inc(amount)


class Gauge(Instrument[GaugeSeries]):
    """A level: users active, rows in a queue, a rate in per cent."""

    kind = "gauge"

    def __init__(self, name: str, about: str = "", labels: Sequence[str] = ()) -> None:
        super().__init__(name, about, labels, GaugeSeries)

    def set(self, value: float) -> None:
        """It is `value` now, without labels."""
        self._sole.set(value)

    def inc(self, amount: float = 1.0) -> None:
        """It is `amount` more, without labels."""
        self._sole.inc(amount)

    def dec(self, amount: float = 1.0) -> None:
        """It is `amount` less, without labels."""
        self._sole.dec(amount)

    def set_function(self, function: Callable[[], float]) -> None:
        """Ask `function` for the level whenever it is read, without labels."""
        self._sole.set_function(function)


class Histogram(Instrument[HistogramSeries]):
    """Counts of measurements by size, from which quantiles over any time and host can be told.

    `buckets` are upper bounds, rising; in seconds unless the metric measures something else.
    """

    kind = "histogram"

    def __init__(
        self,
        name: str,
        about: str = "",
        labels: Sequence[str] = (),
        buckets: Sequence[float] = BUCKETS,
    ) -> None:
        bounds = tuple(float(bound) for bound in buckets if bound != math.inf)
        if not bounds or list(bounds) != sorted(set(bounds)) or not all(map(math.isfinite, bounds)):
            raise ValueError(f"{name}: the buckets must be numbers that rise")
        super().__init__(name, about, labels, functools.partial(HistogramSeries, bounds))
        self.buckets = bounds

    def observe(self, value: float) -> None:
        """Count one measurement, without labels."""
        self._sole.observe(value)

    def time(self) -> Timer:
        """A context manager or decorator that measures seconds, without labels."""
        return self._sole.time()


class Summary(Instrument[SummarySeries]):
    """Quantiles of this one process over the last ten minutes."""

    kind = "summary"

    def __init__(
        self,
        name: str,
        about: str = "",
        labels: Sequence[str] = (),
        quantiles: Sequence[float] = QUANTILES,
    ) -> None:
        if not all(0 < quantile < 1 for quantile in quantiles):
            raise ValueError(f"{name}: the quantiles must lie between 0 and 1")
        told = tuple(sorted(set(quantiles)))
        super().__init__(name, about, labels, functools.partial(SummarySeries, told))

    def observe(self, value: float) -> None:
        """Take one measurement, without labels."""
        self._sole.observe(value)

    def time(self) -> Timer:
        """A context manager or decorator that measures seconds, without labels."""
        return self._sole.time()


def number(value: float) -> str:
    """A number as Prometheus' text format has it: `0.25`, `3`, `+Inf`."""
    if value == math.inf:
        return "+Inf"
    if value == -math.inf:
        return "-Inf"
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
