"""A registry: the instruments of one application, written as Prometheus' text or as samples."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from nocturne_client.instruments import (
    BUCKETS,
    QUANTILES,
    Counter,
    Gauge,
    Histogram,
    Instrument,
    Summary,
)
from nocturne_client.names import prometheus_name
from nocturne_client.series import number

# https://prometheus.io/docs/instrumenting/exposition_formats/
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
I = TypeVar("I", bound="Instrument[Any]")  # noqa: E741 - the usual letter of an instrument
# What samples with an ending are, by the kind of their instrument.
ENDING_KINDS = {"_bucket": "histogram", "_sum": "counter", "_count": "counter", "": "gauge"}

Environ = Mapping[str, Any]
StartResponse = Callable[[str, "list[tuple[str, str]]"], Any]


class Sample(NamedTuple):
    """One number of one series, as it is pushed."""

    name: str
    kind: str
    labels: dict[str, str]
    value: float


class Registry:
    """The instruments of one application by name. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instruments: dict[str, Instrument[Any]] = {}

    def counter(self, name: str, about: str = "", labels: Sequence[str] = ()) -> Counter:
        """The counter of this name, made where there is none. Raises ValueError: see `add`."""
        return self.add(Counter(name, about, labels))

    def gauge(self, name: str, about: str = "", labels: Sequence[str] = ()) -> Gauge:
        """The gauge of this name, made where there is none. Raises ValueError: see `add`."""
        return self.add(Gauge(name, about, labels))

    def histogram(
        self,
        name: str,
        about: str = "",
        labels: Sequence[str] = (),
        buckets: Sequence[float] = BUCKETS,
    ) -> Histogram:
        """The histogram of this name, made where there is none. Raises ValueError: see `add`."""
        return self.add(Histogram(name, about, labels, buckets))

    def summary(
        self,
        name: str,
        about: str = "",
        labels: Sequence[str] = (),
        quantiles: Sequence[float] = QUANTILES,
    ) -> Summary:
        """The summary of this name, made where there is none. Raises ValueError: see `add`."""
        return self.add(Summary(name, about, labels, quantiles))

    def add(self, instrument: I) -> I:
        """Take an instrument in; the one that is there already if it is alike.

        Raises ValueError when one of that name is of another kind or has other labels.
        """
        name = prometheus_name(instrument.name)
        with self._lock:
            found = self._instruments.setdefault(name, instrument)
        alike = found.name == instrument.name and found.label_names == instrument.label_names
        if type(found) is not type(instrument) or not alike:
            raise ValueError(f"{instrument.name} is a {found.kind} named {found.name} already")
        return found

    def instruments(self) -> list[Instrument[Any]]:
        """All instruments, by name."""
        with self._lock:
            return [self._instruments[name] for name in sorted(self._instruments)]

    def expose(self) -> str:
        """All series in Prometheus' text format 0.0.4."""
        return "".join(written(self.instruments()))

    def samples(self) -> list[Sample]:
        """All series as numbers to push: histograms by bucket, summaries by quantile."""
        return [
            Sample(
                instrument.name + ending,
                "counter" if instrument.kind == "counter" else ENDING_KINDS[ending],
                dict(labels + more),
                value,
            )
            for instrument in self.instruments()
            for labels, series in instrument.series()
            for ending, more, value in series.lines()
        ]

    def wsgi_app(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """A WSGI application that answers with the text of all series; mount it at `/metrics`."""
        body = self.expose().encode()
        headers = [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body)))]
        if environ.get("REQUEST_METHOD", "GET") not in ("GET", "HEAD"):
            start_response("405 Method Not Allowed", [("Allow", "GET, HEAD")])
            return [b""]
        start_response("200 OK", headers)
        return [b"" if environ.get("REQUEST_METHOD") == "HEAD" else body]


def written(instruments: Iterable[Instrument[Any]]) -> Iterator[str]:
    """The lines of these instruments in Prometheus' text format."""
    for each in instruments:
        name = prometheus_name(each.name)
        yield from heading(name, each.kind, each.about)
        for labels, series in each.series():
            for ending, more, value in series.lines():
                yield line(name + ending, labels + more, value)


def heading(name: str, kind: str, about: str = "") -> Iterator[str]:
    """What stands before the samples of a metric."""
    if about:
        text = about.replace("\\", "\\\\").replace("\n", "\\n")
        yield f"# HELP {name} {text}\n"
    yield f"# TYPE {name} {kind}\n"


def line(name: str, labels: Iterable[tuple[str, str]], value: float) -> str:
    """One sample as a line."""
    pairs = ",".join([f'{key}="{escaped(text)}"' for key, text in labels])
    return f"{name}{{{pairs}}} {number(value)}\n" if pairs else f"{name} {number(value)}\n"


def escaped(text: str) -> str:
    """The value of a label as it stands between its quotes."""
    if '"' in text or "\\" in text or "\n" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    # Half a character can't be written as UTF-8.
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text
