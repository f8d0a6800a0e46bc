"""Silences over HTTP: those that hold, are to come or have just ended; making and ending them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

import msgspec
from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api import pages
from dashboard.api.answers import answer, answer_errors
from dashboard.api.bodies import strictly, wordless
from dashboard.api.orders import Body, Name, Refused, Text
from dashboard.identity import actor, signer
from domain import silences as rules
from domain.matching import Match, Present, as_table, matches, read_match
from domain.silences import MutesEverything, NotASilence, Silence
from storage import silences
from storage.silences import UnknownSilence

ENDED_HOURS = 24
LARGEST_PAGE = 1_000
LARGEST = 2**63 - 1
SOON = timedelta(hours=1)
Minutes = Annotated[int, msgspec.Meta(ge=1, le=366 * 24 * 60)]


class Asked(Body):
    """A silence to make: what it mutes, why, and from when until when (or for how long)."""

    names: ClassVar[tuple[str, ...]] = ("author",)
    texts: ClassVar[tuple[str, ...]] = ("reason",)
    match: dict[str, Any]
    reason: Text
    author: Name | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    minutes: Minutes | None = None
    everything: bool = False


def blueprint(
    engine: Engine,
    clock: Callable[[], datetime],
    *,
    changed: Callable[[], None],
) -> Blueprint:
    """The routes of silences; `changed` is called after each change. Access is decided before."""
    routes = Blueprint("silences", __name__, url_prefix="/api/v1/silences")
    _read(routes, engine, clock)
    _change(routes, engine, clock, changed)
    _answer_refusals(routes)
    return routes


def _read(routes: Blueprint, engine: Engine, clock: Callable[[], datetime]) -> None:
    """The route that only tells."""

    @routes.get("")
    def listed() -> Response:
        now, most = clock(), pages.limit(LARGEST_PAGE, LARGEST_PAGE)
        since = now - timedelta(hours=ENDED_HOURS)
        # One more than is shown tells whether there are further ones.
        try:
            found = silences.listed(engine, since, limit=most + 1, after=_cursor())
        except UnknownSilence:
            raise pages.wrong_cursor() from None
        documents = [document(each, now) for each in found[:most]]
        more = str(found[most - 1].id) if len(found) > most else None
        return answer({"count": len(documents), "silences": documents, "next": more})


def _change(
    routes: Blueprint,
    engine: Engine,
    clock: Callable[[], datetime],
    changed: Callable[[], None],
) -> None:
    """The routes that make and end silences."""

    @routes.post("")
    def make() -> Response:
        asked, now = strictly(request.get_data(), Asked), clock()
        made, muted = _made(engine, asked, now)
        changed()
        response = answer({**document(made, now), "matches": muted}, 201)
        response.headers["Location"] = f"/api/v1/silences/{made.id}"
        return response

    @routes.post("/<int:silence_id>/end")
    def end(silence_id: int) -> Response:
        wordless(request.get_data())
        ended = silences.end(engine, silence_id, actor=actor(), now=clock())
        changed()
        return answer(document(ended, clock()))


def _made(engine: Engine, asked: Asked, now: datetime) -> tuple[Silence, list[str]]:
    """The silence that was asked for, now in the store, and the names of what it mutes."""
    match = _match(asked.match)
    start, end = _span(asked, now)
    present = silences.present(engine)
    rules.check(match, asked.reason, start, end, now, everything=asked.everything, present=present)
    made = silences.silence(
        engine,
        match,
        author=signer(asked.author),
        reason=asked.reason.strip(),
        starts_at=start,
        ends_at=end,
        now=now,
    )
    return made, _names(present, match)


def _answer_refusals(routes: Blueprint) -> None:
    answer_errors(
        routes, {Refused: 400, MutesEverything: 409, NotASilence: 422, UnknownSilence: 404}
    )


def document(silence: Silence, now: datetime) -> dict[str, Any]:
    """A silence. Times are ISO 8601, UTC."""
    return {
        "id": silence.id,
        "match": as_table(silence.match),
        "author": silence.author,
        "reason": silence.reason,
        "starts_at": silence.starts_at.isoformat(),
        "ends_at": silence.ends_at.isoformat(),
        "state": _state(silence, now),
        "expires_soon": _state(silence, now) == "active" and silence.ends_at - now <= SOON,
        "ended_by": silence.ended_by,
    }


def _state(silence: Silence, now: datetime) -> str:
    if silence.ended_by is not None or silence.ends_at <= now:
        return "ended"
    if silence.is_active(now):
        return "active"
    return "pending"


def _cursor() -> int | None:
    text = request.args.get("cursor")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < len(str(LARGEST))):
        raise pages.wrong_cursor()
    return int(text)


def _match(table: dict[str, Any]) -> Match:
    try:
        return read_match(table)
    except ValueError as error:
        raise Refused(f"match: {error}") from None


def _span(asked: Asked, now: datetime) -> tuple[datetime, datetime]:
    start = _utc("starts_at", asked.starts_at) or now
    if (asked.ends_at is None) == (asked.minutes is None):
        raise Refused("ends_at: give either ends_at or minutes")
    if asked.minutes is not None:
        try:
            return start, start + timedelta(minutes=asked.minutes)
        except OverflowError:
            raise Refused("starts_at: it is out of range") from None
    end = _utc("ends_at", asked.ends_at)
    assert end is not None
    return start, end


def _utc(field: str, moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise Refused(f"{field}: it has no zone: write it like 2026-01-31T22:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Refused(f"{field}: it is out of range") from None


def _names(present: Present, match: Match) -> list[str]:
    """The checks that the matcher is about, whatever severity they may reach."""
    whatever = replace(match, severity=())
    return sorted(each.name for each in present.checks if matches(whatever, each))
