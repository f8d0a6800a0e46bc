"""Keeps the store in order and ends: uptime and series are rolled up and sealed, what is old goes.

Started by `monitor.storekeeper` as `python -m monitor.storekeeper_child`, with its orders on stdin.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

LEADERSHIP_LOST = 5
FAILED = 1


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """Which store, in whose name, how long what is kept (days), and the monitor's process number."""

    url: str
    boot_id: str
    epoch: int
    raw_days: int
    aggregate_days: int
    backup_days: int
    backup_folder: str
    parent: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, how long it took (s), and the longest time that sealing locked the store (ms).

    `backup` is the path of one that was made, `backup_error` says why one that was due was not.
    """

    windows: int
    series: int
    samples: int
    hours: int
    deleted: int
    pages: int
    longest_lock_ms: float
    took_s: float
    backup: str | None = None
    backup_error: str | None = None


def main() -> int:
    """Do one round; the report goes to stdout. Returns the exit code."""
    # Imported here: the monitor imports this module for its two documents alone.
    from monitor.parting import die_with
    from storage.engine import StoreError
    from storage.leadership import LeadershipLost

    orders = msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)
    die_with(orders.parent)
    try:
        report = keep(orders, datetime.now(UTC))
    except LeadershipLost:
        return LEADERSHIP_LOST
    except StoreError as error:
        return _failed(str(error))
    except DBAPIError as error:
        return _failed(f"{type(error.orig).__name__}: {error.orig}")
    sys.stdout.buffer.write(msgspec.json.encode(report))
    return 0


def keep(orders: Orders, now: datetime) -> Report:
    """One round at `now`. Raises StoreError, LeadershipLost, or the driver's error."""
    from domain.ladder import ladder
    from storage import aftermath, sealing, space, uptimes
    from storage.engine import open_existing
    from storage.leadership import Lease
    from storage.retention import retain

    begun = time.monotonic()
    lease = Lease(boot_id=orders.boot_id, epoch=orders.epoch)
    levels = ladder(orders.raw_days, orders.aggregate_days)
    engine = open_existing(orders.url)
    try:
        # Before the timelines that they are made of go.
        hours = uptimes.roll(engine, lease, now)
        sealed = sealing.seal(engine, lease, now, now - timedelta(days=levels[0].days))
        deleted = 0
        while True:
            slice_begun = time.perf_counter()
            gone = retain(engine, lease, now, levels)
            held = time.perf_counter() - slice_begun
            deleted += gone
            if not gone:
                break
            time.sleep(held)
        pages = space.give_back(engine)
        aftermath.forget(engine, now)
        made, error = _back_up(engine, orders, now)
    finally:
        engine.dispose()
    return Report(
        windows=sealed.windows,
        series=sealed.series,
        samples=sealed.samples,
        hours=hours,
        deleted=deleted,
        pages=pages,
        longest_lock_ms=round(sealed.longest_s * 1000, 1),
        took_s=round(time.monotonic() - begun, 2),
        backup=made,
        backup_error=error,
    )


def _back_up(engine: Engine, orders: Orders, now: datetime) -> tuple[str | None, str | None]:
    """The path of the day's backup when one was due and made, or why it could not be."""
    from storage import backups
    from storage.engine import StoreDamaged, StoreError, file_of

    path = file_of(orders.url)
    if path is None:
        return None, None
    folder = Path(orders.backup_folder) if orders.backup_folder else None
    try:
        made = backups.daily(engine, path, now, days=orders.backup_days, folder=folder)
    except StoreDamaged:
        raise
    except StoreError as error:
        return None, str(error)
    return (None if made is None else str(made)), None


def _failed(reason: str) -> int:
    print(reason, file=sys.stderr)  # noqa: T201 - the monitor logs it
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
