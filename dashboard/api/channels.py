"""Channels over HTTP: how each does, and a test of it with its real outcome.

Addresses, headers and secrets of channels are told to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api import pages
from dashboard.api.answers import answer, answer_errors, problem
from dashboard.api.asking import Asking, address_of
from dashboard.api.bodies import strictly, wordless
from dashboard.api.orders import Body, Name, Refused
from storage import commands, definitions, outbox
from storage.changes import CHANNEL
from storage.definitions import Definition
from storage.outbox import ChannelHealth

TEST = "test-channel"
# No channel may take longer for one message.
SEND_S = 15.0


class Tested(Body):
    """Which channel to test; all that are switched on without one."""

    channel: Name | None = None


def blueprint(engine: Engine, asking: Asking) -> Blueprint:
    """The routes of channels. Access to them is decided before."""
    routes = Blueprint("channels", __name__)

    @routes.get("/api/v1/channels")
    def listed() -> Response:
        known = {each.channel: each for each in outbox.health(engine)}
        shown, more = pages.part(in_force(engine), lambda each: each.name)
        found = [document(each, known.get(each.name)) for each in shown]
        return answer({"count": len(found), "channels": found, "next": more})

    @routes.post("/api/v1/channels/<path:name>/test")
    def test(name: str) -> Response:
        wordless(request.get_data())
        if name not in {each.name for each in in_force(engine)}:
            return problem(404, "there is no channel of this name")
        return asking.ask(TEST, name, SEND_S)

    @routes.post("/health/alerts/test")
    def test_all() -> Response:
        asked = strictly(request.get_data(), Tested).channel
        is_on = {each.name: _is_enabled(each) for each in in_force(engine)}
        return _test_each(asking, is_on) if asked is None else _test_one(asking, asked, is_on)

    @routes.get("/health/alerts/test")
    def last() -> Response:
        outcomes = [
            {
                "channel": each.subject,
                "asked_at": each.at.isoformat(),
                "state": each.state.value,
                **(each.document or {}),
            }
            for each in commands.last_of(engine, TEST)
        ]
        return answer({"count": len(outcomes), "outcomes": outcomes})

    answer_errors(routes, {Refused: 400})

    return routes


def _test_one(asking: Asking, name: str, is_on: Mapping[str, bool]) -> Response:
    why = "channel: there is none of this name that is switched on"
    # What names nothing leaves no trace but in the access log.
    if name not in is_on:
        return problem(404, why)
    return asking.ask(TEST, name, SEND_S) if is_on[name] else asking.refuse(TEST, name, 404, why)


def _test_each(asking: Asking, is_on: Mapping[str, bool]) -> Response:
    names = [name for name, on in is_on.items() if on]
    if not names:
        return asking.refuse(TEST, "", 409, "there is no channel to test: add a [[channel]]")
    asks = {name: asking.request(TEST, name) for name in names}
    replies = {name: address_of(number) for name, number in asks.items()}
    return answer({"state": "pending", "replies": replies}, 202)


def in_force(engine: Engine) -> list[Definition]:
    """The channels that the file and the edits define."""
    return [each for each in definitions.load(engine, CHANNEL) if not each.orphaned]


def document(channel: Definition, health: ChannelHealth | None) -> dict[str, Any]:
    """A channel and how it does. Times are ISO 8601, UTC."""
    table = channel.in_force
    known = health or ChannelHealth(channel=channel.name)
    return {
        "name": channel.name,
        "kind": table.get("kind"),
        "enabled": _is_enabled(channel),
        "severities": table.get("severities") or [],
        "fallback": table.get("fallback"),
        "failures": known.failures,
        "next_try": _iso(known.next_try),
        "last_error": known.last_error,
        "last_delivered": _iso(known.last_delivered),
        "pending": known.pending,
        "dead": known.dead,
    }


def _is_enabled(channel: Definition) -> bool:
    return channel.in_force.get("enabled", True) is not False


def _iso(moment: Any) -> str | None:
    return None if moment is None else str(moment.isoformat())
