"""Real processes: a ping is on the tile at once, and counts also when the monitor was killed meanwhile."""

from __future__ import annotations

import time
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from domain.facts import Status
from storage import inbox
from tests.installed import Installed
from tests.waiting import wait_for

CHECKS = """
[[check]]
name = "backup"
kind = "heartbeat"
period = "1h"
interval = "1h"
"""


@pytest.fixture
def jobs(installed: Installed) -> Installed:
    installed.write(CHECKS)
    return installed


def ping(address: str) -> None:
    with urllib.request.urlopen(address, timeout=10) as reply:
        assert (reply.status, reply.read()) == (200, b"OK")


def told(jobs: Installed) -> set[str]:
    """What all failures in the store said."""
    readings = jobs.readings()
    start = datetime.now(UTC) - timedelta(hours=1)
    rows = readings.results(jobs.check("backup").id, start=start, limit=10_000)
    return {str(row.message).partition("exit status ")[2].partition(",")[0] for row in rows}


def made(jobs: Installed) -> str:
    """A new ping URL, once the monitor has published its checks."""
    jobs.wait_for_result("backup", 60)
    printed = jobs.app("token", "backup")
    assert printed.returncode == 0, printed.stderr
    return printed.stdout.strip()


@pytest.mark.case("healthy", kind="heartbeat")
def test_a_ping_is_on_the_tile_without_waiting_for_the_interval(jobs: Installed) -> None:
    jobs.start("run")
    address = made(jobs)
    wait_for(lambda: jobs.get("/health/ready")[0] == 200, 60, pause_s=0.1)
    assert tile(jobs) == "unknown"

    begun = time.monotonic()
    ping(address)
    wait_for(lambda: tile(jobs) == "healthy", 30)
    took = time.monotonic() - begun

    # It is within a quarter of a second, on a machine that does nothing else.
    print(f"ping to tile: {took:.2f} s")
    assert address.rpartition("/")[2] not in jobs.log("run")


def test_pings_count_once_each_however_often_the_monitor_is_killed(jobs: Installed) -> None:
    jobs.start("migrate").wait(60)
    jobs.start("web")
    monitor = jobs.start("monitor")
    address = made(jobs)
    wait_for(lambda: jobs.get("/health/live")[0] == 200, 300, pause_s=0.1)

    for number in range(1, 13):
        ping(f"{address}/{number}")
        # Each time at another moment of taking it in.
        time.sleep(0.02 * number)
        if number % 6 == 3:
            monitor.kill()
            monitor.wait()
            ping(f"{address}/{100 + number}")
            monitor = jobs.start("monitor")
    # The last one is a success.
    ping(address)

    engine = jobs.readings()._engine
    wait_for(lambda: not inbox.waiting(engine, "beat"), 60, pause_s=0.1)
    wait_for(lambda: jobs.check("backup").state.hard is Status.HEALTHY, 60, pause_s=0.1)
    expected = {*range(1, 13), 103, 109}
    assert {f"{number}" for number in expected} <= told(jobs)
    row = jobs.check("backup")
    assert row.state.runs == len(jobs.results("backup"))


def tile(jobs: Installed) -> str:
    status, body = jobs.get("/live/snapshot")
    assert status == 200
    return str(body["checks"][0]["status"])
