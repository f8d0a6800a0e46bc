"""How the monitor and its foreign child speak: frames of length and msgpack, over pipes."""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from domain.facts import Cause, Measurement, Status

FRAME_BYTES = 2**20


class Order(msgspec.Struct, frozen=True, array_like=True):
    """What the monitor asks of the child: one run of one check, its class named by module."""

    id: int
    module: str
    model: str
    config: bytes
    timeout_s: float


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement on its way back. Id 0 without content says that the child is ready."""

    id: int
    status: int = 0
    message: str = ""
    cause: str = Cause.NONE
    response_time_ms: float | None = None
    metrics: dict[str, float] = {}
    details: dict[str, Any] = {}


def measurement(reply: Reply) -> Measurement:
    """What the child measured."""
    return Measurement(
        status=Status(reply.status),
        message=reply.message,
        cause=Cause(reply.cause),
        response_time_ms=reply.response_time_ms,
        metrics=reply.metrics,
        details=reply.details,
    )


def frame(body: bytes) -> bytes:
    """A body with its length in front."""
    return struct.pack(">I", len(body)) + body
