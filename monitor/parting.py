"""A child process of the monitor ends with it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Be killed when the monitor dies, even while foreign code holds the interpreter's lock."""
    with contextlib.suppress(OSError, AttributeError):  # Linux only; elsewhere stdin's end is it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
