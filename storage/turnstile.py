"""A queue in front of SQLite's write lock: who waits for it is not overtaken.

SQLite has none. Who finds the lock taken asks again, later each time, up to every 100 ms; a writer that
begins again at once is there first nearly always, and the other gives up in the end ("database is
locked"). So whoever is going to write holds a lock of the kernel's on the mark beside the store, until
the write lock is theirs. It is for fairness alone: where it can't be had, writing goes on without it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

# A byte of the mark beyond its text, by "open file description": such a lock keeps the threads of one
# process apart too, and goes with a process that ends. Linux alone has it.
BYTE = 1 << 20
COMMAND = getattr(fcntl, "F_OFD_SETLK", None)
# struct flock: type, whence, start, length, process (0 for this kind).
FLOCK = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, BYTE, 1, 0)
POLL_S = 0.001
# A process that was stopped as it waited must not keep others from writing: a leader renews its lease
# every 2 s. Those who write hold the lock for some milliseconds.
PATIENCE_S = 0.5


@contextlib.contextmanager
def queue(mark: Path | None, patience_s: float = PATIENCE_S) -> Iterator[bool]:
    """Stand at the head of those who want to write, as long as this is open; whether it came to that.

    `mark` is the file beside the store; without it, or after `patience_s`, it goes on all the same.
    """
    descriptor = _open(mark)
    try:
        yield descriptor is not None and _first(descriptor, patience_s)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _open(mark: Path | None) -> int | None:
    if mark is None or COMMAND is None:
        return None
    with contextlib.suppress(OSError):
        return os.open(mark, os.O_RDWR | os.O_CLOEXEC)
    return None


def _first(descriptor: int, patience_s: float) -> bool:
    assert COMMAND is not None, "without it nothing was opened"
    limit = time.monotonic() + patience_s
    while True:
        try:
            fcntl.fcntl(descriptor, COMMAND, FLOCK)
        except BlockingIOError:
            if time.monotonic() >= limit:
                return False
            time.sleep(POLL_S)
        except OSError:
            return False
        else:
            return True
