"""Foreign code in its child: whatever it does, the monitor gets an answer and no stray process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from domain.facts import Cause, Measurement, Status
from monitor.checks.callable import CallableCheck
from monitor.foreign import ForeignRunner, matches
from tests.waiting import PATIENCE_S

FUNCTIONS = """
import os, subprocess, sys, time
def fine(): return 42
def pid(): return os.getpid()
def slow(): time.sleep(0.6); return os.getpid()
def hang(): time.sleep(3600)
def hang_after_fork():
    child = subprocess.Popen(["sleep", "3600"])
    open(os.environ["PIDS"], "w").write(f"{os.getpid()} {child.pid}")
    time.sleep(3600)
def leave(): os._exit(3)
def leave_late(): time.sleep(0.3); os._exit(3)
def crash(): os.kill(os.getpid(), 11)
def flood(): return len(bytearray(10**10))
def drip_flood():
    kept = []
    while True: kept.append(bytearray(10**7))
def talk():
    print("x" * 100_000, flush=True); os.write(1, b"y" * 100); sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "probes.py").write_text(FUNCTIONS)
    return str(tmp_path)


@pytest.fixture
async def runner(tmp_path: Path) -> AsyncIterator[ForeignRunner]:
    runner = ForeignRunner(environment={"PIDS": str(tmp_path / "pids")}, memory_bytes=300 * 10**6)
    yield runner
    await runner.close()


async def call(
    runner: ForeignRunner, folder: str, name: str, timeout_s: float = PATIENCE_S
) -> Measurement:
    check = CallableCheck(function=f"probes:{name}", path=(folder,))
    return await runner.run(check, "callable", timeout_s)


def alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped by init does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def until_gone(*pids: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while any(alive(pid) for pid in pids):
            await asyncio.sleep(0.02)


async def test_a_function_runs_in_a_process_that_is_not_the_monitor(
    runner: ForeignRunner, folder: str
) -> None:
    first, second = await call(runner, folder, "pid"), await call(runner, folder, "pid")

    assert first.status is Status.HEALTHY
    assert first.metrics["callable.value"] != os.getpid()
    assert first.metrics["callable.value"] == second.metrics["callable.value"]


async def test_a_function_that_hangs_is_killed_with_all_it_started(
    runner: ForeignRunner, folder: str
) -> None:
    await call(runner, folder, "fine")

    found = await call(runner, folder, "hang_after_fork", timeout_s=2)

    pids = [int(pid) for pid in (Path(folder) / "pids").read_text().split()]
    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert found.message == "No answer within 2 s, it was killed"
    await until_gone(*pids)


async def test_a_neighbour_of_one_that_hangs_gets_its_answer(
    runner: ForeignRunner, folder: str
) -> None:
    await call(runner, folder, "fine")

    hung, slow = await asyncio.gather(
        call(runner, folder, "hang", timeout_s=0.1), call(runner, folder, "slow")
    )

    assert hung.cause is Cause.TIMEOUT
    assert slow.status is Status.HEALTHY


async def test_one_that_hung_runs_alone_the_next_time(runner: ForeignRunner, folder: str) -> None:
    await call(runner, folder, "hang", timeout_s=0.1)
    shared = await call(runner, folder, "pid")

    await call(runner, folder, "hang", timeout_s=0.1)

    assert (await call(runner, folder, "pid")).metrics["callable.value"] == shared.metrics[
        "callable.value"
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("leave", "Its process ended with exit code 3"),
        ("crash", "Its process was ended by SIGSEGV"),
        ("flood", "Used more than its 300 MB of memory"),
        ("drip_flood", "Used more than its 300 MB of memory"),
    ],
)
async def test_a_function_that_brings_its_process_down_is_critical_and_says_how(
    runner: ForeignRunner, folder: str, name: str, message: str
) -> None:
    found = await call(runner, folder, name)

    assert (found.status, found.message) == (Status.CRITICAL, message)
    assert (await call(runner, folder, "fine")).status is Status.HEALTHY


async def test_only_the_one_that_ended_the_process_fails_when_several_were_in_it(
    runner: ForeignRunner, folder: str
) -> None:
    await call(runner, folder, "fine")

    left, slow = await asyncio.gather(
        call(runner, folder, "leave_late"), call(runner, folder, "slow")
    )

    assert left.message == "Its process ended with exit code 3"
    assert slow.status is Status.HEALTHY


async def test_what_a_function_prints_does_not_disturb_the_answers(
    runner: ForeignRunner, folder: str
) -> None:
    assert (await call(runner, folder, "talk")).status is Status.HEALTHY


async def test_an_idle_child_ends(folder: str) -> None:
    runner = ForeignRunner(idle_s=0.05)

    found = await call(runner, folder, "pid")

    await until_gone(int(found.metrics["callable.value"]))
    assert (await call(runner, folder, "fine")).status is Status.HEALTHY
    await runner.close()


async def test_closing_ends_the_child_and_the_runs_in_it(folder: str) -> None:
    runner = ForeignRunner()
    pid = int((await call(runner, folder, "pid")).metrics["callable.value"])
    hanging = asyncio.create_task(call(runner, folder, "hang", timeout_s=60))
    await asyncio.sleep(0)

    await runner.close()

    assert (await hanging).status is Status.UNKNOWN
    assert (await call(runner, folder, "fine")).message == (
        "The process for callable checks is stopping"
    )
    await until_gone(pid)


async def test_a_run_that_is_cancelled_leaves_nothing_hanging(folder: str) -> None:
    runner = ForeignRunner()
    pid = int((await call(runner, folder, "pid")).metrics["callable.value"])

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await call(runner, folder, "hang", timeout_s=60)

    await until_gone(pid)
    await runner.close()


MONITOR = """
import asyncio, sys
from monitor.checks.callable import CallableCheck
from monitor.foreign import ForeignRunner
async def main():
    runner = ForeignRunner()
    check = CallableCheck(function="probes:pid", path=(sys.argv[1],))
    print(int((await runner.run(check, "callable", 5)).metrics["callable.value"]), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_the_child_dies_when_the_monitor_is_killed(folder: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", MONITOR, folder], stdout=subprocess.PIPE, cwd=Path.cwd()
    ) as monitor:
        assert monitor.stdout is not None
        pid = int(monitor.stdout.readline())

        monitor.send_signal(signal.SIGKILL)

        await until_gone(pid)


async def test_a_pattern_that_backtracks_for_ever_ends_when_time_is_up() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await matches("(a+)+$", "a" * 40 + "b")


async def test_a_pattern_is_found_in_the_middle_of_a_text() -> None:
    assert await matches("o+k", "nöt fook")
    assert not await matches("^o+k", "nöt fook")
