"""How long the write lock is held, by kind of work: what is sliced must leave room for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, insert

from bench import stores
from bench.figures import Figures
from bench.stores import NOW
from domain.clock import Clock
from domain.facts import CheckState
from monitor.storekeeper_child import Locks, locks_of
from storage import timekeeping, watched
from storage.leadership import Lease
from storage.schema import transitions
from storage.slices import LOCK_S, Slices
from storage.state_rows import encode_state

LIMIT_MS = LOCK_S * 1000


def show(figures: Figures, found: Mapping[str, Locks]) -> None:
    """The longest lock of each kind. On a busy machine its holder loses the processor: see the CPU."""
    for kind, each in found.items():
        figures.at_most(f"the longest lock of {kind}", each.longest_ms, "ms", LIMIT_MS)
        figures.at_most("  CPU meanwhile, the longest", each.longest_cpu_ms, "ms", LIMIT_MS)
        figures.plain(f"  of {each.slices} slices, over 50 ms", each.too_long, "slices")


def together(rounds: Sequence[Mapping[str, Locks]]) -> dict[str, Locks]:
    """The locks of several rounds as those of one."""
    kinds = {
        kind: [each[kind] for each in rounds if kind in each] for one in rounds for kind in one
    }
    return {
        kind: Locks(
            slices=sum(each.slices for each in found),
            too_long=sum(each.too_long for each in found),
            longest_ms=max(each.longest_ms for each in found),
            longest_cpu_ms=max(each.longest_cpu_ms for each in found),
        )
        for kind, found in kinds.items()
    }


def locks(figures: Figures, folder: Path, server: str | None, quick: bool) -> None:
    """What the monitor itself slices: a new configuration, and a clock that is back."""
    count = 1_000 if quick else 5_000
    urls = [("SQLite", stores.sqlite_url(folder))]
    urls += [("Postgres", stores.database(server))] if server is not None else []
    for name, url in urls:
        engine, lease, _ = stores.opened(url)
        figures.head(f"{name}: {count:,} checks published, {10 * count:,} lines put right")
        found = {}
        for what, kind in (("new", "http"), ("changed", "tcp"), ("unchanged", "tcp")):
            slices = Slices(engine, lease)
            watched.publish(slices, rows(count, kind))
            found[f"publishing {what} checks"] = locks_of(slices)
        found["putting right what a clock left"] = locks_of(put_right(engine, lease, 10 * count))
        show(figures, found)
        engine.dispose()


def rows(count: int, kind: str) -> list[dict[str, object]]:
    """Rows of so many checks, as the journal makes them."""
    return [
        {
            "name": (name := f"check-{number:05}"),
            "kind": kind,
            "present": True,
            "about": dict(stores.ABOUT),
            "due": None,
            "metrics": {},
            "details": {},
            "response_ms": None,
            "state": encode_state(CheckState(check=name)),
        }
        for number in range(count)
    ]


def put_right(engine: Engine, lease: Lease, count: int) -> Slices:
    """What becomes of so many lines of the timeline that a clock wrote which was a day ahead."""
    ahead = NOW + timedelta(days=1)
    timekeeping.doubt(engine, lease, Clock(expected=NOW, seen=ahead, doubted=ahead))
    line = {
        "check_id": 1,
        "at": ahead,
        "change": "hard",
        "before": 0,
        "after": 4,
        "mark_before": "none",
        "mark": "none",
        "reason": "refused",
        "message": "Connection refused",
    }
    with engine.begin() as connection:
        connection.execute(insert(transitions), [line] * count)
    slices = Slices(engine, lease)
    timekeeping.put_right(slices, NOW)
    return slices
