"""Dash finishes itself in its first request, which no other one may overtake."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from dashboard.securing import first_alone
from tests.waiting import wait_for


class Slow:
    """An application whose first answer waits until it is let go; it tells who is inside."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go = threading.Event()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.begun.append(environ["name"])
        if environ["name"] == "fails":
            raise RuntimeError("not yet")
        if len(self.begun) == 1:
            assert self.go.wait(30)
        return [b""]


def test_no_request_begins_before_the_first_is_answered() -> None:
    slow = Slow()
    served = first_alone(slow)
    asked = [
        threading.Thread(target=served, args=({"name": name}, print)) for name in ("one", "two")
    ]

    asked[0].start()
    wait_for(lambda: slow.begun == ["one"], 30)
    asked[1].start()
    before = list(slow.begun)
    slow.go.set()
    for each in asked:
        each.join(30)

    assert before == ["one"]
    assert slow.begun == ["one", "two"]


def test_a_first_request_that_fails_leaves_the_turn_to_the_next() -> None:
    slow = Slow()
    slow.go.set()
    served = first_alone(slow)

    try:
        served({"name": "fails"}, print)
    except RuntimeError:
        served({"name": "next"}, print)

    assert slow.begun == ["fails", "next"]
