"""The standard series of what an application answers, and a decorator that measures an endpoint."""

from __future__ import annotations

import functools
import inspect
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from nocturne_client.registry import Registry

F = TypeVar("F", bound=Callable[..., Any])
SIZES = (100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0, 10_000_000.0)
SUCCEEDED, FAILED = "ok", "error"


class Requests:
    """`requests_total`, `request_duration_seconds`, `request_size_bytes`, `active_connections`,
    `errors_total` and `memory_usage_bytes` of one service, in one registry.
    """  # noqa: D205 - the names are the summary

    def __init__(self, registry: Registry, service: str = "app") -> None:
        self.service = service
        self.total = registry.counter(
            "requests_total", "Requests answered", ("method", "endpoint", "status")
        )
        self.duration = registry.histogram(
            "request_duration_seconds", "How long they took", ("method", "endpoint")
        )
        self.size = registry.histogram(
            "request_size_bytes", "Sizes of their bodies", ("method", "endpoint"), SIZES
        )
        self.active = registry.gauge("active_connections", "Requests being answered now")
        self.errors = registry.counter("errors_total", "What failed", ("service", "error_type"))
        memory = registry.gauge("memory_usage_bytes", "Resident memory of this process")
        memory.set_function(resident_bytes)

    def answered(
        self, method: str, endpoint: str, status: object, seconds: float, size: float | None = None
    ) -> None:
        """Count one answered request; `size` is that of its body in bytes."""
        self.total.labels(method, endpoint, status).inc()
        self.duration.labels(method, endpoint).observe(seconds)
        if size is not None:
            self.size.labels(method, endpoint).observe(size)

    def failed(self, error_type: str) -> None:
        """Count one failure by its kind."""
        self.errors.labels(self.service, error_type).inc()

    def track(self, endpoint: str, *, method: str = "CALL") -> Callable[[F], F]:
        """A decorator: measures the calls of a function or coroutine function, and what it raises.

        Its `status` is that of what it returns, if that has a `status_code`, else `ok` or `error`.
        """

        def decorate(function: F) -> F:
            if inspect.iscoroutinefunction(function):

                @functools.wraps(function)
                async def awaited(*args: Any, **named: Any) -> Any:
                    with _Call(self, method, endpoint) as call:
                        call.answer = await function(*args, **named)
                    return call.answer

                return awaited  # type: ignore[return-value]  # wraps() keeps the signature

            @functools.wraps(function)
            def called(*args: Any, **named: Any) -> Any:
                with _Call(self, method, endpoint) as call:
                    call.answer = function(*args, **named)
                return call.answer

            return called  # type: ignore[return-value]  # as above

        return decorate


class _Call:
    """One call from its beginning to its end."""

    __slots__ = ("_begun", "_endpoint", "_method", "_requests", "answer")

    def __init__(self, requests: Requests, method: str, endpoint: str) -> None:
        self._requests = requests
        self._method = method
        self._endpoint = endpoint
        self._begun = 0.0
        self.answer: Any = None

    def __enter__(self) -> _Call:
        self._requests.active.inc()
        self._begun = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        seconds = time.perf_counter() - self._begun
        requests = self._requests
        requests.active.dec()
        if kind is None:
            status = getattr(self.answer, "status_code", SUCCEEDED)
        else:
            status = FAILED
            requests.failed(kind.__name__)
        requests.answered(self._method, self._endpoint, status, seconds)


def resident_bytes() -> float:
    """The memory of this process that lies in RAM; its peak where only that is known."""
    try:
        with open("/proc/self/statm", "rb") as file:
            pages = int(file.read().split()[1])
    except OSError:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return float(most if sys.platform == "darwin" else most * 1024)
    import os

    return float(pages * os.sysconf("SC_PAGE_SIZE"))
