"""Long work in short transactions: none holds the write lock for much more than 30 ms of its 50."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine

from storage.leadership import Lease, fence

T = TypeVar("T")

# How long one transaction may hold the write lock; it aims at 60 % of that.
LOCK_S = 0.05
AIM = 0.6
FIRST = 200
MOST = 2_000


class Slices:
    """How much the next transaction takes on, learned from how long those before it took.

    After each it pauses as long as it held the lock, for others to write. `longest_s` is the longest
    time that one held it.
    """

    def __init__(
        self,
        engine: Engine,
        lease: Lease,
        *,
        first: int = FIRST,
        most: int = MOST,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.engine = engine
        self.size = first
        self.longest_s = 0.0
        self._lease = lease
        self._most = most
        self._pause = pause
        self._clock = clock

    @contextmanager
    def lock(self) -> Iterator[Connection]:
        """One transaction that should take on `size` pieces. Raises LeadershipLost."""
        with self.engine.begin() as connection:
            # Only now is the lock ours: waiting for it holds up nobody.
            begun = self._clock()
            self.fence(connection)
            yield connection
        held = self._clock() - begun
        self.longest_s = max(self.longest_s, held)
        self.size = self._next_size(held)
        self._pause(held)

    def fence(self, connection: Connection) -> None:
        """As `leadership.fence`, for a transaction of a few rows."""
        fence(connection, self._lease)

    def each(
        self, pieces: Sequence[T], work: Callable[[Connection, Sequence[T]], int | None]
    ) -> int:
        """Do `work` with all of the pieces, some at a time; the sum of what it returns."""
        done = 0
        while pieces:
            part, pieces = pieces[: self.size], pieces[self.size :]
            with self.lock() as connection:
                done += work(connection, part) or 0
        return done

    def _next_size(self, held_s: float) -> int:
        wanted = self.size * AIM * LOCK_S / max(held_s, 1e-6)
        return max(1, min(self._most, 2 * self.size, int(wanted)))


def repeat(work: Callable[[], int]) -> int:
    """Do `work` until it has done nothing more; what it did in all."""
    done = 0
    while part := work():
        done += part
    return done
