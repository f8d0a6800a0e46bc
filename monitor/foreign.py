"""Code that may hang, crash or flood memory runs in a child process that can be killed.

This is the monitor's side; the child's is `monitor.foreign_child`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec

from domain.facts import Cause, Measurement, Status
from domain.units import show
from monitor.checks import Check
from monitor.foreign_frames import FRAME_BYTES, Order, Reply, frame, measurement

MEMORY_BYTES = 512 * 10**6
IDLE_S = 60.0
STARTUP_S = 15.0
GRACE_S = 0.5
SHARED_RUNS = 16
LONE_RUNS = 2
OUT_OF_MEMORY = 77
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
MATCHER = "import re,sys; sys.exit(not re.search(sys.argv[1], sys.stdin.buffer.read().decode()))"


class ChildEnded(Exception):
    """The child ended before it answered. `Guilty(ChildEnded)`: and this run was the reason."""


class Guilty(ChildEnded):
    """The run itself brought its child down; the text is for people."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.measurement = Measurement(status=Status.CRITICAL, cause=cause, message=message)


class Child:
    """One child process and the runs that are in flight in it."""

    def __init__(self, process: Process, memory_bytes: int) -> None:
        self.pid = process.pid
        self.ended = False
        self._process = process
        self._memory_bytes = memory_bytes
        self._killed = False
        self._last_id = 0
        self._waiting: dict[int, asyncio.Future[Reply]] = {
            0: asyncio.get_running_loop().create_future()
        }
        self._ready = self._waiting[0]
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, memory_bytes: int, environment: Mapping[str, str]) -> Child:
        """A child that is ready for orders. Raises ChildEnded when it does not get that far."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "monitor.foreign_child", str(memory_bytes), str(os.getpid())),
            stdin=PIPE,
            stdout=PIPE,
            env=dict(environment),
            start_new_session=True,
        )
        child = cls(process, memory_bytes)
        try:
            async with asyncio.timeout(STARTUP_S):
                await child._ready
        except BaseException:
            await child.kill()
            raise
        return child

    async def run(self, check: Check, timeout_s: float) -> Measurement:
        """Have the check run. A run past its time kills the child, and raises Guilty here."""
        self._last_id += 1
        number, model = self._last_id, type(check)
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        config = msgspec.msgpack.encode(check)
        order = Order(number, model.__module__, model.__qualname__, config, timeout_s)
        try:
            async with asyncio.timeout(timeout_s + GRACE_S):
                await self._send(order)
                return measurement(await future)
        except TimeoutError:
            self._waiting.pop(number, None)
            await self.kill()
            limit = show(round(timeout_s * 1000), "ms")
            raise Guilty(Cause.TIMEOUT, f"No answer within {limit}, it was killed") from None
        except asyncio.CancelledError:
            # The run may hang for ever, and nobody else would notice.
            self._waiting.pop(number, None)
            await asyncio.shield(self.kill())
            raise
        finally:
            self._waiting.pop(number, None)

    async def kill(self) -> None:
        """End the whole process group and wait until the child is reaped."""
        self._killed = True
        self._end_group()
        await asyncio.wait({self._reading})

    def _end_group(self) -> None:
        if not self.ended:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    async def _send(self, order: Order) -> None:
        writer = self._process.stdin
        if writer is None or self.ended:
            raise ChildEnded("it had already ended")
        with contextlib.suppress(ConnectionError):  # the reader says how it ended
            writer.write(frame(msgspec.msgpack.encode(order)))
            await writer.drain()

    async def _read(self) -> None:
        """Hand replies to those who wait, until the child ends; then tell the rest how it ended."""
        reader = self._process.stdout
        assert reader is not None
        with contextlib.suppress(asyncio.IncompleteReadError, msgspec.MsgspecError, ValueError):
            while True:
                size = struct.unpack(">I", await reader.readexactly(4))[0]
                if size > FRAME_BYTES:
                    raise ValueError("the child floods the pipe")
                reply = msgspec.msgpack.decode(await reader.readexactly(size), type=Reply)
                future = self._waiting.pop(reply.id, None)
                if future is not None and not future.done():
                    future.set_result(reply)
        self._end_group()
        self.ended = True
        code = await self._process.wait()
        self._tell_the_rest(code)

    def _tell_the_rest(self, code: int) -> None:
        rest = [future for future in self._waiting.values() if not future.done()]
        # Nobody can say which of several brought it down: each is tried again alone.
        alone = len(rest) == 1 and not self._killed and self._ready.done()
        for future in rest:
            error = Guilty(Cause.WRONG_ANSWER, self._ending(code)) if alone else ChildEnded()
            future.set_exception(error)

    def _ending(self, code: int) -> str:
        if code == OUT_OF_MEMORY:
            return f"Used more than its {show(self._memory_bytes, 'bytes')} of memory"
        if code < 0:
            return f"Its process was ended by {signal.Signals(-code).name}"
        return f"Its process ended with exit code {code}"


class ForeignRunner:
    """Runs foreign checks in one warm child that they share, ended when idle.

    When a run brings the child down, the others in it are run once more, each in a fresh child of
    its own; so a run lasts two time-outs at most. A run that brought a child down runs alone
    until it succeeds. `environment` is added to the minimal one the child gets.
    """

    def __init__(
        self,
        *,
        memory_bytes: int = MEMORY_BYTES,
        idle_s: float = IDLE_S,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._start = partial(Child.start, memory_bytes, _environment(environment or {}))
        self._idle_s = idle_s
        self._children: set[Child] = set()
        self._shared: Child | None = None
        self._users = 0
        self._idle: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._closed = False
        self._suspects: set[tuple[type[Check], bytes]] = set()
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(SHARED_RUNS)
        # Apart, so that those who hang again and again don't hold up their former neighbours.
        self._suspect_slots = asyncio.Semaphore(LONE_RUNS)
        self._rerun_slots = asyncio.Semaphore(LONE_RUNS)

    async def run(self, check: Check, kind: str, timeout_s: float) -> Measurement:
        """Run the check in a child. Whatever it does there, this returns a Measurement."""
        key = (type(check), msgspec.msgpack.encode(check))
        try:
            if key in self._suspects:
                measurement = await self._run_alone(check, timeout_s, self._suspect_slots)
                self._suspects.discard(key)
                return measurement
            try:
                return await self._run_shared(check, timeout_s)
            except Guilty:
                raise
            except ChildEnded:
                return await self._run_alone(check, timeout_s, self._rerun_slots)
        except Guilty as guilty:
            self._suspects.add(key)
            return guilty.measurement
        except (ChildEnded, OSError):  # an OSError is also a start that took too long
            reason = "is stopping" if self._closed else "did not start"
            message = f"The process for {kind} checks {reason}"
            return Measurement(status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=message)

    async def close(self) -> None:
        """End all children, and with them all runs in flight."""
        self._closed = True
        if self._idle:
            self._idle.cancel()
        await asyncio.gather(*(child.kill() for child in list(self._children)))

    async def _run_shared(self, check: Check, timeout_s: float) -> Measurement:
        async with self._slots:
            self._users += 1
            if self._idle:
                self._idle.cancel()
            try:
                return await (await self._warm()).run(check, timeout_s)
            finally:
                self._users -= 1
                if not self._users and not self._closed:
                    loop = asyncio.get_running_loop()
                    self._idle = loop.call_later(self._idle_s, self._end_idle)

    async def _run_alone(
        self, check: Check, timeout_s: float, slots: asyncio.Semaphore
    ) -> Measurement:
        async with slots:
            child = await self._new_child()
            try:
                return await child.run(check, timeout_s)
            finally:
                await child.kill()
                self._children.discard(child)

    async def _warm(self) -> Child:
        async with self._starting:
            if self._shared is None or self._shared.ended:
                self._shared = await self._new_child()
            return self._shared

    async def _new_child(self) -> Child:
        if self._closed:
            raise ChildEnded("the runner is closed")
        self._children = {child for child in self._children if not child.ended}
        child = await self._start()
        self._children.add(child)
        return child

    def _end_idle(self) -> None:
        child, self._shared = self._shared, None
        if child is not None:
            self._ending = asyncio.create_task(child.kill())


async def matches(pattern: str, text: str) -> bool:
    """Whether a pattern matches in a text that may be hostile, in a process of its own.

    A pattern can backtrack for hours, holding the interpreter's lock: killed when cancelled.
    """
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-c", MATCHER, pattern), stdin=PIPE, stderr=DEVNULL
    )
    try:
        await child.communicate(text.encode("utf-8", errors="replace"))
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return child.returncode == 0


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    # glibc reserves 64 MB of address space for each arena, which would count against the limit.
    ours = {"PYTHONPATH": str(Path(__file__).parents[1]), "MALLOC_ARENA_MAX": "2"}
    return {**inherited, **ours, **extra}
