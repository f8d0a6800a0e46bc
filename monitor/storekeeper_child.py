"""Keeps the store in order and ends: uptime and series are rolled up and sealed, what is old goes.

Started by `monitor.storekeeper` as `python -m monitor.storekeeper_child`, with its orders on stdin.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from storage.leadership import Lease
    from storage.slices import Slices

T = TypeVar("T")

LEADERSHIP_LOST = 5
FAILED = 1
# Each try has waited for the lock itself: some two minutes in all, then the next hour tries again.
PAUSES_S = (1.0, 5.0, 15.0, 30.0, 60.0)


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


class Locks(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of work locked the store: in how many slices, how many of them for too long.

    The longest time is given by the clock and as what was computed meanwhile (ms).
    """

    slices: int
    too_long: int
    longest_ms: float
    longest_cpu_ms: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, how long it took (s), and the longest time that a slice of it locked the store (ms).

    `locks` tells of each kind of work that locked it.

    While the clock is doubted (see `domain.clock`) all of that waits.
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
    locks: dict[str, Locks]
    is_clock_doubted: bool = False
    backup: str | None = None
    backup_error: str | None = None


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What sealing, rolling up and deleting have done."""

    windows: int = 0
    series: int = 0
    samples: int = 0
    hours: int = 0
    deleted: int = 0


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
    from storage import aftermath, space, timekeeping
    from storage.engine import open_existing
    from storage.leadership import Lease

    begun = time.monotonic()
    lease = Lease(boot_id=orders.boot_id, epoch=orders.epoch)
    engine = open_existing(orders.url)
    try:
        is_doubted = timekeeping.recall(engine).doubted is not None
        sliced = _slices(engine, lease)
        done = Done() if is_doubted else _put_in_order(sliced, lease, orders, now)
        pages = patiently(lambda: space.give_back(sliced["space"]))
        if not is_doubted:
            aftermath.forget(engine, now)
        made, error = _back_up(engine, orders, now)
    finally:
        engine.dispose()
    return Report(
        windows=done.windows,
        series=done.series,
        samples=done.samples,
        hours=done.hours,
        deleted=done.deleted,
        pages=pages,
        longest_lock_ms=_ms(max(each.held.longest_s for each in sliced.values())),
        took_s=round(time.monotonic() - begun, 2),
        locks={kind: locks_of(each) for kind, each in sliced.items() if each.held.slices},
        is_clock_doubted=is_doubted,
        backup=made,
        backup_error=error,
    )


def _slices(engine: Engine, lease: Lease) -> dict[str, Slices]:
    """The slices of each kind of work: what a piece of it costs is learned by itself."""
    from storage import sealing
    from storage.slices import Slices

    kinds = ("clock", "uptime", "retention", "space")
    return {kind: Slices(engine, lease) for kind in kinds} | {
        "sealing": sealing.sliced(engine, lease)
    }


def locks_of(slices: Slices) -> Locks:
    """How these slices have locked the store."""
    held = slices.held
    return Locks(
        slices=held.slices,
        too_long=held.too_long,
        longest_ms=_ms(held.longest_s),
        longest_cpu_ms=_ms(held.longest_cpu_s),
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _put_in_order(
    sliced: Mapping[str, Slices], lease: Lease, orders: Orders, now: datetime
) -> Done:
    """What can't be undone, and so needs a clock that is right."""
    from domain.ladder import ladder
    from storage import sealing, timekeeping, uptimes
    from storage.retention import retain
    from storage.slices import repeat

    levels = ladder(orders.raw_days, orders.aggregate_days)
    deleted = patiently(lambda: repeat(lambda: timekeeping.forget(sliced["clock"], now)))
    engine = sliced["clock"].engine
    retained = patiently(lambda: timekeeping.retain_until(engine, lease, now))
    oldest = retained - timedelta(days=levels[0].days)
    # Before the timelines that they are made of go.
    hours = patiently(lambda: uptimes.roll(sliced["uptime"], now, oldest))
    sealed = patiently(lambda: sealing.seal(sliced["sealing"], now, oldest))
    deleted += patiently(lambda: repeat(lambda: retain(sliced["retention"], retained, levels)))
    return Done(
        windows=sealed.windows,
        series=sealed.series,
        samples=sealed.samples,
        hours=hours,
        deleted=deleted,
    )


def patiently(work: Callable[[], T], pause: Callable[[float], None] = time.sleep) -> T:
    """Do `work`, and go on with it after pauses where the store is locked or away for a while.

    All of it is made of transactions that can be done again. Raises the driver's error in the end.
    """
    from storage.engine import is_away, is_damaged, is_full

    for pause_s in PAUSES_S:
        try:
            return work()
        except DBAPIError as error:
            if not is_away(error) or is_damaged(error) or is_full(error):
                raise
        pause(pause_s)
    return work()


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
