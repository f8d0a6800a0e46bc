"""Waiting for a condition, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable

# On a machine with much else to do, everything takes its time: a shorter wait would tell the load.
PATIENCE_S = 30.0


def wait_for(condition: Callable[[], bool], seconds: float, pause_s: float = 0.02) -> None:
    """Return once the condition holds; fail when it does not within so many seconds, and PATIENCE_S."""
    limit = max(seconds, PATIENCE_S)
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit:g} s"
        time.sleep(pause_s)
