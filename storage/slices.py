"""Long work in short transactions: none holds the write lock for much more than 30 ms of its 50."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, Engine

from storage.leadership import Lease, fence

T = TypeVar("T")

# How long one transaction may hold the write lock; it aims at 60 % of that.
LOCK_S = 0.05
AIM = 0.6
FIRST = 200
MOST = 2_000


@dataclass(slots=True)
class Held:
    """How the write lock was held: so often, so often for too long, and the longest time (s).

    `longest_cpu_s` is the longest time that this thread computed meanwhile: on a busy machine it may
    lose the processor while it holds the lock.
    """

    slices: int = 0
    too_long: int = 0
    longest_s: float = 0.0
    longest_cpu_s: float = 0.0

    def note(self, held_s: float, cpu_s: float) -> None:
        """Count one slice."""
        self.slices += 1
        self.too_long += held_s > LOCK_S
        self.longest_s = max(self.longest_s, held_s)
        self.longest_cpu_s = max(self.longest_cpu_s, cpu_s)


class Slices:
    """How much the next transaction takes on, learned from how long those before it took.

    After each it pauses as long as it held the lock, for others to write. `held` tells how long that
    was. Each kind of work should have its own: what a piece costs is learned for all of them.
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
        self.held = Held()
        self._lease = lease
        self._most = most
        self._pause = pause
        self._clock = clock

    @contextmanager
    def lock(self, take: Callable[[Connection], None] | None = None) -> Iterator[Connection]:
        """One transaction that should take on `size` pieces. Raises LeadershipLost.

        `take` is what else must be waited for before it begins: waiting holds up nobody.
        """
        with self.engine.begin() as connection:
            # SQLite's lock is ours with the beginning, Postgres' with what is waited for after it.
            begun = self._clock() if connection.dialect.name == "sqlite" else None
            cpu = time.thread_time()
            self.fence(connection)
            if take is not None:
                take(connection)
            if begun is None:
                begun = self._clock()
            yield connection
        held = self._clock() - begun
        self.held.note(held, time.thread_time() - cpu)
        self.size = self._next_size(held)
        self._pause(held)

    def fence(self, connection: Connection) -> None:
        """As `leadership.fence`, for a transaction of a few rows."""
        fence(connection, self._lease)

    def each(
        self, pieces: Sequence[T], work: Callable[[Connection, Sequence[T]], int | None]
    ) -> int:
        """Do `work` with all of the pieces, some at a time; the sum of what it returns."""

        def locked(part: Sequence[T]) -> int:
            with self.lock() as connection:
                return work(connection, part) or 0

        return self.parts(pieces, locked)

    def parts(self, pieces: Sequence[T], work: Callable[[Sequence[T]], int]) -> int:
        """As `each`, for work that prepares before it takes the lock itself."""
        done = 0
        while pieces:
            part, pieces = pieces[: self.size], pieces[self.size :]
            done += work(part)
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
