"""What operators do over HTTP: check now, pause, resume, start and stop all monitoring."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api.answers import answer, answer_errors, problem
from dashboard.api.asking import Asking, replied
from dashboard.api.bodies import wordless
from dashboard.api.orders import Refused
from dashboard.identity import actor
from storage import commands
from storage.changes import Changes, UnknownDefinition
from storage.readings import Readings

LARGEST = 2**63 - 1


def blueprint(
    engine: Engine,
    readings: Readings,
    changes: Changes,
    asking: Asking,
    clock: Callable[[], datetime],
) -> Blueprint:
    """The operators' routes. Access to them is decided before they are reached."""
    routes = Blueprint("operate", __name__, url_prefix="/api/v1")
    _of_one_check(routes, readings, changes, asking, clock)
    _of_all(routes, changes, clock)
    _replies(routes, engine, clock)

    answer_errors(routes, {Refused: 400})

    return routes


def _of_one_check(
    routes: Blueprint,
    readings: Readings,
    changes: Changes,
    asking: Asking,
    clock: Callable[[], datetime],
) -> None:
    """The routes that do something to one check."""

    @routes.post("/checks/<path:name>/check-now")
    def check_now(name: str) -> Response:
        wordless(request.get_data())
        row = readings.check(name)
        if row is None:
            return problem(404, "there is no check of this name")
        return asking.ask("check-now", name, float(row.about["timeout_s"]))

    @routes.post("/checks/<path:name>/pause")
    def pause(name: str) -> Response:
        wordless(request.get_data())
        return _edit(lambda: changes.pause(name, actor=actor(), now=clock()), "paused")

    @routes.post("/checks/<path:name>/resume")
    def resume(name: str) -> Response:
        wordless(request.get_data())
        return _edit(lambda: changes.resume(name, actor=actor(), now=clock()), "resumed")


def _of_all(routes: Blueprint, changes: Changes, clock: Callable[[], datetime]) -> None:
    """The routes that start and stop all monitoring."""

    @routes.post("/monitoring/start")
    def start() -> Response:
        wordless(request.get_data())
        return _edit(lambda: changes.monitor(True, actor=actor(), now=clock()), "started")

    @routes.post("/monitoring/stop")
    def stop() -> Response:
        wordless(request.get_data())
        return _edit(lambda: changes.monitor(False, actor=actor(), now=clock()), "stopped")


def _replies(routes: Blueprint, engine: Engine, clock: Callable[[], datetime]) -> None:
    """The route that tells what the monitor replied."""

    @routes.get("/commands/<int:command_id>")
    def command(command_id: int) -> Response:
        # Beyond what a number of the store can be there is none.
        reply = None if command_id > LARGEST else commands.reply(engine, command_id, clock())
        if reply is None:
            return problem(404, "there is no command of this number")
        return replied(command_id, reply)


def _edit(change: Callable[[], object], done: str) -> Response:
    try:
        change()
    except UnknownDefinition as unknown:
        return problem(404, str(unknown))
    return answer({"state": done})
