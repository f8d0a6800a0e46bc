"""Flipped bytes, garbage, missing ends: Nocturne works, restores a backup, or refuses in a sentence."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.facts import Status
from storage.engine import StoreError
from storage.migrate import Rescue, migrate
from tests.dashboard.filled import about, fill
from tests.installed import Installed
from tests.waiting import wait_for

SEED = 8050
PAGE = 4096
LOST = 4
LOST_S = 15.0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a store in which checks ran and one of them failed."""
    folder, now = tmp_path_factory.mktemp("whole"), datetime.now(UTC)
    filled = fill(folder, now)
    filled.publish({f"check-{number}": about() for number in range(12)})
    for number in range(12):
        filled.results(f"check-{number}", [Status.HEALTHY, Status.CRITICAL] * 20, now)
    filled.incident("check-0", now)
    filled.engine.dispose()
    return (folder / "nocturne.db").read_bytes()


def refusal(path: Path) -> str | None:
    """Why a migration refuses the store at `path`; None when it does not."""
    try:
        migrate(f"sqlite:///{path}")
    except StoreError as error:
        return str(error)
    return None


def damages(whole: bytes, times: int) -> Iterator[tuple[str, bytes]]:
    """The store as it is after something happened to it, each with what that was."""
    chance = random.Random(SEED)
    for _ in range(times):
        at, bit = chance.randrange(len(whole)), chance.randrange(8)
        flipped = bytearray(whole)
        flipped[at] ^= 1 << bit
        yield f"bit {bit} of byte {at} flipped", bytes(flipped)
        # The first pages hold the schema, in which a wrong letter is a wrong statement.
        at = chance.randrange(2 * PAGE)
        letter = bytearray(whole)
        letter[at] = chance.randrange(256)
        yield f"byte {at} replaced", bytes(letter)
        at, length = chance.randrange(len(whole)), chance.choice((16, 100, PAGE))
        garbage = chance.randbytes(length)
        yield f"{length} bytes of garbage at {at}", whole[:at] + garbage + whole[at + length :]
        end = chance.choice((at, at // PAGE * PAGE))
        yield f"cut at {end}", whole[:end]


def test_a_damaged_store_works_or_is_refused_in_one_sentence_and_left_as_it_is(
    tmp_path: Path, whole: bytes
) -> None:
    refused = 0
    for number, (what, spoilt) in enumerate(damages(whole, 30)):
        path = tmp_path / str(number) / "nocturne.db"
        path.parent.mkdir()
        path.write_bytes(spoilt)

        sentence = refusal(path)

        if sentence is not None:
            refused += 1
            assert str(path) in sentence, what
            assert sentence.isprintable(), what
            assert path.read_bytes() == spoilt, what
            assert [each.name for each in path.parent.iterdir()] == ["nocturne.db"], what
        shutil.rmtree(path.parent)

    print(f"120 damaged stores: {refused} refused, the others work")
    assert refused > 40


def test_a_damaged_store_with_a_backup_works_or_is_restored_and_never_begins_empty(
    tmp_path: Path, whole: bytes
) -> None:
    restored = 0
    for number, (what, spoilt) in enumerate(damages(whole, 10)):
        path = tmp_path / str(number) / "nocturne.db"
        backup = path.parent / "backups" / "nocturne-20260301T120000Z-daily.db"
        backup.parent.mkdir(parents=True)
        backup.write_bytes(whole)
        path.write_bytes(spoilt)
        said: list[str] = []

        migrate(f"sqlite:///{path}", rescue=Rescue(say=said.append))

        kept = [each.read_bytes() for each in path.parent.glob("quarantine/*/nocturne.db")]
        assert kept == ([spoilt] if said else []), what
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT count(*) FROM check_state").fetchone() == (12,), what
            notices = connection.execute("SELECT text FROM notices").fetchall()
        assert notices == [(each,) for each in said], what
        restored += len(said)
        shutil.rmtree(path.parent)

    print(f"40 damaged stores: {restored} restored, the others work")
    assert restored > 10


def test_a_damaged_store_with_a_log_beside_it_is_left_as_it_is_too(
    tmp_path: Path, whole: bytes
) -> None:
    path, log = tmp_path / "nocturne.db", tmp_path / "nocturne.db-wal"
    filled = fill(tmp_path, datetime.now(UTC))
    filled.publish({"cpu": about()})
    left = log.read_bytes()
    spoilt = bytearray(path.read_bytes())
    filled.engine.dispose()
    spoilt[PAGE : 3 * PAGE] = random.Random(SEED).randbytes(2 * PAGE)
    path.write_bytes(spoilt)
    log.write_bytes(left[: len(left) // 2])

    with pytest.raises(StoreError, match="is damaged"):
        migrate(f"sqlite:///{path}")

    assert path.read_bytes() == spoilt
    assert log.read_bytes() == left[: len(left) // 2]


def spoil(path: Path) -> bytes:
    """Overwrite two pages in the middle of a store; returns what it holds now."""
    whole = path.read_bytes()
    spoilt = whole[: 2 * PAGE] + random.Random(SEED).randbytes(2 * PAGE) + whole[4 * PAGE :]
    path.write_bytes(spoilt)
    return spoilt


@pytest.mark.parametrize("command", ["migrate", "run"])
def test_where_it_is_to_be_refused_a_damaged_store_ends_with_3_and_names_the_last_backup(
    installed: Installed, command: str
) -> None:
    path = installed.folder / "nocturne.db"
    backup = installed.app("backup").stdout.strip()
    spoilt = spoil(path)
    installed.plain = 'restore = "refuse"\n'
    installed.write(installed.checks)

    ended = installed.app(command)

    assert ended.returncode == 3
    assert "Traceback" not in ended.stderr
    (sentence,) = ended.stderr.splitlines()
    assert f"{path} is damaged" in sentence
    assert f"`python app.py restore {backup}`" in sentence
    assert path.read_bytes() == spoilt

    restored = installed.app("restore", backup)

    assert (restored.returncode, restored.stderr) == (0, "")
    assert f"restored from the backup {backup}" in restored.stdout
    assert installed.app("migrate").returncode == 0


def test_a_damaged_store_is_restored_as_nocturne_starts_and_the_screens_say_so(
    installed: Installed,
) -> None:
    path = installed.folder / "nocturne.db"
    backup = installed.app("backup").stdout.strip()
    spoilt = spoil(path)

    run = installed.start("run")
    wait_for(lambda: installed.get("/health/ready")[0] == 200, 60)

    said = installed.log("run")
    assert f"nocturne: The store {path} is damaged" in said
    assert f"restored from the backup {backup}" in said
    (kept,) = installed.folder.glob("quarantine/*/nocturne.db")
    assert kept.read_bytes() == spoilt
    status, shown = installed.get("/live/snapshot")
    assert status == 200
    (banner,) = shown["notices"]
    assert banner["level"] == "error"
    assert banner["text"] in said
    run.terminate()
    assert run.wait(10) == 0


def overwrite(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(PAGE)
        file.write(random.Random(SEED).randbytes(size - PAGE))


def zero_the_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(100))


def truncate(path: Path) -> None:
    os.truncate(path, 0)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // PAGE // 2 * PAGE)


def into_the_file(path: Path) -> None:
    """Have the log taken into the file, so that damage of the file is damage of what is read."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


@pytest.mark.parametrize("damage", [overwrite, zero_the_header, truncate, cut])
def test_a_monitor_whose_store_is_damaged_while_it_runs_says_so_and_ends(
    installed: Installed, damage: Callable[[Path], None]
) -> None:
    path = installed.folder / "nocturne.db"
    monitor = installed.start("monitor")
    wait_for(lambda: '"event": "monitoring"' in installed.log("monitor"), 40)

    into_the_file(path)
    damage(path)
    begun = time.monotonic()

    assert monitor.wait(LOST_S) == LOST
    print(f"damaged to end: {time.monotonic() - begun:.1f} s")
    log = installed.log("monitor")
    assert "the store is damaged; stopping" in log or "the store is damaged" in log
    assert f"nocturne: the store {path} is damaged" in log
    assert "Traceback" not in log


@pytest.mark.parametrize("loss", [overwrite, Path.unlink], ids=["overwritten", "deleted"])
def test_a_run_whose_store_is_lost_while_it_runs_restores_it_and_goes_on(
    installed: Installed, loss: Callable[[Path], None]
) -> None:
    path = installed.folder / "nocturne.db"
    run = installed.start("run")
    wait_for(lambda: installed.get("/health/ready")[0] == 200, 60)
    backup = installed.app("backup").stdout.strip()

    into_the_file(path)
    loss(path)
    begun = time.monotonic()

    wait_for(lambda: f"restored from the backup {backup}" in installed.log("run"), 60)
    wait_for(lambda: installed.get("/health/ready")[0] == 200, 60)
    print(f"lost to ready again: {time.monotonic() - begun:.1f} s")
    assert "the store is lost: it is restored from its last backup" in installed.log("run")
    assert path.exists()
    assert bool(list(installed.folder.glob("quarantine/*/nocturne.db"))) == (loss is overwrite)
    run.terminate()
    assert run.wait(10) == 0
    gap = installed.readings().gaps(datetime.now(UTC) - timedelta(hours=1))
    assert "restored from a backup" in {each.reason for each in gap}


def test_a_backup_can_be_made_and_not_restored_while_nocturne_runs(installed: Installed) -> None:
    monitor = installed.start("monitor")
    wait_for(lambda: '"event": "monitoring"' in installed.log("monitor"), 40)

    made = installed.app("backup")
    refused = installed.app("restore", made.stdout.strip())

    assert (made.returncode, made.stderr) == (0, "")
    assert refused.returncode == 3
    (sentence,) = refused.stderr.splitlines()
    assert "another process has it open: stop Nocturne" in sentence
    assert monitor.poll() is None


@pytest.mark.parametrize("command", [("backup",), ("restore", "x.db")])
def test_a_database_server_is_backed_up_by_its_own_tools(
    installed: Installed, command: tuple[str, ...]
) -> None:
    installed.store = "postgresql://nobody@127.0.0.1:1/nocturne"
    installed.write(installed.checks)

    ended = installed.app(*command)

    assert ended.returncode == 3
    (sentence,) = ended.stderr.splitlines()
    assert f"{command[0]} is for SQLite files" in sentence


@pytest.mark.parametrize("command", ["monitor", "pause"])
def test_a_command_that_begins_with_a_damaged_store_refuses_it_without_a_traceback(
    installed: Installed, command: str
) -> None:
    path = installed.folder / "nocturne.db"
    path.write_bytes(path.read_bytes()[:100] + random.Random(SEED).randbytes(20 * PAGE))

    ended = installed.app(command, *(["load"] if command == "pause" else []))

    assert ended.returncode in (3, LOST)
    assert "Traceback" not in ended.stderr
    assert "the store" in ended.stderr
