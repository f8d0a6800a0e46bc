"""The `process` kind against real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from domain.facts import Cause, Status
from monitor.checks import Deadline
from monitor.checks.process import ProcessCheck


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
        "process.uptime_s",
    }


async def test_a_process_is_found_by_a_part_of_its_command_line(marked: tuple[str, int]) -> None:
    found = await ProcessCheck(match=marked[0]).run(Deadline.after(5))

    assert (found.status, found.metrics["process.count"]) == (Status.HEALTHY, 1.0)
    assert found.message.startswith("1 process, ")


async def test_a_process_is_found_by_its_pid_file(marked: tuple[str, int], tmp_path: Path) -> None:
    file = tmp_path / "daemon.pid"
    file.write_text(f"{marked[1]}\n")

    found = await ProcessCheck(pid_file=str(file)).run(Deadline.after(5))

    assert found.status is Status.HEALTHY


async def test_a_process_that_does_not_run_is_missing() -> None:
    found = await ProcessCheck(match="no-such-process-0815").run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == "No process found for no-such-process-0815"
    assert found.metrics == {"process.count": 0.0}


async def test_a_process_that_has_ended_but_was_not_reaped_is_missing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)

        found = await ProcessCheck(pid=ended.pid).run(Deadline.after(5))

    assert found.message == f"No process found for PID {ended.pid}"


async def test_fewer_processes_than_wanted_are_critical(marked: tuple[str, int]) -> None:
    found = await ProcessCheck(match=marked[0], min_count=2).run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == f"Only 1 process found for {marked[0]}, expected at least 2"


@pytest.mark.parametrize("content", ["", "abc", "-4", "99999999999999999999", "\xff"])
async def test_a_pid_file_without_a_number_says_so(tmp_path: Path, content: str) -> None:
    file = tmp_path / "daemon.pid"
    file.write_text(content, encoding="utf-8")

    found = await ProcessCheck(pid_file=str(file)).run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == f"PID file {file} holds no process number"


async def test_a_pid_file_that_does_not_exist_says_so(tmp_path: Path) -> None:
    found = await ProcessCheck(pid_file=f"{tmp_path}/x").run(Deadline.after(5))

    assert found.message == f"PID file {tmp_path}/x can't be read: No such file or directory"


@pytest.mark.parametrize(
    "fields", [{}, {"match": "a", "pid": "self"}, {"pid": 0}, {"match": ""}, {"pid": "other"}]
)
def test_a_check_must_name_its_process_in_exactly_one_way(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, ProcessCheck)


def test_stock_rules_warn_of_memory_and_cpu() -> None:
    levels = {rule.metric: rule.warning for rule in ProcessCheck(pid="self").stock_rules()}

    assert levels == {"process.memory.percent": 80, "process.cpu.percent": 90}
