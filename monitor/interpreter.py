"""Modules are imported and a function called by a Python interpreter of its own, which can be killed.

This is the monitor's side; `monitor.interpreter_probe` is what that interpreter runs. Each run has a
fresh process: an import counts only where nothing was imported before.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio import SubprocessTransport
from asyncio.subprocess import DEVNULL, PIPE, Process, SubprocessStreamProtocol
from collections.abc import Mapping
from pathlib import Path
from weakref import WeakKeyDictionary

import msgspec

from domain.facts import Cause
from domain.units import show
from monitor.checks import Deadline, in_thread
from monitor.foreign import INHERITED

PROBE = Path(__file__).with_name("interpreter_probe.py")
LINE_BYTES = 2**16
AT_ONCE = 4
GRACE_S = 0.5


class ModuleFound(msgspec.Struct, frozen=True, kw_only=True):
    """One module that was asked for. `error` is what importing it raised, `ms` how long it took."""

    module: str
    version: str | None
    missing: bool
    error: str | None
    ms: float


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """The call of a function. `missing` says that it, or its module, does not exist."""

    loads: str
    missing: bool
    error: str | None
    returned_false: bool
    ms: float


class Started(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The interpreter's version, told first."""

    python: str


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The last line: everything was done. `peak_bytes` is the most memory that it held."""

    end: bool
    peak_bytes: int


class Broken(Exception):
    """The interpreter did not get to its end; the text says why, for people."""

    def __init__(self, cause: Cause, text: str) -> None:
        super().__init__(text)
        self.cause = cause


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the interpreter is to do, with the folders to search first and its memory limit."""

    modules: tuple[str, ...]
    loads: str | None
    path: tuple[str, ...]
    memory_bytes: int
    parent: int = msgspec.field(default_factory=os.getpid)

    def step(self, done: int) -> str:
        """What it was doing when so many steps were done."""
        if done < len(self.modules):
            return f"Importing {self.modules[done]}"
        return f"Loading {self.loads}" if self.loads else "Ending"


class Answers:
    """What an interpreter has told so far; after it broke down, what it told until then."""

    def __init__(self) -> None:
        self.python: str | None = None
        self.modules: list[ModuleFound] = []
        self.load: Loaded | None = None
        self.peak_bytes: int | None = None

    def take(self, line: bytes) -> None:
        """Note one line. Raises ValueError when it is not of the probe's."""
        found = json.loads(line)
        if not isinstance(found, dict):
            raise ValueError("no answer of the probe")
        if "module" in found:
            self.modules.append(msgspec.convert(found, ModuleFound))
        elif "loads" in found:
            self.load = msgspec.convert(found, Loaded)
        elif "end" in found:
            self.peak_bytes = msgspec.convert(found, Ended).peak_bytes
        else:
            self.python = msgspec.convert(found, Started).python

    @property
    def done(self) -> int:
        """How many steps were done."""
        return len(self.modules) + (self.load is not None)


async def ask(python: str | None, order: Order, answers: Answers, deadline: Deadline) -> None:
    """Have an interpreter (None: the monitor's own) do the order and note its answers.

    At the deadline it is killed with all that it started. Raises Broken when it did not get to its
    end.
    """
    slots, start = _slots(), asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(deadline.at):
            await slots.acquire()
    except TimeoutError:
        text = f"{AT_ONCE} other application checks were running all the time"
        raise Broken(Cause.NOT_MEASURABLE, text) from None
    try:
        async with asyncio.timeout_at(deadline.at):
            await _ask(python or sys.executable, order, answers)
    except TimeoutError:
        spent = show(round((asyncio.get_running_loop().time() - start) * 1000), "ms")
        step = (
            order.step(answers.done) if answers.python else f"Starting {python or sys.executable}"
        )
        raise Broken(Cause.TIMEOUT, f"{step} had not ended after {spent}, it was killed") from None
    finally:
        slots.release()


async def _ask(python: str, order: Order, answers: Answers) -> None:
    if order in _leaving:
        text = "The process of an earlier run can't be killed: it waits for a disk or network mount"
        raise Broken(Cause.TIMEOUT, text)
    try:
        # Starting what lies on a dead mount would block the whole loop.
        await in_thread(("interpreter", python), lambda: os.stat(python))
        transport, process = await _start(python)
    except OSError as error:
        text = f"{python} can't be started: {error.strerror or error}"
        raise Broken(Cause.MISSING, text) from None
    try:
        await _send(process, order)
        ended = await _listen(process, answers)
        if answers.peak_bytes is None:
            code = await process.wait() if ended else None
            raise Broken(Cause.WRONG_ANSWER, _ending(code, python, order, answers))
    finally:
        ending = _leaving[order] = asyncio.create_task(_end(process, transport))
        ending.add_done_callback(lambda _: _leaving.pop(order, None))
        await asyncio.wait({ending}, timeout=2 * GRACE_S)


async def _start(python: str) -> tuple[SubprocessTransport, Process]:
    """What create_subprocess_exec does, with the transport: somebody else may hold its pipes open."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.subprocess_exec(
        lambda: SubprocessStreamProtocol(limit=LINE_BYTES, loop=loop),
        *(python, "-I", "-B", str(PROBE)),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=_environment(),
        cwd="/",
        start_new_session=True,
    )
    return transport, Process(transport, protocol, loop)


async def _send(process: Process, order: Order) -> None:
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):  # how it ended is told by its exit code
        process.stdin.write(msgspec.json.encode(order))
        await process.stdin.drain()
        process.stdin.close()


async def _listen(process: Process, answers: Answers) -> bool:
    """Take lines until the last one, or one that is not of the probe's; true is the pipe's end."""
    assert process.stdout is not None
    try:
        while answers.peak_bytes is None:
            line = await process.stdout.readline()
            if not line:
                return True
            answers.take(line)
    except ValueError:  # also of a line over the limit, and of what is not of the right form
        return False
    return False


def _ending(code: int | None, python: str, order: Order, answers: Answers) -> str:
    """How the interpreter ended before its time; None is the code of one that tells nonsense."""
    if answers.python is None or code is None:
        how = "" if code is None else f" (exit code {code})"
        return f"{python} did not run as a Python interpreter{how}"
    if code < 0:
        return f"{order.step(answers.done)} was ended by {signal.Signals(-code).name}"
    return f"{order.step(answers.done)} ended the process (exit code {code})"


async def _end(process: Process, transport: SubprocessTransport) -> None:
    """Kill the whole process group, let go of its pipes and reap the interpreter."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            while await process.stdout.read(LINE_BYTES):
                pass
    transport.close()
    await process.wait()


# Processes that were killed and have not gone yet.
_leaving: dict[Order, asyncio.Task[None]] = {}
_semaphores: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _slots() -> asyncio.Semaphore:
    """So many interpreters at once: loading is heavy, and must not slow the other checks."""
    loop = asyncio.get_running_loop()
    return _semaphores.setdefault(loop, asyncio.Semaphore(AT_ONCE))


def _environment() -> Mapping[str, str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    # glibc reserves 64 MB of address space for each arena, which would count against the limit.
    return {**inherited, "MALLOC_ARENA_MAX": "2"}
