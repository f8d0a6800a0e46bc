"""Who may do what: roles, scopes of keys, names, passwords, how long a login lasts, and guessing."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, IntEnum, StrEnum

ANONYMOUS = "anonymous"
NAME = re.compile(r"[\w][\w.@+-]{0,59}")
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200
IDLE = timedelta(hours=24)
LONGEST_SESSION = timedelta(days=30)


class Role(IntEnum):
    """What somebody may do; each role includes those before it."""

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The role in lower case, as it is stored and shown."""
        return self.name.lower()


def role_named(word: str) -> Role:
    """The role that a word names. Raises ValueError for any other than viewer, operator, admin."""
    for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):
        if role.word == word:
            return role
    raise ValueError('must be "viewer", "operator" or "admin"')


class Scope(StrEnum):
    """What a key opens. The first three include those before them; each other one stands alone."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"
    TEST = "test"
    METRICS = "metrics"
    RESULTS = "results"
    WALL = "wall"


ROLE_OF = {Scope.READ: Role.VIEWER, Scope.OPERATE: Role.OPERATOR, Scope.ADMIN: Role.ADMIN}


class KeyKind(StrEnum):
    """What a secret is for: a program, a screen, a status page, one job's heartbeat, a first set-up."""

    API = "api"
    WALL = "wall"
    STATUS = "status"
    HEARTBEAT = "heartbeat"
    SETUP = "setup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a route asks for: this role, or a key with one of these scopes."""

    role: Role
    scopes: frozenset[Scope] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who sends a request. `via` is `anonymous`, `session` or `key`."""

    name: str = ANONYMOUS
    role: Role = Role.NOBODY
    scopes: frozenset[Scope] = field(default_factory=frozenset)
    via: str = ANONYMOUS
    user_id: int | None = None


class Verdict(Enum):
    """Whether a request may pass, and if not, what would help."""

    ALLOWED = "allowed"
    LOGIN_NEEDED = "not allowed without a login"
    ROLE_TOO_LOW = "your role does not allow this"
    SCOPE_MISSING = "the key's scopes do not allow this"


def verdict(identity: Identity, need: Need) -> Verdict:
    """Whether somebody may do what needs `need`."""
    if identity.role >= need.role or identity.scopes & need.scopes:
        return Verdict.ALLOWED
    if identity.via == "key":
        return Verdict.SCOPE_MISSING
    return Verdict.LOGIN_NEEDED if identity.via == ANONYMOUS else Verdict.ROLE_TOO_LOW


def role_of_scopes(scopes: frozenset[Scope]) -> Role:
    """The role that a key's scopes amount to."""
    return max((ROLE_OF.get(scope, Role.NOBODY) for scope in scopes), default=Role.NOBODY)


def folded_name(text: str) -> str:
    """The one form of a login name: composed, in lower case. Raises ValueError for an impossible one."""
    name = unicodedata.normalize("NFKC", text.strip()).casefold()
    if not NAME.fullmatch(name):
        raise ValueError("must be 1 to 60 letters, digits, dots, dashes, underscores, @ or +")
    if name == ANONYMOUS:
        raise ValueError(f"{ANONYMOUS!r} stands for those who are not logged in")
    return name


def normal_password(password: str) -> str:
    """The form in which a password is hashed and compared, however it was typed."""
    return unicodedata.normalize("NFKC", password)


def checked_password(password: str, name: str) -> str:
    """A new password in its normal form. Raises ValueError, without repeating it, when it is weak."""
    normal = normal_password(password)
    if not SHORTEST_PASSWORD <= len(normal) <= LONGEST_PASSWORD:
        raise ValueError(f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    if normal.casefold() == name or len(set(normal)) < SHORTEST_PASSWORD // 2:
        raise ValueError("is too easy to guess")
    return normal


def safe_next(address: str) -> str:
    """Where to go after a login: a path of our own, `/` for any other address."""
    if not address.startswith("/") or address[1:2] in ("/", "\\"):
        return "/"
    # Browsers drop control characters, which would make another address of it.
    return address if address.isprintable() and "\\" not in address else "/"


def session_ends(created: datetime, seen: datetime) -> datetime:
    """When a login ends: a day after it was last used, thirty days after it began at the latest."""
    return min(seen + IDLE, created + LONGEST_SESSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How guessing is slowed: so many failures are free, then each doubles the wait up to `longest`."""

    free: int
    first: timedelta
    longest: timedelta


# An account can't be locked for long by somebody who merely knows its name; an address can.
BY_ACCOUNT = Limit(free=5, first=timedelta(seconds=2), longest=timedelta(minutes=1))
BY_ADDRESS = Limit(free=10, first=timedelta(seconds=4), longest=timedelta(minutes=15))
FORGOTTEN = timedelta(hours=1)


def may_try_at(failures: int, last_at: datetime, limit: Limit) -> datetime:
    """From when on the next login may be tried, after so many failures of which the last was then."""
    beyond = failures - limit.free
    if beyond < 0:
        return last_at
    # Doubled no further than needed: a large power would not fit a timedelta.
    return last_at + min(limit.first * (1 << min(beyond, 20)), limit.longest)


def failures_now(failures: int, last_at: datetime, now: datetime) -> int:
    """How many failures still count: none when the last one was long ago."""
    return 0 if now - last_at > FORGOTTEN else failures
