"""What an operator does from the command line: check now, pause, resume, start, stop.

All of it goes through the store, so it works for a monitor on another machine too.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from domain.outbox import Verdict
from launch import config
from launch.commands import OK, REFUSED, Call, complain
from storage import commands
from storage.changes import Changes, UnknownDefinition
from storage.commands import CommandState, Reply
from storage.engine import StoreError, open_existing
from storage.revision import require_current

CHECK_NOW = "check-now"
TEST_CHANNEL = "test-channel"
PATIENCE_S = 35.0
POLL_S = 0.1
FINAL = frozenset({CommandState.DONE, CommandState.FAILED, CommandState.EXPIRED})


def pause(call: Call) -> int:
    """Stop checking one check until it is resumed."""
    return _change(call, lambda changes: changes.pause(call.name, actor=actor(), now=_now()))


def resume(call: Call) -> int:
    """Check a paused check again."""
    return _change(call, lambda changes: changes.resume(call.name, actor=actor(), now=_now()))


def start(call: Call) -> int:
    """Start all monitoring that was stopped."""
    return _change(call, lambda changes: changes.monitor(True, actor=actor(), now=_now()))


def stop(call: Call) -> int:
    """Stop all monitoring; the processes stay."""
    return _change(call, lambda changes: changes.monitor(False, actor=actor(), now=_now()))


def check_now(call: Call) -> int:
    """Have the monitor run one check at once, and print what it found."""
    return tell(call.name, _ask(call, CHECK_NOW))


def test_channel(call: Call) -> int:
    """Have the monitor send a test by one channel, and print what came of it."""
    reply = _ask(call, TEST_CHANNEL)
    document = (reply.document if reply else None) or {}
    if reply is None or reply.state is not CommandState.DONE:
        return tell(call.name, reply)
    print(f"{call.name}: {document.get('outcome')}: {document.get('message')}")
    return OK if document.get("outcome") == Verdict.DELIVERED.value else REFUSED


def tell(name: str, reply: Reply | None) -> int:
    """Print what became of a command; returns the exit code."""
    document = (reply.document if reply else None) or {}
    if reply is not None and reply.state is CommandState.DONE:
        print(f"{name}: {document.get('status')}: {document.get('message')}")
        return OK
    if reply is not None and reply.state is CommandState.FAILED:
        complain(str(document.get("error", f"{name} could not be checked")))
    else:
        complain("no answer from the monitor: does it run?")
    return REFUSED


def await_reply(
    ask: Callable[[], Reply | None], clock: Callable[[], float], sleep: Callable[[float], None]
) -> Reply | None:
    """The last reply, after asking until it is final, or for 35 s (the longest timeout and 5 s)."""
    limit = clock() + PATIENCE_S
    while (reply := ask()) is not None and reply.state not in FINAL and clock() < limit:
        sleep(POLL_S)
    return reply


def actor() -> str:
    """Who stands in the audit: the user of the operating system, as `cli:name`."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        # A container's user number need not have a name.
        return "cli"


def _ask(call: Call, verb: str) -> Reply | None:
    with _store(call) as engine:
        number = commands.request(engine, verb, call.name, actor=actor(), now=_now())
        return await_reply(lambda: commands.reply(engine, number), time.monotonic, time.sleep)


def _change(call: Call, change: Callable[[Changes], object]) -> int:
    try:
        with _store(call) as engine:
            change(Changes(engine))
    except UnknownDefinition as error:
        complain(str(error))
        return REFUSED
    return OK


@contextmanager
def _store(call: Call) -> Iterator[Engine]:
    """The store, which must have this version's schema. Raises StoreError."""
    engine = open_existing(config.read_plain(call.config, call.environ).settings.storage.url)
    try:
        require_current(engine)
        yield engine
    except DBAPIError as error:
        raise StoreError(f"the store cannot be used: {str(error.orig).strip()}") from error
    finally:
        engine.dispose()


def _now() -> datetime:
    return datetime.now(UTC)
