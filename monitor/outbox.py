"""Sends what the outbox holds: leases due deliveries, sends them by channel, settles what came of it.

Channels run side by side, the deliveries of one channel one after the other, so that one that hangs
delays no other. What was sent and could not be stored yet is kept until it is: it is not sent again.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from domain.outbox import (
    Delivery,
    DeliveryState,
    Message,
    Outcome,
    Settled,
    failed,
    message_of,
    refused,
    test_message,
    unstored_message,
)
from monitor.channels import Deadline
from monitor.channeltables import NamedChannel, fallbacks
from monitor.orders import Ask, NotTestable
from storage import outbox
from storage.leadership import LeadershipLost, Lease

log = structlog.get_logger()
T = TypeVar("T")

SEND_S = 15.0
PAUSE_S = 1.0
# Whoever adds a delivery also wakes the sender: this is for a word of it that was lost.
IDLE_S = 30.0
CLOSE_S = 2.0
UNSTORED_EVERY = timedelta(hours=1)
GONE = "channel is gone"
OFF = "channel is switched off"


class Sender:
    """The task that empties the outbox while this monitor leads. `ask` runs in the writer's thread."""

    def __init__(
        self,
        engine: Engine,
        lease: Lease,
        ask: Ask,
        clock: Callable[[], datetime],
        *,
        send_s: float = SEND_S,
        pause_s: float = PAUSE_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self._engine = engine
        self._lease = lease
        self._ask = ask
        self._clock = clock
        self._send_s = send_s
        self._pause_s = pause_s
        self._idle_s = idle_s
        # A batch begins its last try early enough to end it before the lease runs out.
        self._batch_s = outbox.LEASED_FOR.total_seconds() * 0.75 - send_s
        self._channels: Mapping[str, NamedChannel] = {}
        self._fallbacks: Mapping[str, str] = {}
        self._alone: frozenset[str] = frozenset()
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._closing = False
        self._took_back = False
        self._told_unstored: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    def adopt(self, channels: Sequence[NamedChannel]) -> None:
        """Send by these channels from now on. Rows of channels that are gone are cancelled."""
        self._channels = {each.name: each for each in channels}
        self._fallbacks = fallbacks(channels)
        self._alone = frozenset(each.name for each in channels if not each.channel.bundles)
        self.wake()

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def test(self, name: str) -> Outcome:
        """Send a test by a channel as it is in force. Raises NotTestable when it tells nobody."""
        named = self._channels.get(name)
        if named is None:
            raise NotTestable(f"there is no channel named {name!r}")
        if not named.enabled:
            raise NotTestable(f"{name} is switched off: it is told of nothing")
        key = f"test:{uuid.uuid4().hex}"
        outcome = await self._send(named, test_message(name, key, self._clock()))
        log.info("channel tested", channel=name, verdict=outcome.verdict.value, text=outcome.text)
        return outcome

    async def tell_unstored(self, text: str) -> None:
        """Tell all channels directly that nothing can be stored, once an hour at most."""
        now = self._clock()
        if self._told_unstored is not None and abs(now - self._told_unstored) < UNSTORED_EVERY:
            return
        self._told_unstored = now
        message = unstored_message(f"unstored:{uuid.uuid4().hex}", text, now)
        channels = [each for each in self._channels.values() if each.enabled]
        outcomes = await asyncio.gather(*(self._send(each, message) for each in channels))
        for named, outcome in zip(channels, outcomes, strict=True):
            log.info("told directly", channel=named.name, verdict=outcome.verdict.value)

    def wake(self) -> None:
        """Look at once: new rows may exist. To be called on the loop."""
        self._wake.set()

    async def close(self, within_s: float = CLOSE_S) -> None:
        """Finish what is being sent, at most so many seconds; the rest waits for the next start."""
        self._closing = True
        self._wake.set()
        tasks = [*self._sending.values(), *([self._task] if self._task else [])]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=within_s)
        for task in late:
            task.cancel()
        if late:
            log.warning("deliveries given up at the stop", count=len(late))
            await asyncio.wait(late, timeout=1.0)

    async def _run(self) -> None:
        try:
            while not self._closing:
                await self._round()
        except LeadershipLost:
            self._closing = True

    async def _round(self) -> None:
        self._wake.clear()
        leased, is_waiting = await self._take()
        for channel, batch in _by_channel(leased):
            self._begin(channel, batch)
        if not leased:
            await self._pause(self._pause_s if is_waiting else self._idle_s)

    async def _take(self) -> tuple[tuple[Delivery, ...], bool]:
        """What is to be sent now, and whether anything is left; nothing while the store is away."""
        busy, alone = frozenset(self._sending), self._alone

        def take() -> tuple[tuple[Delivery, ...], bool]:
            if not self._took_back:
                outbox.take_back(self._engine, self._lease)
                self._took_back = True
            # Nearly always there is nothing, which is quicker to find out.
            if not outbox.is_waiting(self._engine):
                return (), False
            now = self._clock()
            return outbox.lease(self._engine, self._lease, now, busy=busy, alone=alone), True

        try:
            return await self._ask(take)
        except DBAPIError as error:
            log.warning("the outbox can't be read", reason=type(error.orig).__name__)
        except LeadershipLost:
            raise
        except Exception:
            # Nothing but the leadership's end may end the sending.
            log.exception("the outbox can't be read")
        return (), True

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _begin(self, channel: str, batch: Sequence[Delivery]) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(channel, batch))
        self._sending[channel] = task

        def ended(_: asyncio.Task[None]) -> None:
            del self._sending[channel]
            self._wake.set()

        task.add_done_callback(ended)

    async def _deliver(self, name: str, batch: Sequence[Delivery]) -> None:
        """Send a batch of one channel in its order, until one of them fails."""
        started = asyncio.get_running_loop().time()
        left = list(batch)
        try:
            while left and not self._closing:
                if asyncio.get_running_loop().time() - started > self._batch_s:
                    break
                settled = await self._one(left.pop(0))
                if settled is None or settled.state is DeliveryState.RETRY:
                    break
            if left:
                await self._store(lambda: outbox.release(self._engine, self._lease, left))
        except LeadershipLost:
            self._closing = True
        except Exception:
            # A bug in one channel's way must neither end the others nor hide.
            log.exception("deliveries of a channel failed", channel=name)

    async def _one(self, delivery: Delivery) -> Settled | None:
        """Send one delivery and store what came of it."""
        named = self._channels.get(delivery.channel)
        if named is None or not named.enabled:
            return await self._cancel(delivery, GONE if named is None else OFF)
        outcome = await self._carry(named, delivery)
        settled = await self._store(
            lambda: outbox.settle(
                self._engine, self._lease, delivery, outcome, self._clock(), self._fallbacks
            )
        )
        state = settled.state.value if settled is not None else "settled elsewhere"
        log.info("delivery", channel=named.name, key=delivery.key, state=state, text=outcome.text)
        return settled

    async def _cancel(self, delivery: Delivery, reason: str) -> Settled:
        await self._store(
            lambda: outbox.cancel(self._engine, self._lease, delivery, reason, self._clock())
        )
        return Settled(state=DeliveryState.CANCELLED, due=delivery.due, reason=reason)

    async def _carry(self, named: NamedChannel, delivery: Delivery) -> Outcome:
        try:
            message = message_of(delivery)
        except (KeyError, ValueError) as error:
            return refused(f"its body is not readable: {type(error).__name__}")
        return await self._send(named, message)

    async def _send(self, named: NamedChannel, message: Message) -> Outcome:
        try:
            async with asyncio.timeout(self._send_s):
                return await named.channel.send(message, Deadline.after(self._send_s))
        except TimeoutError:
            return failed(f"no answer within {self._send_s:g} s")
        except Exception as error:
            # The text of an error of unknown origin may hold what was configured as secret.
            log.error("a channel raised", channel=named.name, error=type(error).__name__)
            return failed(f"the channel raised {type(error).__name__}")

    async def _store(self, function: Callable[[], T]) -> T:
        while True:
            try:
                return await self._ask(function)
            except DBAPIError as error:
                log.warning("the outbox can't be written", reason=type(error.orig).__name__)
                await asyncio.sleep(self._pause_s)


def _by_channel(deliveries: Sequence[Delivery]) -> list[tuple[str, list[Delivery]]]:
    ordered = sorted(deliveries, key=lambda each: (each.channel, each.id))
    return [(name, list(each)) for name, each in groupby(ordered, key=lambda each: each.channel)]
