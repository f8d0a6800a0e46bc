"""Waiting for a condition, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable

# On a machine with much else to do, everything takes its time: a shorter wait would tell the load.
PATIENCE_S = 30.0


def wait_for(condition: Callable[[], bool], seconds: float, pause_s: float = 0.02) -> None:
    """Return once the condition holds; fail when it does not within so many seconds, and PATIENCE_S."""
    within(condition, max(seconds, PATIENCE_S), pause_s)


def within(condition: Callable[[], bool], seconds: float, pause_s: float = 0.02) -> None:
    """As `wait_for`, for a limit that the product promises: it holds however busy the machine is."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(pause_s)
