"""An SQLite file that is deleted or replaced is noticed, told, and never begun anew as an empty one."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from storage.presence import backup_folder
from tests.installed import Installed
from tests.waiting import wait_for

GONE = 4
NOTICED_S = 10.0


def store_of(installed: Installed) -> Path:
    return installed.folder / "nocturne.db"


def told_of_store(installed: Installed) -> object:
    """What `/health` says of the store."""
    return (installed.get("/health")[1] or {}).get("monitor", {}).get("store")


def back_up(installed: Installed) -> Path:
    """A backup of the store as a migration makes it."""
    folder = backup_folder(store_of(installed))
    folder.mkdir()
    backup = folder / "nocturne-before-0002-from-0001-20260301T120000Z.db"
    shutil.copy(store_of(installed), backup)
    return backup


def replace(path: Path) -> None:
    other = path.with_name("other.db")
    shutil.copy(path, other)
    other.replace(path)


@pytest.mark.parametrize("loss", [Path.unlink, replace], ids=["deleted", "replaced"])
def test_a_monitor_whose_store_is_lost_says_so_and_ends_within_ten_seconds(
    installed: Installed, loss: object
) -> None:
    backup = back_up(installed)
    monitor = installed.start("monitor")
    installed.wait_for_result("load", 10)
    before = set(installed.folder.iterdir())

    assert callable(loss)
    loss(store_of(installed))
    begun = time.monotonic()

    assert monitor.wait(NOTICED_S) == GONE
    print(f"lost to end: {time.monotonic() - begun:.1f} s")
    log = installed.log("monitor")
    assert "the store was deleted or replaced; stopping" in log
    how = "deleted" if loss is Path.unlink else "replaced by another file"
    assert f"was {how} while Nocturne ran" in log
    assert ("To go on with it as it is, start Nocturne" in log) is (loss is replace)
    assert f"`python app.py restore {backup}`" in log
    assert "Traceback" not in log
    assert set(installed.folder.iterdir()) <= before


def test_health_no_longer_says_connected_once_the_store_is_deleted(installed: Installed) -> None:
    installed.start("web")
    installed.start("monitor")
    wait_for(lambda: installed.get("/health/ready")[0] == 200, 15)
    assert told_of_store(installed) == "connected"

    store_of(installed).unlink()

    wait_for(lambda: told_of_store(installed) == "unreachable", NOTICED_S, 0.2)
    assert installed.get("/health/ready")[0] == 503
    wait_for(lambda: installed.get("/health")[0] == 503, NOTICED_S, 0.2)
    assert not store_of(installed).exists()


def test_a_run_whose_store_is_deleted_and_has_no_backup_ends_and_never_begins_anew(
    installed: Installed,
) -> None:
    run = installed.start("run")
    wait_for(lambda: '"event": "monitoring"' in installed.log("run"), 20)

    store_of(installed).unlink()

    assert run.wait(NOTICED_S + 10) == GONE
    assert not store_of(installed).exists()
    again = installed.app("run")
    assert again.returncode == 3
    assert "there is no backup beside it" in again.stderr
    assert "migrate --new-store" in again.stderr
    assert not store_of(installed).exists()


def test_a_store_that_was_deleted_before_the_start_comes_back_from_its_backup(
    installed: Installed,
) -> None:
    backup = back_up(installed)
    store_of(installed).unlink()

    restored = installed.app("migrate")

    assert restored.returncode == 0
    (sentence,) = restored.stderr.splitlines()
    assert "is missing or empty, though there was one. It was restored from the backup" in sentence
    assert str(backup) in sentence
    assert store_of(installed).exists()


@pytest.mark.parametrize("loss", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_store_that_was_lost_before_the_start_is_refused_until_a_new_one_is_asked_for(
    installed: Installed, loss: object
) -> None:
    assert callable(loss)
    loss(store_of(installed))

    refused = installed.app("migrate")
    monitor = installed.app("monitor")
    asked = installed.app("migrate", "--new-store")

    assert refused.returncode == 3
    (sentence,) = refused.stderr.splitlines()
    assert f"{store_of(installed)} is missing or empty, though there was one" in sentence
    assert "there is no backup beside it" in sentence
    assert monitor.returncode in (3, GONE)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert installed.app("migrate").returncode == 0


def test_a_new_store_never_takes_the_place_of_a_file(installed: Installed) -> None:
    before = store_of(installed).read_bytes()

    refused = installed.app("migrate", "--new-store")

    assert refused.returncode == 3
    assert "move it away" in refused.stderr
    assert store_of(installed).read_bytes() == before


def test_a_first_start_makes_its_store_without_being_asked(installed: Installed) -> None:
    fresh = installed.folder / "fresh"
    fresh.mkdir()
    config = fresh / "config.toml"
    config.write_text("")

    assert installed.app("migrate", "--config", str(config)).returncode == 0

    assert (fresh / "data" / "nocturne.db").exists()
