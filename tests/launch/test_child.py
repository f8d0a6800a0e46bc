"""Real processes: their sessions, their ends, and a supervisor over two of them."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from launch.child import RealChild, how_it_ended
from launch.supervisor import Supervisor
from tests.waiting import PATIENCE_S

SLEEPS = "import time; time.sleep(600)"
# Starts a process of its own, tells its number, then sleeps.
PARENT = f"""
import subprocess, sys, pathlib
child = subprocess.Popen([sys.executable, "-c", {SLEEPS!r}])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
{SLEEPS}
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPS


def python(code: str, *arguments: str) -> RealChild:
    return RealChild([sys.executable, "-c", code, *arguments], os.environ)


def wait_for(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < limit, "the condition never came true"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
    except FileNotFoundError:
        return False
    return status.split()[0] != "Z"


def test_a_child_tells_its_exit_code_or_its_signal() -> None:
    code = python("raise SystemExit(7)")
    killed = python(SLEEPS)
    killed.terminate()

    wait_for(lambda: code.ended() is not None and killed.ended() is not None)

    assert code.ended() == 7
    assert killed.ended() == -signal.SIGTERM


def test_what_a_dead_child_had_started_ends_with_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    parent = python(PARENT, str(note))
    wait_for(lambda: note.exists() and note.read_text())
    grandchild = int(note.read_text())

    parent.terminate()
    wait_for(lambda: parent.ended() is not None)

    wait_for(lambda: not is_running(grandchild))


def test_kill_ends_a_child_that_ignores_requests() -> None:
    child = python(DEAF)

    child.kill()

    wait_for(lambda: child.ended() is not None)
    assert child.ended() == -signal.SIGKILL
    child.kill()


def test_ends_are_named_for_people() -> None:
    assert how_it_ended(0) == "with exit code 0"
    assert how_it_ended(-9) == "by signal SIGKILL"
    assert how_it_ended(-200) == "by signal 200"


def test_a_supervisor_restarts_a_killed_child_and_ends_both() -> None:
    pids: dict[str, list[int]] = {"web": [], "monitor": []}
    said: list[str] = []

    def spawn(name: str) -> RealChild:
        if name not in pids:
            return python("")
        child = python(SLEEPS)
        pids[name].append(child.pid)
        return child

    def script(seconds: float) -> None:
        """Kill the monitor once both run; stop once it was started again."""
        time.sleep(min(seconds, 0.02))
        if pids["monitor"] and not said and is_running(pids["monitor"][0]):
            os.kill(pids["monitor"][0], signal.SIGKILL)
        if len(pids["monitor"]) == 2:
            supervisor.request_stop()

    supervisor = Supervisor(spawn, clock=time.monotonic, sleep=script, say=said.append)

    code = supervisor.run(lambda: True, lambda: None, lambda ready: None)

    assert code == 0
    assert len(said) == 1
    assert "monitor process ended by signal SIGKILL" in said[0]
    assert not any(is_running(pid) for each in pids.values() for pid in each)
