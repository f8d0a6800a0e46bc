"""Asks the monitor for what only it can do, and waits a while for its reply."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from flask import Response
from sqlalchemy import Engine

from dashboard.api.answers import answer, problem
from dashboard.identity import actor
from domain.facts import Detail
from storage import commands
from storage.commands import CommandState, Reply

WAIT_BEYOND_TIMEOUT_S = 5.0
ASK_AGAIN_S = 0.1
# Each one that waits holds a thread of the server; the others get the reply's address at once.
WAITING_AT_ONCE = 2


class Asking:
    """Commands on behalf of those who ask over HTTP; one for the whole application."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock
        self._waiting = threading.BoundedSemaphore(WAITING_AT_ONCE)

    def ask(
        self,
        verb: str,
        subject: str,
        takes_s: float,
        arguments: Mapping[str, Detail] | None = None,
    ) -> Response:
        """Have the monitor do something that takes so long at most; answer with what it replied."""
        return replied(*self.wait(verb, subject, takes_s, arguments))

    def wait(
        self,
        verb: str,
        subject: str,
        takes_s: float,
        arguments: Mapping[str, Detail] | None = None,
    ) -> tuple[int, Reply | None]:
        """The number of the command, and its reply; None or an open one when that did not come."""
        command = self.request(verb, subject, arguments)
        if not self._waiting.acquire(blocking=False):
            return command, None
        try:
            return command, wait_for(self._engine, command, takes_s + WAIT_BEYOND_TIMEOUT_S)
        finally:
            self._waiting.release()

    def refuse(self, verb: str, subject: str, status: int, why: str) -> Response:
        """Answer that this is not asked of the monitor, and note it in the audit."""
        commands.note_refused(self._engine, verb, subject, why, actor=actor(), now=self._clock())
        return problem(status, why)

    def request(
        self, verb: str, subject: str, arguments: Mapping[str, Detail] | None = None
    ) -> int:
        """Ask and do not wait; the number by which the reply is found."""
        return commands.request(
            self._engine, verb, subject, actor=actor(), now=self._clock(), arguments=arguments
        )


def wait_for(engine: Engine, command_id: int, seconds: float) -> Reply | None:
    """Wait for the monitor's reply, at most so long; the last state seen."""
    deadline = time.monotonic() + seconds
    reply = commands.reply(engine, command_id)
    while is_open(reply) and time.monotonic() < deadline:
        time.sleep(ASK_AGAIN_S)
        reply = commands.reply(engine, command_id)
    return reply


def is_open(reply: Reply | None) -> bool:
    """Whether the monitor has not answered yet."""
    return reply is not None and reply.state in (CommandState.PENDING, CommandState.TAKEN)


def replied(command_id: int, reply: Reply | None) -> Response:
    """200 with the reply; 202 with its address while there is none; 409 for a refusal."""
    address = address_of(command_id)
    if reply is None or is_open(reply):
        response = answer({"state": "pending", "reply": address}, 202)
        response.headers["Location"] = address
        return response
    codes = {CommandState.DONE: 200, CommandState.EXPIRED: 504}
    body = {"state": reply.state.value, **(reply.document or {})}
    return answer(body, codes.get(reply.state, 409))


def address_of(command_id: int) -> str:
    """Where the reply to a command is found."""
    return f"/api/v1/commands/{command_id}"
