"""Metrics of your application, for Nocturne and Prometheus; needs nothing but the standard library.

Make instruments once, at import, and measure wherever something happens:

    from nocturne_client import counter, histogram, push_to, track

    PAID = counter("orders.paid", "Orders paid", ["country"])
    PAID.labels("de").inc()

    push_to("http://127.0.0.1:8050", key="…")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from nocturne_client.instruments import (
    BUCKETS,
    QUANTILES,
    Counter,
    Gauge,
    Histogram,
    Summary,
)
from nocturne_client.names import prometheus_name
from nocturne_client.push import INTERVAL_S, Pusher
from nocturne_client.registry import CONTENT_TYPE, Registry, Sample
from nocturne_client.requests import Requests
from nocturne_client.series import Timer

__all__ = [
    "CONTENT_TYPE",
    "REGISTRY",
    "Counter",
    "Gauge",
    "Histogram",
    "Pusher",
    "Registry",
    "Requests",
    "Sample",
    "Summary",
    "Timer",
    "counter",
    "expose",
    "gauge",
    "histogram",
    "prometheus_name",
    "push_to",
    "summary",
    "track",
    "wsgi_app",
]

F = TypeVar("F", bound=Callable[..., Any])

# What the functions of this module work with. An application may have others of its own.
REGISTRY = Registry()


def counter(name: str, about: str = "", labels: Sequence[str] = ()) -> Counter:
    """A count that only rises, in the usual registry."""
    return REGISTRY.counter(name, about, labels)


def gauge(name: str, about: str = "", labels: Sequence[str] = ()) -> Gauge:
    """A level, in the usual registry."""
    return REGISTRY.gauge(name, about, labels)


def histogram(
    name: str, about: str = "", labels: Sequence[str] = (), buckets: Sequence[float] = BUCKETS
) -> Histogram:
    """Counts by size, in the usual registry."""
    return REGISTRY.histogram(name, about, labels, buckets)


def summary(
    name: str, about: str = "", labels: Sequence[str] = (), quantiles: Sequence[float] = QUANTILES
) -> Summary:
    """Quantiles of the last minutes, in the usual registry."""
    return REGISTRY.summary(name, about, labels, quantiles)


def track(
    endpoint: str, *, service: str = "app", method: str = "CALL", registry: Registry | None = None
) -> Callable[[F], F]:
    """A decorator that measures a function's calls, durations and errors; see `Requests.track`."""
    return Requests(registry or REGISTRY, service).track(endpoint, method=method)


def expose() -> str:
    """All series of the usual registry in Prometheus' text format."""
    return REGISTRY.expose()


def wsgi_app(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application for `/metrics` with the usual registry."""
    return REGISTRY.wsgi_app(environ, start_response)


def push_to(
    url: str,
    key: str,
    *,
    interval_s: float = INTERVAL_S,
    labels: Mapping[str, str] | None = None,
    registry: Registry | None = None,
) -> Pusher:
    """Begin to push the usual registry to Nocturne at `url`, until the process ends; see `Pusher`."""
    made = Pusher(url, key, registry or REGISTRY, interval_s=interval_s, labels=labels)
    return made.start()
