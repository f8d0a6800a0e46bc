"""What operators do over HTTP: check now, pause, resume, start and stop all monitoring."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response
from sqlalchemy import Engine

from dashboard.access import problem
from dashboard.api.answers import answer
from storage import commands
from storage.changes import Changes, UnknownDefinition
from storage.commands import CommandState, Reply
from storage.readings import Readings

ACTOR = "anonymous"
WAIT_BEYOND_TIMEOUT_S = 5.0
ASK_AGAIN_S = 0.1
# Each one that waits holds a thread of the server; the others get the reply's address at once.
WAITING_AT_ONCE = 2


def blueprint(
    engine: Engine, readings: Readings, changes: Changes, clock: Callable[[], datetime]
) -> Blueprint:
    """The operators' routes. Access to them is decided before they are reached."""
    routes = Blueprint("operate", __name__, url_prefix="/api/v1")
    waiting = threading.BoundedSemaphore(WAITING_AT_ONCE)

    @routes.post("/checks/<path:name>/check-now")
    def check_now(name: str) -> Response:
        row = readings.check(name)
        if row is None:
            return problem(404, "there is no check of this name")
        command = commands.request(engine, "check-now", name, actor=ACTOR, now=clock())
        if not waiting.acquire(blocking=False):
            return _replied(command, None)
        try:
            reply = wait_for(engine, command, float(row.about["timeout_s"]) + WAIT_BEYOND_TIMEOUT_S)
        finally:
            waiting.release()
        return _replied(command, reply)

    @routes.post("/checks/<path:name>/pause")
    def pause(name: str) -> Response:
        return _edit(lambda: changes.pause(name, actor=ACTOR, now=clock()), "paused")

    @routes.post("/checks/<path:name>/resume")
    def resume(name: str) -> Response:
        return _edit(lambda: changes.resume(name, actor=ACTOR, now=clock()), "resumed")

    @routes.post("/monitoring/start")
    def start() -> Response:
        return _edit(lambda: changes.monitor(True, actor=ACTOR, now=clock()), "started")

    @routes.post("/monitoring/stop")
    def stop() -> Response:
        return _edit(lambda: changes.monitor(False, actor=ACTOR, now=clock()), "stopped")

    @routes.get("/commands/<int:command_id>")
    def command(command_id: int) -> Response:
        reply = commands.reply(engine, command_id, clock())
        if reply is None:
            return problem(404, "there is no command of this number")
        return _replied(command_id, reply)

    return routes


def wait_for(engine: Engine, command_id: int, seconds: float) -> Reply | None:
    """Wait for the monitor's reply, at most so long; the last state seen."""
    deadline = time.monotonic() + seconds
    reply = commands.reply(engine, command_id)
    while _is_open(reply) and time.monotonic() < deadline:
        time.sleep(ASK_AGAIN_S)
        reply = commands.reply(engine, command_id)
    return reply


def _is_open(reply: Reply | None) -> bool:
    return reply is not None and reply.state in (CommandState.PENDING, CommandState.TAKEN)


def _replied(command_id: int, reply: Reply | None) -> Response:
    """200 with the reply; 202 with its address while there is none; 409 for a refusal."""
    address = f"/api/v1/commands/{command_id}"
    if reply is None or _is_open(reply):
        response = answer({"state": "pending", "reply": address}, 202)
        response.headers["Location"] = address
        return response
    codes = {CommandState.DONE: 200, CommandState.EXPIRED: 504}
    body = {"state": reply.state.value, **(reply.document or {})}
    return answer(body, codes.get(reply.state, 409))


def _edit(change: Callable[[], object], done: str) -> Response:
    try:
        change()
    except UnknownDefinition as unknown:
        return problem(404, str(unknown))
    return answer({"state": done})
