"""`GET /status`: the public status page, made once per change for all who look, without a login."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import structlog
from flask import Blueprint, Response, request
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from dashboard.api.answers import problem
from dashboard.live import Live, Moment, Sight
from dashboard.statushtml import html
from dashboard.statustoken import PATH, Visitors
from dashboard.statusview import PAST, Days, states_of, view
from domain.access import Role
from domain.reading import BEAT_STALE_S, Freshness, freshness
from domain.statuspage import Component, Known, StatusPage, components
from storage import statushistory
from storage.statushistory import Published

log = structlog.get_logger()

MAX_AGE_S = 10
# With nothing new the page is made anew this often, for the age that stands in it.
SLOT_S = 10.0
# Days move slowly, and today's state is shown live beside them.
DAYS_S = 60.0
TOLD_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The page ready to send. `sign` is what it was made of: while that holds, so does the page.

    `good_until` is when its data will be stale if nothing comes any more (UTC); None when it is.
    """

    sign: tuple[Any, ...]
    tag: str
    plain: bytes
    packed: bytes
    good_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was read of the past, and when (monotonic seconds)."""

    days: Days = field(default_factory=dict)
    days_at: float = float("-inf")
    told: tuple[Published, ...] = ()
    told_at: float = float("-inf")
    sign: tuple[Any, ...] = ()


class Board:
    """Keeps the newest page; asked from many threads, one of which makes it."""

    def __init__(
        self, page: StatusPage, live: Live, engine: Engine, monotonic: Callable[[], float]
    ) -> None:
        self._page = page
        self._live = live
        self._engine = engine
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._rows: tuple[int, tuple[Component, ...]] = (-1, ())
        self._past = Past()
        self._made: Made | None = None

    def current(self) -> Made | None:
        """The page as it stands now; None before the store could be read once.

        Raises DBAPIError when the past could never be read.
        """
        sight = self._live.look()
        if sight.moment is None:
            return None
        with self._lock:
            rows = self._components(sight.moment)
            readings = {each.row.name: each.reading for each in sight.moment.checks}
            incidents = tuple((each.id, each.version) for each in sight.moment.incidents)
            stale = freshness(sight.beat, sight.now) == Freshness.STALE
            slot = int(self._monotonic() // SLOT_S)
            sign = (rows, states_of(rows, readings), incidents, stale, slot)
            if self._made is None or self._made.sign != sign:
                self._look_back(rows, sight, incidents)
                shown = view(
                    self._page,
                    rows,
                    readings,
                    self._past.days,
                    self._past.told,
                    now=sight.now,
                    beat=sight.beat,
                    stale=stale,
                )
                self._made = _encoded(sign, html(shown))
            return replace(self._made, good_until=None if stale else fresh_until(sight.beat))

    def _components(self, moment: Moment) -> tuple[Component, ...]:
        """The rows, made once per generation."""
        if self._rows[0] != moment.generation:
            known = [
                Known(
                    id=each.row.id,
                    name=each.row.name,
                    group=str(each.row.about["group"]),
                    tags=tuple(each.row.about["tags"]),
                )
                for each in moment.checks
            ]
            self._rows = (moment.generation, components(self._page, known))
        return self._rows[1]

    def _look_back(
        self, rows: tuple[Component, ...], sight: Sight, incidents: tuple[Any, ...]
    ) -> None:
        """Read of the past what is due to be read. While the store is away what is held stands."""
        try:
            self._past = self._read_past(rows, sight, incidents)
        except DBAPIError as error:
            if self._past.told_at == float("-inf"):
                raise
            log.warning("the past of the status page cannot be read", error=str(error.orig))

    def _read_past(
        self, rows: tuple[Component, ...], sight: Sight, incidents: tuple[Any, ...]
    ) -> Past:
        held, at, now = self._past, self._monotonic(), sight.now
        sign = (rows, incidents)
        checks = {check.id: check.name for row in rows for check in row.checks}
        days, days_at = held.days, held.days_at
        if at - days_at >= DAYS_S or held.sign[:1] != sign[:1]:
            start = now - timedelta(days=self._page.history_days - 1)
            # Nothing was measured after the last beat, whatever stood then.
            measured = min(now, sight.beat or start)
            days, days_at = statushistory.days(self._engine, checks, start, measured), at
        told, told_at = held.told, held.told_at
        if at - told_at >= TOLD_S or held.sign != sign:
            names = list(checks.values())
            told, told_at = statushistory.published(self._engine, names, now - PAST), at
        return Past(days=days, days_at=days_at, told=told, told_at=told_at, sign=sign)


def blueprint(
    page: StatusPage,
    live: Live,
    engine: Engine,
    clock: Callable[[], datetime],
    monotonic: Callable[[], float],
    role: Callable[[], Role],
) -> Blueprint:
    """The one route. It decides itself who may look: everybody, or who has a token or a login."""
    routes = Blueprint("statuspage", __name__)
    board = Board(page, live, engine, monotonic)
    visitors = Visitors(engine, clock, role)

    @routes.get(PATH)
    def status() -> Response:
        if not page.enabled:
            return problem(HTTPStatus.NOT_FOUND, "there is no status page here")
        if page.access == "token":
            entered = visitors.entered(request)
            if entered is not None:
                return entered
            if not visitors.may_look(request):
                return problem(HTTPStatus.UNAUTHORIZED, "this status page is opened by its link")
        made = board.current()
        if made is None:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "the store cannot be reached")
        whose = "public" if page.access == "public" else "private"
        return _answer(made, whose, holds_s(made.good_until, clock()))

    return routes


def fresh_until(beat: datetime | None) -> datetime | None:
    """When data that was fresh with this beat is stale, unless another comes; None without one."""
    return None if beat is None else beat + timedelta(seconds=BEAT_STALE_S)


def holds_s(good_until: datetime | None, now: datetime) -> int:
    """For how many whole seconds a copy of the page may be shown without asking again.

    Never beyond the moment at which the server itself would say that it can't tell any more.
    """
    if good_until is None:
        return MAX_AGE_S
    return max(0, min(MAX_AGE_S, int((good_until - now).total_seconds())))


def _answer(made: Made, whose: str, max_age_s: int) -> Response:
    headers = {
        "ETag": made.tag,
        "Cache-Control": f"{whose}, max-age={max_age_s}",
        "Vary": "Accept-Encoding",
    }
    if made.tag in request.headers.get("If-None-Match", ""):
        return Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    if packed:
        headers["Content-Encoding"] = "gzip"
    body = made.packed if packed else made.plain
    return Response(body, content_type="text/html; charset=utf-8", headers=headers)


def _encoded(sign: tuple[Any, ...], text: str) -> Made:
    plain = text.encode()
    # Weak: the same page also when it is packed.
    tag = f'W/"{hashlib.sha256(plain).hexdigest()[:20]}"'
    return Made(sign=sign, tag=tag, plain=plain, packed=gzip.compress(plain, 6, mtime=0))
