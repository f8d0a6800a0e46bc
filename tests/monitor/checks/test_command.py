"""The `command` kind with the real Nagios plugins, and with programs that hang, fork and flood."""

from __future__ import annotations

import asyncio
import re
import resource
import subprocess
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from domain.facts import Cause, Measurement, Status
from domain.mistakes import WrongFields
from monitor.checks import Deadline, command
from monitor.checks.command import CommandCheck, Program
from tests import cases
from tests.waiting import PATIENCE_S

PLUGINS = Path("/usr/lib/nagios/plugins")
needs_plugins = pytest.mark.skipif(
    not (PLUGINS / "check_dummy").exists(), reason="no monitoring-plugins on this machine"
)


@pytest.fixture(scope="module")
def plugins() -> Path:
    told = subprocess.run([PLUGINS / "check_dummy", "-V"], capture_output=True, text=True)
    version = re.search(r"monitoring-plugins ([0-9.]+)", told.stdout)
    cases.serve("command", f"monitoring-plugins {version[1] if version else '?'}")
    return PLUGINS


async def run(*command: str | Path, timeout_s: float = 10, **env: str) -> Measurement:
    check = msgspec.convert({"command": [str(each) for each in command], "env": env}, CommandCheck)
    return await check.run(Deadline.after(timeout_s))


async def shell(script: str, timeout_s: float = 10, **env: str) -> Measurement:
    """A program of a few lines: the shell is the program here, the check uses none."""
    return await run("/bin/sh", "-c", script, timeout_s=timeout_s, **env)


def running(marker: str) -> list[psutil.Process]:
    """Processes that have this argument and run. What init has not reaped yet has ended."""
    found = []
    for process in psutil.process_iter():
        try:
            if marker in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def zombies() -> list[psutil.Process]:
    return [
        child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE
    ]


async def gone(marker: str) -> bool:
    """Whether no process with this argument is left: SIGKILL needs a moment."""
    end = time.monotonic() + PATIENCE_S
    while running(marker) and time.monotonic() < end:
        await asyncio.sleep(0.01)
    return not running(marker)


@needs_plugins
@pytest.mark.case("healthy")
async def test_a_real_plugin_that_is_content_is_healthy_and_measured(plugins: Path) -> None:
    found = await run(plugins / "check_load", "-w", "900,900,900", "-c", "999,999,999")

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("LOAD OK")
    assert {"command.load1", "command.load15", "command.duration_ms"} <= set(found.metrics)
    assert found.details["exit_code"] == 0
    assert "warning outside 0 to 900" in str(found.details["perfdata"])


@needs_plugins
@pytest.mark.case("healthy")
async def test_the_bytes_of_check_disk_are_bytes(plugins: Path) -> None:
    found = await run(plugins / "check_disk", "-w", "0%", "-c", "0%", "-p", "/")

    assert found.metrics["command.root_bytes"] > 1e6


@needs_plugins
@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("code", "status"),
    [("0", Status.HEALTHY), ("1", Status.WARNING), ("2", Status.CRITICAL), ("3", Status.UNKNOWN)],
)
async def test_the_exit_codes_of_plugins_are_statuses(
    plugins: Path, code: str, status: Status
) -> None:
    found = await run(plugins / "check_dummy", code, "what it says")

    assert found.status is status
    assert found.message.endswith(": what it says")


@needs_plugins
@pytest.mark.case("refused")
async def test_a_plugin_that_is_refused_says_so(plugins: Path, free_port: int) -> None:
    found = await run(plugins / "check_tcp", "-H", "127.0.0.1", "-p", str(free_port))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert "Connection refused" in found.message


async def test_other_exit_codes_are_unknown_and_told() -> None:
    found = await shell("echo it is what it is; exit 42")

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message == "sh exited with 42, expected 0 to 3: it is what it is"


async def test_a_program_that_crashes_is_unknown_with_its_signal() -> None:
    found = await shell("kill -SEGV $$")

    assert found.status is Status.UNKNOWN
    assert found.message == "sh was ended by SIGSEGV"


@pytest.mark.case("refused")
async def test_what_cannot_be_run_is_unknown(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")
    plain.chmod(0o755)

    missing = await run(tmp_path / "missing")
    folder = await run(tmp_path)
    no_program = await run(plain)

    assert {missing.status, folder.status, no_program.status} == {Status.UNKNOWN}
    assert missing.message == f"{tmp_path}/missing can't be run: No such file or directory"
    assert folder.message.endswith("it is no executable file")
    assert no_program.message.endswith("Exec format error")


async def test_only_the_given_environment_is_there_and_nothing_to_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LD_EXAMPLE", "leaked")

    found = await shell("env | sort | tr '\\n' ' '; pwd; cat", MINE="yes")

    words = set(found.message.split()) - {"SHLVL=0", "_=/usr/bin/env", "PWD=/", "OLDPWD=/"}
    assert {"LANG=C.UTF-8", "MINE=yes", "/"} < words
    assert [word for word in words if word.startswith("PATH=")] == [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    ]
    assert len(words) == 4


async def test_arguments_reach_the_program_as_they_are() -> None:
    found = await run("/usr/bin/printf", "%s|%s", "; touch /tmp/x", "a=$(id) b=1")

    assert found.message == "; touch /tmp/x"
    assert found.metrics["command.b"] == 1


@pytest.mark.parametrize(
    "command",
    [
        ["check_load", "-w", "5"],
        ["./check_load"],
        ["../bin/x"],
        ["/usr/bin/check_load -w 5"],
        [""],
        ["/bin/echo", "a\0b"],
        [],
        "/bin/echo a",
    ],
)
def test_a_shell_line_and_a_relative_program_are_refused(command: object) -> None:
    with pytest.raises((WrongFields, msgspec.ValidationError)):
        msgspec.convert({"command": command}, CommandCheck)


def test_variables_that_would_change_what_is_run_are_refused() -> None:
    with pytest.raises(WrongFields, match="PATH is fixed"):
        CommandCheck(command=("/bin/true",), env={"PATH": "/tmp"})
    with pytest.raises(WrongFields, match="no name of a variable"):
        CommandCheck(command=("/bin/true",), env={"A=B": "x"})


async def test_secrets_are_in_no_text() -> None:
    command = ("/bin/sh", "-c", "echo $DB_PASSWORD $1 $3; echo $2 >&2", "sh")
    check = CommandCheck(
        command=(*command, "--token=tok-12345", "--password", "pw-12345"),
        env={"DB_PASSWORD": "db-12345"},
    )

    found = await check.run(Deadline.after(5))

    everything = f"{found!r} {check!r} {check.target()}"
    assert found.message == "*** --token=*** ***"
    assert "12345" not in everything
    assert check.target() == "/bin/sh"


async def test_a_counter_is_a_rate_from_the_second_run_on(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f'echo "OK | in=$(cat {count})c level=5"'

    count.write_text("1000")
    first = await shell(script)
    await asyncio.sleep(0.05)
    count.write_text("1100")
    second = await shell(script)
    count.write_text("20")
    restarted = await shell(script)

    assert "command.in_per_s" not in first.metrics and first.metrics["command.level"] == 5
    assert 0 < second.metrics["command.in_per_s"] < 100 / 0.05
    assert restarted.metrics["command.in_per_s"] > 0


@pytest.mark.case("timeout")
async def test_a_program_that_hangs_is_ended_with_all_it_has_forked() -> None:
    start = time.monotonic()

    found = await shell(
        "sleep 3607.1231 & (sleep 3607.1231 & sleep 3607.1231) ; sleep 3607.1231", timeout_s=0.3
    )

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert found.message == "sh did not end within 300 ms and was killed"
    assert time.monotonic() - start < PATIENCE_S
    assert await gone("3607.1231")
    assert zombies() == []


@pytest.mark.case("timeout")
@pytest.mark.parametrize("timeout_s", [0, 0.001, 0.002, 0.004, 0.008])
async def test_a_deadline_amid_the_start_ends_what_has_started(timeout_s: float) -> None:
    start = time.monotonic()

    found = await shell("sleep 3607.1236 & sleep 3607.1236", timeout_s=timeout_s)

    assert found.cause is Cause.TIMEOUT
    assert time.monotonic() - start < PATIENCE_S
    assert await gone("3607.1236")
    assert zombies() == []


@pytest.mark.case("timeout")
async def test_a_program_that_ignores_signals_is_ended_all_the_same() -> None:
    script = "trap '' TERM INT HUP; while :; do sleep 3607.1232; done"

    found = await shell(script, timeout_s=0.3)

    assert found.cause is Cause.TIMEOUT
    assert await gone("3607.1232")


@pytest.mark.case("hostile")
async def test_a_program_that_cannot_be_killed_is_not_started_again_and_again() -> None:
    check = CommandCheck(command=("/bin/echo", "back"))
    stuck = Program()  # as after SIGKILL to one that waits for a dead disk, or is another user's
    command._left[msgspec.msgpack.encode(check)] = stuck

    held = await check.run(Deadline.after(5))
    stuck.process_exited()
    after = await check.run(Deadline.after(5))

    assert (held.status, held.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert held.message == "echo of an earlier run is still there and can't be ended"
    assert after.message == "back"


@pytest.mark.case("hostile")
async def test_what_a_program_leaves_running_is_ended_and_not_waited_for() -> None:
    start = time.monotonic()

    found = await shell("sleep 3607.1233 & echo 'gone already | a=1'; exit 1")

    assert (found.status, found.message) == (Status.WARNING, "gone already")
    assert found.details["left_running"] is True
    assert found.metrics["command.a"] == 1
    assert time.monotonic() - start < PATIENCE_S
    assert await gone("3607.1233")


@pytest.mark.case("hostile")
async def test_a_child_that_escapes_into_its_own_session_is_not_waited_for() -> None:
    start = time.monotonic()

    found = await shell("setsid sleep 60 & echo free")

    assert found.message == "free" and found.details["left_running"] is True
    assert time.monotonic() - start < PATIENCE_S


async def test_cancelling_a_run_ends_the_program() -> None:
    running_check = asyncio.create_task(shell("sleep 3607.1234 & sleep 3607.1234"))
    while not running("3607.1234"):
        await asyncio.sleep(0.01)

    running_check.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running_check

    assert await gone("3607.1234")
    assert zombies() == []


@pytest.mark.case("hostile")
async def test_endless_output_costs_little_memory_and_ends_the_program() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    out = await run("/usr/bin/yes", "3607.1235 | a=1")
    error = await shell("yes 3607.1235 >&2")

    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert {out.status, error.status} == {Status.UNKNOWN}
    assert out.message == "yes wrote more than 4 MiB and was killed"
    assert grown_kb < 20_000
    assert await gone("3607.1235 | a=1")


async def test_long_output_is_cut_and_its_exit_code_still_counts() -> None:
    found = await shell("echo 'first | a=1'; yes more | head -c 1000000; echo '| b=2'; exit 2")

    assert (found.status, found.message) == (Status.CRITICAL, "first")
    assert found.details["cut"] is True
    assert len(str(found.details["output"])) <= 2000
    assert found.metrics["command.a"] == 1 and "command.b" not in found.metrics


async def test_control_characters_are_not_shown_and_messages_are_short() -> None:
    found = await shell("printf '\\033[31mred\\000\\007 %0500d\\n\\377\\376 more' 1")

    assert found.message.isprintable() and len(found.message) <= 200
    assert found.message.startswith("[31mred 0")


async def test_a_silent_program_is_told_by_its_errors_or_its_code() -> None:
    errors = await shell("echo went wrong >&2; exit 2")
    nothing = await shell("exit 1")

    assert errors.message == "went wrong" and errors.details["stderr"] == "went wrong"
    assert nothing.message == "sh exited with 1, without a word"


async def test_many_programs_run_at_once_and_the_loop_goes_on() -> None:
    late: list[float] = []

    async def watch() -> None:
        while True:
            due = time.monotonic() + 0.01
            await asyncio.sleep(0.01)
            late.append(time.monotonic() - due)

    watching = asyncio.create_task(watch())
    found = await asyncio.gather(*(shell("sleep 0.1; echo done") for _ in range(10)))
    watching.cancel()

    assert {each.message for each in found} == {"done"}
    assert max(late) < 1
    assert zombies() == []


def test_it_runs_in_a_loop_that_is_not_of_the_main_thread() -> None:
    found: list[Measurement] = []

    async def in_other_loop() -> None:
        found.append(await asyncio.to_thread(lambda: asyncio.run(shell("echo other"))))

    asyncio.run(in_other_loop())

    assert found[0].message == "other"
