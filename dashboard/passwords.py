"""Hashes of passwords: argon2id with the lower of OWASP's recommended costs, two at a time at most."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# Each takes 19 MiB and a core for a while; more at once would let logins starve the screens.
_turn = threading.BoundedSemaphore(2)


@functools.cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@functools.cache
def _nobodys() -> str:
    return hashed("the password of nobody")


def hashed(password: str) -> str:
    """The hash to be stored."""
    with _turn:
        return _hasher().hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether the password has this hash. Takes as long when there is none to compare with."""
    from argon2.exceptions import InvalidHashError, VerificationError

    # Made also when it is not compared with: else the first unknown name would take twice as long.
    nobodys = _nobodys()
    against = stored or nobodys
    try:
        with _turn:
            _hasher().verify(against, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None
