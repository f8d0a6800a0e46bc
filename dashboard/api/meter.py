"""The web's own requests, measured: how many, how long, how many failed, over the last minutes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, Response, g

WINDOW_S = 300.0
KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Requests of the last five minutes: mean time (ms), per minute, errors in per cent (5xx).

    `total` counts all since the start, `recent` those of the five minutes, `errors` the failed ones.
    """

    total: int
    recent: int
    errors: int
    average_ms: float
    per_minute: float
    error_percent: float


class Meter:
    """Counts the requests of one app. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._started = monotonic()
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, float, bool]] = deque(maxlen=KEPT)
        self._total = 0

    @property
    def uptime_s(self) -> float:
        """Seconds since this web process began to serve."""
        return self._monotonic() - self._started

    def attach(self, server: Flask) -> None:
        """Measure every request of `server`."""

        @server.before_request
        def _begin() -> None:
            g.begun = self._monotonic()

        @server.after_request
        def _end(response: Response) -> Response:
            self.note(self._monotonic() - g.get("begun", self._monotonic()), response.status_code)
            return response

    def note(self, seconds: float, status: int) -> None:
        """Count one answered request."""
        with self._lock:
            self._total += 1
            self._recent.append((self._monotonic(), seconds * 1000, status >= 500))

    def figures(self) -> Figures:
        """The figures of the last five minutes, or of the time since the start if that is shorter."""
        now = self._monotonic()
        with self._lock:
            recent = [each for each in self._recent if now - each[0] <= WINDOW_S]
            total = self._total
        minutes = max(min(WINDOW_S, now - self._started), 1.0) / 60
        count = len(recent)
        errors = sum(each[2] for each in recent)
        return Figures(
            total=total,
            recent=count,
            errors=errors,
            average_ms=sum(each[1] for each in recent) / count if count else 0.0,
            per_minute=count / minutes,
            error_percent=100 * errors / count if count else 0.0,
        )
