"""The web's own requests, measured with the client that applications use: one count for all who ask."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, Response, g, request

from nocturne_client import Registry, Requests

WINDOW_S = 300
SERVICE = "nocturne"
# What no route takes: by their own addresses, those who try many would fill the memory.
NOWHERE = "none"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Requests of the last five minutes: mean time (ms), per minute, errors in per cent (5xx).

    `total` counts all since the start, `recent` those of the five minutes, `errors` the failed ones,
    `active` those that are being answered now.
    """

    total: int
    active: int
    recent: int
    errors: int
    average_ms: float
    per_minute: float
    error_percent: float


@dataclass(slots=True)
class _Answered:
    """Requests that were answered: how many, the sum of their times, how many of them failed."""

    second: int = 0
    count: int = 0
    took_ms: float = 0.0
    errors: int = 0

    def add(self, count: int, took_ms: float, errors: int) -> None:
        self.count += count
        self.took_ms += took_ms
        self.errors += errors


class Meter:
    """Counts the requests of one app. Thread-safe. `registry` holds what `/metrics` tells of them."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.registry = Registry()
        self._requests = Requests(self.registry, SERVICE)
        self._monotonic = monotonic
        self._started = monotonic()
        self._lock = threading.Lock()
        # Second by second: neither the memory nor a look at it grows with how much is asked.
        self._seconds: deque[_Answered] = deque()
        self._recent = _Answered()
        self._total = 0

    @property
    def uptime_s(self) -> float:
        """Seconds since this web process began to serve."""
        return self._monotonic() - self._started

    def attach(self, server: Flask) -> None:
        """Measure every request of `server`."""

        @server.before_request
        def _begin() -> None:
            g.begun = self.began()

        @server.teardown_request
        def _gone(_error: BaseException | None) -> None:
            if g.pop("begun", None) is not None:
                self.ended()

        @server.after_request
        def _end(response: Response) -> Response:
            seconds = self.since(g.get("begun"))
            endpoint = request.url_rule.rule if request.url_rule is not None else NOWHERE
            method = request.method if request.method in METHODS else NOWHERE
            size = float(request.content_length or 0)
            self.note(seconds, response.status_code, method=method, endpoint=endpoint, size=size)
            return response

    def began(self) -> float:
        """Count a request among those that are being answered; when it began (s, monotonic)."""
        self._requests.active.inc()
        return self._monotonic()

    def since(self, begun: float | None) -> float:
        """The seconds since a request began; 0 for one that never did."""
        return 0.0 if begun is None else self._monotonic() - begun

    def ended(self) -> None:
        """A request that began is not being answered any more."""
        self._requests.active.dec()

    def note(
        self,
        seconds: float,
        status: int,
        *,
        method: str = "GET",
        endpoint: str = NOWHERE,
        size: float = 0.0,
    ) -> None:
        """Count one answered request, whose body had `size` bytes."""
        self._requests.answered(method, endpoint, status, seconds, size)
        if status >= 500:
            self._requests.failed(f"http_{status}")
        now, took_ms, errors = int(self._monotonic()), seconds * 1000, int(status >= 500)
        with self._lock:
            self._forget(now)
            if not self._seconds or self._seconds[-1].second != now:
                self._seconds.append(_Answered(second=now))
            for each in (self._seconds[-1], self._recent):
                each.add(1, took_ms, errors)
            self._total += 1

    def _forget(self, now: int) -> None:
        while self._seconds and self._seconds[0].second <= now - WINDOW_S:
            gone = self._seconds.popleft()
            self._recent.add(-gone.count, -gone.took_ms, -gone.errors)

    def figures(self) -> Figures:
        """The figures of the last five minutes, or of the time since the start if that is shorter."""
        now = self._monotonic()
        with self._lock:
            self._forget(int(now))
            total, recent = self._total, self._recent
            count, took_ms, errors = recent.count, recent.took_ms, recent.errors
        minutes = max(min(WINDOW_S, now - self._started), 1.0) / 60
        return Figures(
            total=total,
            active=round(sum(series.value for _, series in self._requests.active.series())),
            recent=count,
            errors=errors,
            average_ms=took_ms / count if count else 0.0,
            per_minute=count / minutes,
            error_percent=100 * errors / count if count else 0.0,
        )
