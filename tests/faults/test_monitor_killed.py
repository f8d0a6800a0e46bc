"""kill -9, freezing, succession and clean stops of real monitor processes."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest

from domain.facts import Status
from tests.installed import Installed
from tests.waiting import wait_for, within


def kills(installed: Installed, times: int) -> list[float]:
    """Kill a running monitor so often at random moments; seconds to the first result of each start."""
    chance = random.Random(times)
    first_results = []
    kept: list[datetime] = []
    for _ in range(times):
        begun, before = time.monotonic(), datetime.now(UTC)
        monitor = installed.start("monitor")
        installed.wait_for_result("load", 10, after=before)
        first_results.append(time.monotonic() - begun)
        time.sleep(chance.uniform(0.0, 1.5))
        committed = installed.results("load")
        monitor.kill()
        monitor.wait()
        survived = installed.results("load")
        assert set(committed) <= set(survived)
        assert set(kept) <= set(survived)
        kept = survived
    return first_results


def assert_intact(installed: Installed) -> None:
    """The database passes its integrity check, and no latest state is without its result."""
    with sqlite3.connect(installed.folder / "nocturne.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    row = installed.check("load")
    assert row.state.last_at == installed.results("load")[-1]
    assert row.state.runs == len(installed.results("load"))


def writes(installed: Installed) -> bool:
    """Whether somebody holds the write lock of the SQLite store, longer than any write takes."""
    store = installed.folder / "nocturne.db"
    with closing(sqlite3.connect(store, timeout=1, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
    return False


def freeze(
    installed: Installed, monitor: subprocess.Popen[str], *, within_a_write: bool = False
) -> None:
    """Stop a monitor between two writes, or within one.

    Within one it keeps the lock of a SQLite file, and no other process can write until it goes on
    or ends: a frozen monitor is replaced only if it was stopped between two.
    """
    deadline = time.monotonic() + 30
    while True:
        monitor.send_signal(signal.SIGSTOP)
        # The signal takes a moment to stop every thread.
        time.sleep(0.05)
        if writes(installed) == within_a_write:
            return
        assert time.monotonic() < deadline, "never stopped at the moment that was asked for"
        monitor.send_signal(signal.SIGCONT)
        time.sleep(0.002)


def test_a_monitor_killed_at_random_loses_nothing_that_was_committed(installed: Installed) -> None:
    first_results = kills(installed, 3)

    print(f"kill -9 × 3: first result after {max(first_results):.1f} s at worst")
    assert_intact(installed)


@pytest.mark.faults
def test_a_monitor_killed_twenty_times_loses_nothing_that_was_committed(
    installed: Installed,
) -> None:
    first_results = kills(installed, 20)

    print(f"kill -9 × 20: first result after {max(first_results):.1f} s at worst")
    assert_intact(installed)


def test_sigterm_ends_the_monitor_in_under_five_seconds_with_its_results_stored(
    installed: Installed,
) -> None:
    monitor = installed.start("monitor")
    installed.wait_for_result("load", 10)

    begun = time.monotonic()
    monitor.terminate()

    assert monitor.wait(5) == 0
    print(f"SIGTERM to end: {time.monotonic() - begun:.2f} s")
    assert '"stored": true' in installed.log("monitor")


def test_a_second_monitor_stands_by_says_so_and_takes_over_at_once(installed: Installed) -> None:
    first = installed.start("monitor")
    installed.wait_for_result("load", 10)
    installed.start("monitor")
    wait_for(lambda: installed.board().standbys == 1, 10)
    assert "standing by" in installed.log("monitor")
    epoch = installed.board().holder

    first.kill()
    first.wait()
    begun, now = time.monotonic(), datetime.now(UTC)

    installed.wait_for_result("load", 6, after=now)
    print(f"takeover to first result: {time.monotonic() - begun:.1f} s")
    after = installed.board().holder
    assert epoch is not None
    assert after is not None
    assert after.epoch == epoch.epoch + 1
    wait_for(lambda: installed.board().standbys == 0, 15)


def test_a_frozen_monitor_whose_lease_ran_out_writes_nothing_when_it_thaws(
    installed: Installed,
) -> None:
    frozen = installed.start("monitor")
    installed.wait_for_result("load", 10)
    installed.start("monitor")
    wait_for(lambda: installed.board().standbys == 1, 10)

    freeze(installed, frozen)
    wait_for(lambda: 'epoch": 2' in installed.log("monitor"), 20)
    frozen.send_signal(signal.SIGCONT)

    assert frozen.wait(10) == 1
    assert "another monitor has taken over" in installed.log("monitor")


def test_a_monitor_frozen_within_a_write_is_never_shown_green_and_one_goes_on_when_it_thaws(
    installed: Installed,
) -> None:
    installed.start("web")
    frozen = installed.start("monitor")
    installed.wait_for_result("load", 10)
    installed.start("monitor")
    wait_for(lambda: installed.board().standbys == 1, 10)
    wait_for(lambda: installed.get("/health/ready")[0] == 200, 15)

    freeze(installed, frozen, within_a_write=True)
    wait_for(lambda: installed.get("/health/ready")[0] == 503, 20, pause_s=0.2)
    wait_for(lambda: "database is locked" in installed.log("monitor"), 20)
    thawed = datetime.now(UTC)
    frozen.send_signal(signal.SIGCONT)

    installed.wait_for_result("load", 15, after=thawed)
    wait_for(lambda: installed.get("/health/ready")[0] == 200, 15, pause_s=0.2)


def test_a_frozen_monitor_turns_readiness_503_within_fifteen_seconds(installed: Installed) -> None:
    installed.start("web")
    monitor = installed.start("monitor")
    wait_for(lambda: installed.get("/health/ready")[0] == 200, 15)

    monitor.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    within(lambda: installed.get("/health/ready")[0] == 503, 15, pause_s=0.2)

    print(f"frozen to 503: {time.monotonic() - begun:.1f} s")
    assert installed.get("/health")[0] == 503
    assert installed.get("/health")[1]["status"] == "critical"
    monitor.send_signal(signal.SIGCONT)
    wait_for(lambda: installed.get("/health/ready")[0] == 200, 10)


def test_a_bad_configuration_is_refused_at_reload_and_the_old_one_stays(
    installed: Installed,
) -> None:
    installed.start("monitor")
    installed.wait_for_result("load", 10)

    installed.write('[[check]]\nname = "x"\nkind = "sistem"\n')

    wait_for(lambda: bool(installed.board().notices), 30)
    (notice,) = installed.board().notices
    assert "sistem" in notice.text
    assert "stays in force" in notice.text
    assert [row.name for row in installed.board().checks] == ["load"]

    installed.write(installed.checks)
    wait_for(lambda: not installed.board().notices, 30)


def test_a_changed_configuration_is_taken_up_without_a_restart(installed: Installed) -> None:
    installed.start("monitor")
    installed.wait_for_result("load", 10)

    installed.write(
        installed.checks + '[[check]]\nname = "memory"\nkind = "system"\nresource = "memory"\n'
    )

    installed.wait_for_result("memory", 30)
    assert [row.name for row in installed.board().checks] == ["load", "memory"]


def test_pause_and_resume_from_the_command_line_work_and_a_paused_check_is_never_green(
    installed: Installed,
) -> None:
    installed.start("monitor")
    installed.wait_for_result("load", 10)

    assert installed.app("pause", "load").returncode == 0
    assert not installed.check("load").enabled
    wait_for(lambda: installed.check("load").state.mark == "paused", 5)
    assert installed.app("check-now", "load").returncode != 0

    paused_at = datetime.now(UTC)
    assert installed.app("resume", "load").returncode == 0
    installed.wait_for_result("load", 5, after=paused_at)
    wait_for(lambda: installed.check("load").state.mark == "none", 5)
    assert installed.check("load").state.hard is Status.HEALTHY


def test_check_now_answers_with_the_result(installed: Installed) -> None:
    installed.start("monitor")
    installed.wait_for_result("load", 10)

    answer = installed.app("check-now", "load")

    assert answer.returncode == 0, answer.stderr
    assert "healthy" in answer.stdout
