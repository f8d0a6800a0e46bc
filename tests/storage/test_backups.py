"""Backups of a store in use: whole or not there, on time, and as many as are wanted."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from storage import presence
from storage.backups import by_hand, daily, flaw, outlived
from storage.engine import StoreDamaged, StoreError, open_engine, open_existing
from tests.storage.fresh import make_store
from tests.storage.stores import NOW

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NO_ROOM = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from storage.backups import by_hand
from storage.engine import StoreError, open_existing
path = Path(sys.argv[1])
engine = open_existing(f"sqlite:///{path}")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    by_hand(engine, path, datetime(2026, 3, 1, tzinfo=UTC))
except StoreError as error:
    print(error)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An SQLite store with a counter that can be told from that of another moment."""
    path = tmp_path / "nocturne.db"
    make_store(f"sqlite:///{path}")
    return path


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = open_existing(f"sqlite:///{path}")
    yield engine
    engine.dispose()


def fill(engine: Engine, rows: int, size: int) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE ballast (n INTEGER PRIMARY KEY, data BLOB)"))
        connection.execute(
            text(
                "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :rows) "
                "INSERT INTO ballast SELECT n, randomblob(:size) FROM c"
            ),
            {"rows": rows, "size": size},
        )


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def count(copy: Path, table: str) -> int:
    with closing(sqlite3.connect(f"file:{copy}?immutable=1", uri=True)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_a_daily_backup_is_whole_and_named_by_its_time(engine: Engine, path: Path) -> None:
    made = daily(engine, path, NOW)

    assert made == path.parent / "backups" / "nocturne-20260301T120000Z-daily.db"
    assert flaw(made) is None
    assert count(made, "counters") == 2
    assert names(made.parent) == [made.name]


def test_the_next_daily_backup_is_due_24_hours_later(engine: Engine, path: Path) -> None:
    assert daily(engine, path, NOW) is not None

    assert daily(engine, path, NOW + 23 * HOUR) is None
    assert daily(engine, path, NOW + 24 * HOUR) is not None


def test_a_backup_from_a_clock_gone_wrong_does_not_keep_the_next_one_away(
    engine: Engine, path: Path
) -> None:
    daily(engine, path, NOW + 400 * DAY)

    made = daily(engine, path, NOW)

    assert made is not None
    assert presence.backups(path)[-1] == made or presence.made_at(made) < datetime.now(UTC)


def test_seven_daily_and_four_weekly_backups_are_kept(engine: Engine, path: Path) -> None:
    for day in range(60):
        assert daily(engine, path, NOW + day * DAY) is not None

    times = [presence.made_at(each) for each in presence.backups(path)]
    kept = [(made - NOW).days for made in times]
    assert kept[-7:] == list(range(53, 60))
    assert len(kept) == 11
    weekly = times[:4]
    assert len({made.isocalendar()[:2] for made in weekly}) == 4
    assert all(made.isoweekday() == 1 for made in weekly)
    assert NOW + 59 * DAY - weekly[0] > timedelta(days=27)


def test_days_that_were_left_out_push_no_backup_away() -> None:
    daily = [Path(f"nocturne-2026{month:02d}01T000000Z-daily.db") for month in range(1, 8)]

    assert outlived(daily, 7) == []
    assert outlived(daily, 2) == daily[:1]


def test_other_backups_are_neither_counted_nor_removed(engine: Engine, path: Path) -> None:
    mine = by_hand(engine, path, NOW - 100 * DAY)
    before = mine.with_name("nocturne-before-0004-from-0003-20250101T000000Z.db")
    other = mine.with_name("nocturne-test-20250101T000000Z-daily.db")
    before.write_bytes(b"")
    other.write_bytes(b"")

    for day in range(10):
        daily(engine, path, NOW + day * DAY, days=1)

    left = names(mine.parent)
    assert {mine.name, before.name, other.name} <= set(left)
    assert len([name for name in left if "2026" in name and "daily" in name]) == 4


def test_without_days_there_is_no_daily_backup_and_of_postgres_none_at_all(
    engine: Engine, path: Path
) -> None:
    assert daily(engine, path, NOW, days=0) is None
    assert daily(engine, None, NOW) is None
    assert not (path.parent / "backups").exists()


def test_backups_may_lie_elsewhere_and_are_found_there(
    engine: Engine, path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "other" / "disk"

    made = daily(engine, path, NOW, folder=folder)

    assert made is not None and made.parent == folder
    assert daily(engine, path, NOW + HOUR, folder=folder) is None
    assert presence.backups(path, folder) == [made]
    assert presence.backups(path) == []


def test_a_disk_without_room_is_told_and_nothing_is_left_behind(engine: Engine, path: Path) -> None:
    # A hole at its end takes no place, but a copy of it would.
    with path.open("r+b") as file:
        file.truncate(1 << 42)

    with pytest.raises(StoreError, match=r"no room for the daily backup: .*backups has .* MB free"):
        daily(engine, path, NOW)

    assert names(path.parent / "backups") == []


def test_a_disk_that_fills_up_in_the_middle_is_told_and_nothing_is_left_behind(
    engine: Engine, path: Path
) -> None:
    fill(engine, 500, 1000)

    told = subprocess.run(
        [sys.executable, "-c", NO_ROOM, str(path)],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip

    assert "the backup to" in told and "failed: " in told
    assert names(path.parent / "backups") == []


def test_a_folder_that_cannot_be_made_is_told(engine: Engine, path: Path) -> None:
    (path.parent / "backups").write_text("a file")

    with pytest.raises(StoreError, match=r"the folder for the daily backup, .* cannot be used"):
        daily(engine, path, NOW)


def test_a_damaged_store_is_never_called_a_backup_and_pushes_none_away(
    engine: Engine, path: Path
) -> None:
    fill(engine, 500, 1000)
    good = daily(engine, path, NOW, days=1)
    engine.dispose()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(8192) + whole[len(whole) // 2 + 8192 :])

    with pytest.raises(StoreDamaged, match="is damaged"):
        daily(engine, path, NOW + 30 * DAY, days=1)

    assert good is not None
    assert names(good.parent) == [good.name]


def test_what_a_killed_copy_left_behind_goes_with_the_next_one(engine: Engine, path: Path) -> None:
    folder = path.parent / "backups"
    folder.mkdir()
    (folder / "nocturne-20260228T120000Z-daily.part").write_bytes(b"half")
    (folder / "nocturne-20260301T115900Z-by-hand.part").write_bytes(b"being made")

    made = daily(engine, path, NOW)

    assert made is not None
    assert names(folder) == ["nocturne-20260301T115900Z-by-hand.part", made.name]


def test_a_backup_holds_no_writer_up_and_is_of_one_moment(engine: Engine, path: Path) -> None:
    fill(engine, 30_000, 1000)
    waits: list[float] = []
    done = threading.Event()

    def write() -> None:
        other = open_engine(f"sqlite:///{path}")
        while not done.is_set():
            begun = time.perf_counter()
            with other.begin() as connection:
                connection.execute(text("UPDATE counters SET value = value + 1"))
            waits.append(time.perf_counter() - begun)
            time.sleep(0.002)
        other.dispose()

    writer = threading.Thread(target=write)
    writer.start()
    begun = time.perf_counter()
    made = daily(engine, path, NOW)
    took = time.perf_counter() - begun
    done.set()
    writer.join()

    assert made is not None
    waits.sort()
    print(
        f"{made.stat().st_size / 1e6:.0f} MB in {took:.2f} s, {len(waits)} commits meanwhile: "
        f"p99 {waits[int(len(waits) * 0.99)] * 1000:.1f} ms, longest {waits[-1] * 1000:.1f} ms"
    )
    assert len(waits) > 20
    # On a busy machine a commit may wait for a processor; it never waits for the copy to end.
    assert waits[int(len(waits) * 0.9)] < 0.05
    with closing(sqlite3.connect(f"file:{made}?immutable=1", uri=True)) as copy:
        values = copy.execute("SELECT value FROM counters").fetchall()
    assert values[0] == values[1]


def test_a_backup_by_hand_is_named_as_such(engine: Engine, path: Path) -> None:
    made = by_hand(engine, path, NOW)

    assert made.name == "nocturne-20260301T120000Z-by-hand.db"
    assert flaw(made) is None
