"""Takes in what arrived through the web: each kind of arrival has one handler, in a file of its own.

A handler says what an arrival means; that is committed together with the arrival's leaving the inbox.
So after a crash at any moment each arrival counts once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy import Engine

from domain.facts import Sample
from monitor.orders import Ask
from monitor.recorder import Recorder
from storage import inbox
from storage.inbox import Arrival
from storage.journal import Entry, TakenIn
from storage.rule_rows import Ruled

log = structlog.get_logger()

MOST_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What an arrival amounts to; nothing at all when it came to nothing (its check is gone)."""

    entries: tuple[Entry | Ruled, ...] = ()
    samples: tuple[Sample, ...] = ()


class Untakable(Exception):
    """The store would not take what an arrival means."""


class Handler(Protocol):
    """Says what an arrival of one kind means, on the loop's thread; it may move states in memory."""

    def __call__(self, arrival: Arrival) -> Meaning:
        """What it means. Whoever sent it was answered with success: it must not be lost."""
        ...


class Inbox:
    """Takes in the arrivals of all kinds that have a handler, in their order.

    A kind is added by one handler, where `monitor/running.py` makes the inbox.
    """

    def __init__(
        self, engine: Engine, recorder: Recorder, ask: Ask, handlers: Mapping[str, Handler]
    ) -> None:
        self._engine = engine
        self._recorder = recorder
        self._ask = ask
        self._handlers = handlers
        self._taking = asyncio.Lock()
        # What was handed over already and came back: the store refused it, or the buffer was full.
        self._tried: Counter[Arrival] = Counter()

    async def take_in(self) -> int:
        """Take in all that waits; returns how many arrivals. Raises DBAPIError."""
        taken = 0
        async with self._taking:
            while found := await self._ask(self._unread):
                for arrival in found:
                    self._take(arrival)
                taken += len(found)
        return taken

    def _unread(self) -> Sequence[Arrival]:
        """The oldest that were not handed over yet. In the writer's thread, between two commits."""
        handed_over = self._recorder.taking_in()
        most = inbox.AT_ONCE + len(handed_over)
        waiting = inbox.waiting(self._engine, *self._handlers, most=most)
        found = [each for each in waiting if each.id not in handed_over]
        self._tried = Counter({each: self._tried[each] for each in waiting if self._tried[each]})
        return found

    def _take(self, arrival: Arrival) -> None:
        self._tried[arrival] += 1
        meaning = Meaning()
        try:
            if self._tried[arrival] > MOST_TRIES:
                raise Untakable(f"it was refused {MOST_TRIES} times")
            meaning = self._handlers[arrival.kind](arrival)
        except Exception:
            # Kept, it would fail again for ever, and block all that came after it.
            log.exception("an arrival could not be taken in", kind=arrival.kind, id=arrival.id)
        taken_in = TakenIn(ids=(arrival.id,), samples=meaning.samples)
        self._recorder.record([taken_in, *meaning.entries], urgent=True)
