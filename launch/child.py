"""A process that the supervisor starts: in a session of its own, ended with all it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Protocol


class Child(Protocol):
    """A started process, as the supervisor sees it."""

    def ended(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it, and all processes it started, at once."""

    def reload(self) -> None:
        """Tell it to read its configuration again."""


class RealChild:
    """A child as a real process. Its session keeps the terminal's Ctrl-C away from it.

    `descriptors` are open files that it inherits.
    """

    def __init__(
        self, arguments: Sequence[str], environ: Mapping[str, str], descriptors: Sequence[int] = ()
    ) -> None:
        # Our own program with arguments of ours, and no shell.
        self._process = subprocess.Popen(  # nosec B603
            arguments,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=descriptors,
        )

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def ended(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs."""
        if self._process.returncode is None and self._is_dead():
            # Before it is reaped its number is still its own: what it left behind goes with it.
            self._signal_group(signal.SIGKILL)
        return self._process.poll()

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it, and all processes it started, at once."""
        if self._process.returncode is None:
            self._signal_group(signal.SIGKILL)

    def reload(self) -> None:
        """Tell it to read its configuration again."""
        self._process.send_signal(signal.SIGHUP)

    def _is_dead(self) -> bool:
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        try:
            return os.waitid(os.P_PID, self._process.pid, options) is not None
        except ChildProcessError:
            return False

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def how_it_ended(code: int) -> str:
    """The end of a process for people: `with exit code 1`, `by signal SIGKILL`."""
    if code >= 0:
        return f"with exit code {code}"
    try:
        return f"by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"
