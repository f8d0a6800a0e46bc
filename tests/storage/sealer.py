"""A process that seals and is killed by itself (SIGKILL) at a point of its second slice.

`python -m tests.storage.sealer URL EPOCH NOW_MS POINT`, where the point is one of POINTS.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Connection, Engine

from storage.engine import from_ms, open_existing
from storage.leadership import Lease
from storage.sealing import seal
from storage.slices import Slices

# When its chunks are made, when they are written and the samples deleted, when that is committed.
POINTS = ("made", "written", "committed")


class Mortal(Slices):
    """Slices of three series, of which the second ends the process."""

    def __init__(self, engine: Engine, lease: Lease, point: str) -> None:
        super().__init__(engine, lease, first=3, most=3, pause=lambda _: self._reach("committed"))
        self._point = point
        self._taken = 0

    @contextmanager
    def lock(self, take: Callable[[Connection], None] | None = None) -> Iterator[Connection]:
        self._taken += 1
        self._reach("made")
        with super().lock(take) as connection:
            yield connection
            self._reach("written")

    def _reach(self, point: str) -> None:
        if self._taken == 2 and point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    url, epoch, now_ms, point = sys.argv[1:]
    now = from_ms(int(now_ms))
    slices = Mortal(open_existing(url), Lease(boot_id="one", epoch=int(epoch)), point)
    seal(slices, now, now - timedelta(days=30))
