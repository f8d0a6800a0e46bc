"""A `run` in the foreground ends with its terminal; one without a terminal reloads at SIGHUP."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

from tests.installed import ROOT, Installed
from tests.waiting import wait_for

PROGRAM = [sys.executable, "app.py"]
LOST_TERMINAL_S = 10.0


def in_terminal(installed: Installed) -> tuple[subprocess.Popen[str], int]:
    """A `run` whose controlling terminal is a new one, and the other end of that."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        # What a terminal emulator does before it starts a shell.
        [
            sys.executable,
            "-c",
            # A test run under nohup hands on that SIGHUP is ignored.
            "import fcntl, os, signal, sys, termios; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
            "os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
            "os.execv(sys.argv[1], sys.argv[1:])",
            *PROGRAM,
            "--config",
            str(installed.config),
            "run",
        ],
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        text=True,
    )
    installed.processes.append(process)
    os.close(theirs)
    return process, ours


def output(end: int) -> str:
    """What stands on a terminal now."""
    try:
        return os.read(end, 65536).decode(errors="replace")
    except OSError:
        return ""


def test_a_run_whose_terminal_is_closed_ends_with_its_results_stored(installed: Installed) -> None:
    run, terminal = in_terminal(installed)
    installed.wait_for_result("load", 20)
    # On a machine that is slow to start it says instead what its address will be.
    assert f"http://127.0.0.1:{installed.port}" in output(terminal)

    os.close(terminal)

    assert run.wait(LOST_TERMINAL_S) == 0
    wait_for(lambda: installed.get("/health/live")[0] == 0, 2)
    row = installed.check("load")
    assert row.state.last_at == installed.results("load")[-1]


def test_a_run_without_a_terminal_takes_sighup_for_a_reload(installed: Installed) -> None:
    with (installed.folder / "service.log").open("w") as log:
        run = subprocess.Popen(
            [*PROGRAM, "--config", str(installed.config), "run"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
    installed.processes.append(run)
    installed.wait_for_result("load", 15)

    run.send_signal(signal.SIGHUP)

    wait_for(lambda: "configuration reloaded" in installed.log("service"), 5)
    assert run.poll() is None
