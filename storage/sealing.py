"""Sealing: samples of a window that is over leave the hot table and become one chunk and its roll-ups.

What a slice of series becomes is made before the store is locked (see `windows.py`). One transaction
writes it and deletes the samples it was made of, so that a crash loses and doubles nothing; readers
see each sample in exactly one of both places. What came meanwhile stays in the hot table, and a late
sample opens its chunk again. numpy is imported with this module, so it runs in a process that ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, and_, delete, func, select

from storage import bulk, rollups, windows
from storage.engine import reader, to_ms, upsert
from storage.leadership import Lease
from storage.schema import chunks, samples
from storage.series import WINDOW_MS
from storage.slices import Slices
from storage.windows import BUCKETS_PER_WINDOW, Made

# Samples may come so late without their window being opened again.
GRACE = timedelta(minutes=15)
# With how many series the first slice tries, and how many it comes to at most.
FIRST_SLICE = 8
MOST_SLICE = 500
# How often samples may be replaced just while their chunk is made.
TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a run has done."""

    windows: int
    series: int
    samples: int


class _Changed(Exception):
    """Samples that were read are not what stands any more: nothing of the slice was written."""


def due(engine: Engine, now: datetime) -> bool:
    """Whether there is a window to seal: one look into the key."""
    with reader(engine).connect() as connection:
        return _oldest_window(connection, now) is not None


def seal(slices: Slices, now: datetime, oldest: datetime) -> Sealed:
    """Seal every window that ended 15 min before `now`. Raises LeadershipLost.

    A piece of `slices` is a series. What lies before `oldest` is past its days: it is dropped, because
    its chunk may be gone already and what is left would pass for the whole.
    """
    done = Sealed(windows=0, series=0, samples=0)
    while (window := _next(slices.engine, now)) is not None:
        ids = _series_in(slices.engine, window)
        count = _seal(slices, window, ids, to_ms(oldest))
        done = Sealed(
            windows=done.windows + 1,
            series=done.series + len(ids),
            samples=done.samples + count,
        )
    return done


def sliced(engine: Engine, lease: Lease, pause: Callable[[float], None] = time.sleep) -> Slices:
    """The slices that sealing begins with: a piece is a series of a window."""
    return Slices(engine, lease, first=FIRST_SLICE, most=MOST_SLICE, pause=pause)


def _next(engine: Engine, now: datetime) -> int | None:
    with reader(engine).connect() as connection:
        return _oldest_window(connection, now)


def _oldest_window(connection: Connection, now: datetime) -> int | None:
    """The oldest window with samples in the hot table that is over; windows count from 1970."""
    bucket: int | None = connection.scalar(select(func.min(samples.c.bucket)))
    if bucket is None:
        return None
    window = bucket // BUCKETS_PER_WINDOW
    return (
        window
        if (window + 1) * WINDOW_MS + GRACE / timedelta(milliseconds=1) <= to_ms(now)
        else None
    )


def _series_in(engine: Engine, window: int) -> list[int]:
    found: set[int] = set()
    with reader(engine).connect() as connection:
        for bucket in windows.buckets(window):
            query = select(samples.c.series_id).where(samples.c.bucket == bucket).distinct()
            found.update(connection.scalars(query))
    return sorted(found)


def _seal(slices: Slices, window: int, ids: Sequence[int], oldest_ms: int) -> int:
    """Seal these series' samples of a window; returns how many samples left the hot table."""
    if (window + 1) * WINDOW_MS <= oldest_ms:
        return slices.each(ids, lambda connection, part: _drop(connection, window, part))
    return slices.parts(ids, lambda part: _seal_slice(slices, window, part, oldest_ms))


def _drop(connection: Connection, window: int, ids: Sequence[int]) -> int:
    gone = and_(samples.c.bucket.in_(windows.buckets(window)), samples.c.series_id.in_(ids))
    return connection.execute(delete(samples).where(gone)).rowcount


def _seal_slice(slices: Slices, window: int, ids: Sequence[int], oldest_ms: int) -> int:
    for _ in range(TRIES):
        with reader(slices.engine).connect() as connection:
            made = windows.make(connection, window, ids, oldest_ms)
        try:
            with slices.lock(bulk.shut_out_writers) as connection:
                return _write(connection, made)
        except _Changed:
            continue
    # Somebody sends the same samples again and again: now they have to wait.
    with slices.lock(bulk.shut_out_writers) as connection:
        return _write(connection, windows.make(connection, window, ids, oldest_ms))


def _write(connection: Connection, made: Made) -> int:
    """Write what was made and delete what it was made of. Raises _Changed.

    That also keeps two apart who seal the same: what either writes is made of samples it deletes.
    """
    if bulk.remove(connection, made.hot) != len(made.hot):
        raise _Changed
    upsert(connection, chunks, made.chunks, ("series_id", "window"))
    rollups.write(connection, made.rolled_up)
    return len(made.hot)
