"""How a process that `run` started learns that its supervisor is gone."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

VARIABLE = "NOCTURNE_SUPERVISOR_PID"


def is_supervised(environ: Mapping[str, str]) -> bool:
    """Whether this process was started by a supervisor."""
    number = environ.get(VARIABLE, "")
    return number.isascii() and number.isdigit()


def orphaned(environ: Mapping[str, str], getppid: Callable[[], int] = os.getppid) -> bool:
    """Whether the supervisor that started this process has died; False where there was none.

    An orphan gets another parent, so it is enough to look at the parent's number.
    """
    return is_supervised(environ) and getppid() != int(environ[VARIABLE])
