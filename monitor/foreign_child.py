"""The foreign child: runs checks whose code may hang, crash or flood memory, until it is killed.

Started by `monitor.foreign` as `python -m monitor.foreign_child`. Each run has a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import resource
import signal
import struct
import sys
import threading

import msgspec

from domain.facts import Cause, Measurement, Status
from monitor.checks import Check, Deadline
from monitor.foreign_frames import FRAME_BYTES, Order, Reply, frame
from monitor.parting import die_with

STACK_BYTES = 2**20
OUT_OF_MEMORY = 77


def main() -> None:
    """The child: serve orders from stdin until the monitor is gone, then end the whole group."""
    memory_bytes, parent = int(sys.argv[1]), int(sys.argv[2])
    orders, answers = _private_pipes()
    die_with(parent)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.stack_size(STACK_BYTES)
    lock = threading.Lock()
    _send(answers, lock, Reply(id=0))
    with contextlib.suppress(MemoryError, RuntimeError):  # no memory for another thread
        while order := _next_order(orders):
            threading.Thread(target=_serve, args=(order, answers, lock), daemon=True).start()
        os.killpg(0, signal.SIGKILL)
    os._exit(OUT_OF_MEMORY)


def _private_pipes() -> tuple[int, int]:
    """The pipes to the monitor, moved away from where foreign code reads and prints."""
    orders, answers = os.dup(0), os.dup(1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(2, 1)
    return orders, answers


def _serve(order: Order, answers: int, lock: threading.Lock) -> None:
    try:
        _send(answers, lock, _reply(order))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def _reply(order: Order) -> Reply:
    try:
        model = getattr(importlib.import_module(order.module), order.model)
        check: Check = msgspec.msgpack.decode(order.config, type=model)
        found = asyncio.run(_measure(check, order.timeout_s))
    except MemoryError:
        raise
    except Exception as error:  # a bug in a check is a result too
        text = f"{type(error).__name__}: {error}"[:1000]
        return Reply(id=order.id, status=Status.UNKNOWN, cause=Cause.BUG, message=text)
    return Reply(
        id=order.id,
        status=found.status,
        message=found.message,
        cause=found.cause,
        response_time_ms=found.response_time_ms,
        metrics=dict(found.metrics),
        details=dict(found.details),
    )


async def _measure(check: Check, timeout_s: float) -> Measurement:
    return await check.run(Deadline.after(timeout_s))


def _next_order(pipe: int) -> Order | None:
    head = _read_exactly(pipe, 4)
    if not head:
        return None
    body = _read_exactly(pipe, struct.unpack(">I", head)[0])
    return msgspec.msgpack.decode(body, type=Order) if body else None


def _read_exactly(pipe: int, size: int) -> bytes:
    """`size` bytes, or none when the pipe ends before."""
    data = b""
    while len(data) < size:
        part = os.read(pipe, size - len(data))
        if not part:
            return b""
        data += part
    return data


def _send(pipe: int, lock: threading.Lock, reply: Reply) -> None:
    body = msgspec.msgpack.encode(reply)
    if len(body) > FRAME_BYTES:
        short = Reply(
            id=reply.id, status=Status.UNKNOWN, cause=Cause.BUG, message="Result too large"
        )
        body = msgspec.msgpack.encode(short)
    data = frame(body)
    with lock:
        while data:
            data = data[os.write(pipe, data) :]


if __name__ == "__main__":
    main()
