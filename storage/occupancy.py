"""Who has an SQLite store open: a lock on the mark beside it, which goes with the process.

Everybody who opens the store shares the lock; who puts another file in its place has it alone. Unlike
a lock on the store itself it is still there when the store was deleted.
"""

from __future__ import annotations

import fcntl
import os
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine, event

from storage import presence

PATIENCE_S = 3.0
POLL_S = 0.1
# SQLite's "dead man's switch": each connection in WAL mode shares a lock on this byte of the -shm
# file (walIndex locks in os_unix.c). It tells of programs that are not ours.
SWITCH = 128


class Occupied(Exception):
    """Another process has the store open."""


def share(engine: Engine, path: Path) -> None:
    """Note that this engine has the store open, until it is disposed of. Raises Occupied."""
    descriptor = _open(path)
    if descriptor is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise Occupied from None
    release = weakref.finalize(engine, os.close, descriptor)
    event.listen(engine, "engine_disposed", lambda _: release())


@contextmanager
def alone(path: Path, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Have the store alone: nobody opens it until the end. Raises Occupied after `patience_s`."""
    descriptor = _open(path)
    try:
        limit = time.monotonic() + patience_s
        while not _is_free(path, descriptor):
            if time.monotonic() >= limit:
                raise Occupied
            time.sleep(POLL_S)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _open(path: Path) -> int | None:
    """The mark; None where there is no place for one."""
    presence.mark(path)
    with suppress(OSError):
        return os.open(presence.mark_of(path), os.O_RDONLY | os.O_CLOEXEC)
    return None


def _is_free(path: Path, descriptor: int | None) -> bool:
    try:
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return not _is_switched_on(Path(f"{path.resolve()}-shm"))


def _is_switched_on(shm: Path) -> bool:
    try:
        descriptor = os.open(shm, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, SWITCH)
    except OSError:
        return True
    finally:
        # That closes the lock as well.
        os.close(descriptor)
    return False
