"""The decorator: calls, durations and errors of an endpoint, also of one that is awaited."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from nocturne_client import Registry, Requests, track
from tests.client.test_instruments import read


@dataclass
class Answer:
    status_code: int


def test_calls_are_counted_with_how_they_ended() -> None:
    registry = Registry()

    @track("checkout", service="shop", registry=registry)
    def checkout(fails: bool) -> str:
        """Take the money."""
        if fails:
            raise KeyError("no card")
        return "done"

    answers = [checkout(False), checkout(False)]
    with pytest.raises(KeyError):
        checkout(True)

    found = read(registry)
    assert answers == ["done", "done"] and checkout.__doc__ == "Take the money."
    labels = (("endpoint", "checkout"), ("method", "CALL"))
    assert found["requests_total", (*labels, ("status", "ok"))] == 2
    assert found["requests_total", (*labels, ("status", "error"))] == 1
    assert found["request_duration_seconds_count", labels] == 3
    assert found["errors_total", (("error_type", "KeyError"), ("service", "shop"))] == 1
    assert found["active_connections", ()] == 0
    assert found["memory_usage_bytes", ()] > 1_000_000


async def test_what_is_awaited_is_measured_until_it_is_done() -> None:
    registry = Registry()
    requests = Requests(registry)
    seen: list[float] = []

    @requests.track("/orders", method="GET")
    async def orders() -> Answer:
        seen.append(read(registry)["active_connections", ()])
        return Answer(404)

    await orders()

    labels = (("endpoint", "/orders"), ("method", "GET"), ("status", "404"))
    assert seen == [1]
    assert read(registry)["requests_total", labels] == 1
