"""What the kernel knows of its clock: whether a time service steers it, and how far it may be off.

Source: adjtimex(2) with modes = 0, which only reads and needs no privilege.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

TIME_ERROR = 5
STA_UNSYNC = 0x0040
STA_NANO = 0x2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """`offset_ms` is what is still to be corrected; `max_error_ms` bounds the error from above."""

    synchronised: bool
    offset_ms: float
    max_error_ms: float


def state_of(code: int, status: int, offset: int, max_error_us: int) -> ClockState:
    """The state from the return code and fields of adjtimex; the offset's unit stands in status."""
    return ClockState(
        synchronised=code != TIME_ERROR and not status & STA_UNSYNC,
        offset_ms=abs(offset) / (1e6 if status & STA_NANO else 1e3),
        max_error_ms=max_error_us / 1e3,
    )


def clock() -> ClockState | None:
    """The clock's state; None where the system has no adjtimex, or a sandbox forbids it."""
    try:
        code, status, offset, max_error_us = _call()()
    except OSError:
        return None
    return state_of(code, status, offset, max_error_us)


@cache
def _call() -> Callable[[], tuple[int, int, int, int]]:
    """The system call, as return code, status, offset and largest error."""
    import ctypes  # for this reading alone

    class Timex(ctypes.Structure):
        """The beginning of `struct timex`; what follows is only reserved."""

        _fields_ = (
            ("modes", ctypes.c_uint),
            ("offset", ctypes.c_long),
            ("freq", ctypes.c_long),
            ("maxerror", ctypes.c_long),
            ("esterror", ctypes.c_long),
            ("status", ctypes.c_int),
            ("rest", ctypes.c_char * 256),
        )

    adjtimex = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)

    def call() -> tuple[int, int, int, int]:
        if adjtimex is None:
            raise OSError("no adjtimex on this system")
        found: Any = Timex(modes=0)
        code = adjtimex(ctypes.byref(found))
        if code < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return code, found.status, found.offset, found.maxerror

    return call
