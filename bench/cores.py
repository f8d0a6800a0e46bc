"""On which core what a bench starts may run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def on_core(number: int | None) -> Iterator[None]:
    """What is started inside keeps to this core, if there is one; None lets it use all."""
    before = os.sched_getaffinity(0)
    if number is not None and number in before:
        os.sched_setaffinity(0, {number})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
