"""A monitor that dies while the file on disk is wrong comes back with the configuration in force."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from tests.installed import Installed
from tests.waiting import wait_for

WRONG = '[[check]]\nname = "x"\nkind = "sistem"\nurl = "http://ada:hunter2@h/"\n'


def child(run: int, command: str) -> psutil.Process:
    """The process of a sub-command under a supervisor."""
    return next(each for each in psutil.Process(run).children() if each.cmdline()[-1] == command)


def configuration(installed: Installed) -> dict[str, Any]:
    """What `/health` says of the configuration; nothing while there is no answer."""
    body = installed.get("/health")[1] or {}
    found: dict[str, Any] = body.get("configuration", {"state": None})
    return found


def test_a_monitor_killed_beside_a_wrong_file_starts_again_with_the_last_good_one(
    installed: Installed,
) -> None:
    run = installed.start("run")
    installed.wait_for_result("load", 15)
    wait_for(lambda: configuration(installed)["state"] == "in force", 5)
    installed.write(WRONG)
    wait_for(lambda: configuration(installed)["state"] == "refused", 30)

    killed_at = datetime.now(UTC)
    child(run.pid, "monitor").send_signal(signal.SIGKILL)

    installed.wait_for_result("load", 15, after=killed_at)
    wait_for(lambda: installed.log("run").count("configuration refused") == 2, 5)
    told = configuration(installed)
    assert told["state"] == "refused"
    assert "sistem" in told["reason"]
    assert "stays in force" in told["reason"]
    assert datetime.fromisoformat(told["since"]) <= killed_at
    assert installed.get("/health")[0] == 200
    assert "hunter2" not in str(installed.get("/health")[1]) + installed.log("run")

    installed.write(installed.checks)
    wait_for(lambda: configuration(installed)["state"] == "in force", 30)


def test_a_web_process_killed_beside_a_wrong_file_starts_again_where_it_was(
    installed: Installed,
) -> None:
    run = installed.start("run")
    installed.wait_for_result("load", 15)
    installed.config.write_text("[web]\nport = 'eighty'\n")
    wait_for(lambda: configuration(installed)["state"] == "refused", 30)

    child(run.pid, "web").send_signal(signal.SIGKILL)

    wait_for(lambda: installed.get("/health")[0] == 0, 5)
    wait_for(lambda: installed.get("/health")[0] == 200, 15)


def test_a_run_that_a_person_starts_with_a_wrong_file_starts_nothing(installed: Installed) -> None:
    run = installed.start("run")
    installed.wait_for_result("load", 15)
    installed.write(WRONG)
    run.terminate()
    assert run.wait(8) == 0

    ended = installed.app("run")

    assert ended.returncode == 2
    assert "sistem" in ended.stderr
    assert "hunter2" not in ended.stderr


def test_what_was_accepted_leaves_no_file_behind(installed: Installed) -> None:
    installed.start("run")
    installed.wait_for_result("load", 15)

    found = {path.name for path in Path(installed.folder).rglob("*") if path.is_file()}

    store = {f"nocturne.db{ending}" for ending in ("", "-wal", "-shm", "-made")}
    assert found <= {*store, "config.toml", "run.log"}
