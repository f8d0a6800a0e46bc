"""Commands to the monitor: each verb is one coroutine; the reply is stored where it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy import Engine

from domain.facts import Detail
from domain.outbox import Outcome
from monitor.cycle import Cycle
from monitor.drafts import Draft, Faulty
from storage import commands
from storage.commands import Command
from storage.leadership import Lease

log = structlog.get_logger()
T = TypeVar("T")
# Somebody may ask for a thousand checks in one go, and each takes a connection.
AT_ONCE = 50
Document = Mapping[str, Detail]


class Ask(Protocol):
    """Runs a store function in the writer's thread."""

    def __call__(self, function: Callable[[], T]) -> Awaitable[T]:
        """Await what it returns."""
        ...


class Post(Protocol):
    """Sends to people; raises NotTestable (a message for people) for a channel that can't be tried."""

    async def test(self, name: str) -> Outcome:
        """Send a test by a channel; what came of it."""
        ...


class Bench(Protocol):
    """Where drafts of checks are judged and tried; both raise Faulty."""

    async def check(self, draft: Draft) -> None:
        """Say whether it could be in force."""
        ...

    async def run(self, draft: Draft) -> Document:
        """Run it once; what it found."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What commands are carried out with."""

    cycle: Cycle
    post: Post
    drafts: Bench


class OrderRefused(Exception):
    """A command that cannot be carried out; the message goes into the reply."""


class NotTestable(Exception):
    """The channel tells nobody, so a test of it would say nothing; the message says why."""


async def obey(
    engine: Engine, lease: Lease, hands: Hands, ask: Ask, clock: Callable[[], datetime]
) -> int:
    """Take all pending commands and carry them out; returns how many. Expired ones never run."""
    taken = await ask(lambda: commands.take(engine, lease, clock()))
    slots = asyncio.Semaphore(AT_ONCE)

    async def carry_out(command: Command) -> None:
        async with slots:
            document, ok = await _carry_out(command, hands)
        await ask(_answer(engine, command, ok, document, clock()))

    await asyncio.gather(*(carry_out(command) for command in taken))
    return len(taken)


async def _carry_out(command: Command, hands: Hands) -> tuple[Document, bool]:
    verb = VERBS.get(command.verb)
    log.info("command", verb=command.verb, subject=command.subject, actor=command.actor)
    try:
        if verb is None:
            raise OrderRefused(f"the monitor knows no command {command.verb!r}")
        return await verb(command, hands), True
    except Faulty as faulty:
        return {"error": str(faulty), "errors": dict(faulty.errors)}, False
    except (OrderRefused, NotTestable) as refused:
        return {"error": str(refused)}, False
    except Exception as error:
        log.exception("a command failed", verb=command.verb)
        return {"error": f"{command.verb} failed: {type(error).__name__}"}, False


async def _test_channel(command: Command, hands: Hands) -> Document:
    outcome = await hands.post.test(command.subject)
    return {"outcome": outcome.verdict.value, "message": outcome.text}


async def _check_now(command: Command, hands: Hands) -> Document:
    cycle = hands.cycle
    watch = cycle.roster.get(command.subject)
    if watch is None:
        raise OrderRefused(f"there is no check named {command.subject!r}")
    if not watch.enabled:
        raise OrderRefused(f"{command.subject} is paused: resume it first")
    result = await cycle.run(command.subject)
    if result is None:
        raise OrderRefused(f"{command.subject} is being checked already")
    return {
        "status": result.status.word,
        "message": result.message,
        "response_time_ms": result.response_time_ms,
        "at": result.at.isoformat(),
    }


async def _check_draft(command: Command, hands: Hands) -> Document:
    await hands.drafts.check(_draft(command))
    return {"fits": True}


async def _try_check(command: Command, hands: Hands) -> Document:
    return await hands.drafts.run(_draft(command))


def _draft(command: Command) -> Draft:
    of, fields = command.arguments.get("of"), command.arguments.get("fields")
    if not isinstance(fields, dict):
        raise OrderRefused("the command holds no draft")
    return Draft(of=of if isinstance(of, str) else None, fields=fields)


def _answer(
    engine: Engine, command: Command, ok: bool, document: Document, now: datetime
) -> Callable[[], None]:
    return lambda: commands.answer(engine, command.id, ok=ok, document=document, now=now)


VERBS: Mapping[str, Callable[[Command, Hands], Coroutine[Any, Any, Document]]] = {
    "check-draft": _check_draft,
    "check-now": _check_now,
    "test-channel": _test_channel,
    "try-check": _try_check,
}
