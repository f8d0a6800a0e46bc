"""The `process` kind against real processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from domain.facts import Cause, Status
from monitor.checks import Deadline
from monitor.checks.process import ProcessCheck
from monitor.machine.usage import Restarts

WAITS = "import sys; print(flush=True); sys.stdin.read()"
HAS_CHILDREN = """
import subprocess, sys
wait = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
child = subprocess.Popen(
    [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])", *wait],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
)
child.stdout.readline()
print(flush=True)
sys.stdin.read()
child.stdin.close()
child.wait()
"""


@contextmanager
def waiting(program: str = WAITS, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs until it is left; it has said that it is ready."""
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        yield process
        process.stdin.close()
        process.wait(10)


@pytest.fixture
def parent() -> Iterator[str]:
    """A word of the command line of a process that has a child, which has one too."""
    word = f"parent-{uuid.uuid4().hex}"
    with waiting(HAS_CHILDREN, word):
        yield word


@pytest.fixture
def marked() -> Iterator[tuple[str, int]]:
    """A process that waits, and a word of its command line that no other has."""
    word = f"marked-{uuid.uuid4().hex}"
    program = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, word], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield word, process.pid
        process.kill()


@pytest.mark.case("healthy")
async def test_the_monitor_itself_is_measured() -> None:
    found = await ProcessCheck(pid="self").run(Deadline.after(5))

    assert found.status is Status.HEALTHY
    assert set(found.metrics) == {
        "process.count",
        "process.cpu.percent",
        "process.memory.rss_bytes",
        "process.memory.vms_bytes",
        "process.memory.percent",
        "process.threads",
        "process.open_files",
        "process.open_files_percent",
        "process.uptime_s",
        "process.zombies",
        "process.restarts",
        "process.io.read_bytes_per_s",
        "process.io.written_bytes_per_s",
    }
    assert 0 < found.metrics["process.open_files_percent"] <= 100


@pytest.mark.case("healthy")
async def test_a_process_is_found_by_a_part_of_its_command_line(marked: tuple[str, int]) -> None:
    found = await ProcessCheck(match=marked[0]).run(Deadline.after(5))

    assert (found.status, found.metrics["process.count"]) == (Status.HEALTHY, 1.0)
    assert found.message.startswith("1 process, ")


@pytest.mark.case("healthy")
async def test_a_process_is_found_by_its_pid_file(marked: tuple[str, int], tmp_path: Path) -> None:
    file = tmp_path / "daemon.pid"
    file.write_text(f"{marked[1]}\n")

    found = await ProcessCheck(pid_file=str(file)).run(Deadline.after(5))

    assert found.status is Status.HEALTHY


@pytest.mark.case("wrong")
async def test_a_process_that_does_not_run_is_missing() -> None:
    found = await ProcessCheck(match="no-such-process-0815").run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == "No process found for no-such-process-0815"
    assert found.metrics == {"process.count": 0.0, "process.zombies": 0.0, "process.restarts": 0.0}


@pytest.mark.case("wrong")
async def test_a_process_that_has_ended_but_was_not_reaped_is_missing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)

        found = await ProcessCheck(pid=ended.pid).run(Deadline.after(5))

    assert found.message == (
        f"No process found for PID {ended.pid}: 1 has ended and not been reaped (zombie)"
    )
    assert found.metrics["process.zombies"] == 1.0


@pytest.mark.case("wrong")
async def test_fewer_processes_than_wanted_are_critical(marked: tuple[str, int]) -> None:
    found = await ProcessCheck(match=marked[0], min_count=2).run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == f"Only 1 process found for {marked[0]}, expected at least 2"


@pytest.mark.case("hostile")
@pytest.mark.parametrize("content", ["", "abc", "-4", "99999999999999999999", "\xff"])
async def test_a_pid_file_without_a_number_says_so(tmp_path: Path, content: str) -> None:
    file = tmp_path / "daemon.pid"
    file.write_text(content, encoding="utf-8")

    found = await ProcessCheck(pid_file=str(file)).run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == f"PID file {file} holds no process number"


@pytest.mark.case("wrong")
async def test_a_pid_file_that_does_not_exist_says_so(tmp_path: Path) -> None:
    found = await ProcessCheck(pid_file=f"{tmp_path}/x").run(Deadline.after(5))

    assert found.message == f"PID file {tmp_path}/x can't be read: No such file or directory"


@pytest.mark.parametrize(
    "fields", [{}, {"match": "a", "pid": "self"}, {"pid": 0}, {"match": ""}, {"pid": "other"}]
)
def test_a_check_must_name_its_process_in_exactly_one_way(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, ProcessCheck)


async def test_what_children_use_is_counted_when_asked_for(parent: str) -> None:
    alone = await ProcessCheck(match=parent).run(Deadline.after(5))
    family = await ProcessCheck(match=parent, children=True).run(Deadline.after(5))

    assert alone.metrics["process.count"] == family.metrics["process.count"] == 1.0
    assert family.message.startswith("1 process with 2 children, ")
    assert family.metrics["process.threads"] == alone.metrics["process.threads"] + 2
    assert family.metrics["process.memory.rss_bytes"] > alone.metrics["process.memory.rss_bytes"]


async def test_a_process_that_was_replaced_was_restarted(tmp_path: Path) -> None:
    file = tmp_path / "daemon.pid"
    check = ProcessCheck(pid_file=str(file))
    found = []

    for _ in range(3):
        with waiting() as process:
            file.write_text(str(process.pid))
            found.append(await check.run(Deadline.after(5)))
    gone = await check.run(Deadline.after(5))

    assert [each.metrics["process.restarts"] for each in [*found, gone]] == [0, 1, 2, 2]
    assert " ago" not in found[0].message
    assert re.search(r", restarted \d+ s ago$", found[2].message)
    assert gone.cause is Cause.MISSING


def test_workers_that_come_and_go_are_no_restart_and_an_hour_forgets_one() -> None:
    restarts = Restarts()

    seen = [
        restarts.within(running, now)
        for running, now in [
            ({"1@a", "2@a"}, 0.0),
            ({"1@a", "3@b"}, 1.0),
            (set(), 2.0),
            ({"4@c"}, 3.0),
            ({"4@c"}, 3602.9),
            ({"4@c"}, 3603.0),
        ]
    ]

    assert seen == [0, 0, 0, 1, 1, 0]


async def test_what_a_process_writes_is_told_per_second(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfile = open(sys.argv[1], 'wb')\nprint(flush=True)\n"
        "for line in sys.stdin:\n"
        "    file.write(b'x' * 4_000_000); file.flush(); os.fsync(file.fileno()); print(flush=True)\n"
    )
    with waiting(program, str(tmp_path / "data")) as process:
        assert process.stdin is not None and process.stdout is not None
        check = ProcessCheck(pid=process.pid)
        await check.run(Deadline.after(5))
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        found = await check.run(Deadline.after(5))

    # On a filesystem in memory nothing reaches a disk, and the kernel still counts the pages.
    assert found.metrics["process.io.written_bytes_per_s"] > 0


def test_stock_rules_warn_of_memory_and_cpu() -> None:
    levels = {rule.metric: rule.warning for rule in ProcessCheck(pid="self").stock_rules()}

    assert levels == {
        "process.memory.percent": 80,
        "process.cpu.percent": 90,
        "process.open_files_percent": 80,
        "process.restarts": 3,
    }
