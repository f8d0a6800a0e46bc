"""The four instruments. Each is thread-safe; measuring never raises, whatever the number is.

`Counter` only rises, `Gauge` is a level, `Histogram` counts by size, `Summary` tells quantiles of the
last minutes. With labels, `labels(...)` gives the one series to measure with; keep it in a variable
where every nanosecond counts.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from nocturne_client.names import checked_labels, checked_name
from nocturne_client.series import (
    CounterSeries,
    GaugeSeries,
    HistogramSeries,
    Series,
    SummarySeries,
    Timer,
)

# Seconds, as Prometheus' own clients have them.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
QUANTILES = (0.5, 0.9, 0.99)
# A label with a user's or a request's number in it must not fill the memory of the application.
MOST_SERIES = 1_000

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
