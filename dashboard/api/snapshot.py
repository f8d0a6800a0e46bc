"""`GET /live/snapshot`: what every screen polls. Encoded and compressed once per change for all.

Who says which one it has, and that it takes deltas, gets what has changed since.
"""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.datastructures import Headers

from dashboard.live import Live, Moment, Sight
from dashboard.snapshot import Drawing
from domain.access import Role
from domain.deltas import Taken, delta, taken
from storage.engine import to_ms

PATH = "/live/snapshot"
STORE_SEEN_S = 5.0
WHOLE = "application/json"
DELTA = "application/vnd.nocturne.delta+json"
# The view is made anew twice a second at most, and screens ask every 2 s: more would be for nobody.
KEPT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A body ready to send."""

    content_type: str
    plain: bytes
    packed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One snapshot and its tag, and what was encoded of it: whole (under None), and since others."""

    number: int
    tag: str
    document: Taken
    bodies: dict[str | None, Encoded] = field(default_factory=dict)


class Encoder:
    """Keeps the last snapshots, and what was encoded of the newest."""

    def __init__(self, version: str, boot: str) -> None:
        self._drawing = Drawing(version)
        self._boot = boot
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Generation] = OrderedDict()
        self._newest: Generation | None = None

    def take(self, moment: Moment) -> Generation:
        """The generation of `moment`, made at its first request."""
        held = self._newest
        if held is not None and held.number == moment.generation:
            return held
        with self._lock:
            held = self._newest
            # Whoever waited may have looked before the one that was made meanwhile.
            if held is not None and held.number >= moment.generation:
                return held
            made = Generation(
                number=moment.generation,
                tag=f'"{self._boot}-{moment.generation}"',
                document=taken(self._drawing.snapshot(moment), held.document if held else None),
            )
            if held is not None:
                held.bodies.clear()
            self._kept[made.tag] = self._newest = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return made

    def encode(self, now: Generation, since: str | None) -> Encoded:
        """Its body: what changed since the one with the tag `since`, else the whole."""
        with self._lock:
            base = self._kept.get(since) if since else None
            key = base.tag if base else None
            found = now.bodies.get(key)
            if found is None:
                found = now.bodies[key] = _whole(now) if base is None else _since(base, now)
            return found


def _whole(now: Generation) -> Encoded:
    document = {**now.document.top, "checks": list(now.document.entries.values())}
    return _encoded(document, WHOLE)


def _since(base: Generation, now: Generation) -> Encoded:
    return _encoded({"base": base.tag, **delta(base.document, now.document)}, DELTA)


def _encoded(document: dict[str, Any], content_type: str) -> Encoded:
    plain = msgspec.json.encode(document)
    # Level 6 saves a twentieth of the bytes for twice the time.
    return Encoded(content_type=content_type, plain=plain, packed=gzip.compress(plain, 4, mtime=0))


@dataclass(frozen=True, slots=True)
class Polled:
    """The answer to a poll: its HTTP status, the headers of its own, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


class Snapshots:
    """Answers polls. `boot` tells this process' generations from those of the one before.

    What the viewer may do travels in a header: the document is the same for all.
    """

    def __init__(self, live: Live, version: str, boot: str) -> None:
        self._live = live
        self._encoder = Encoder(version, boot)

    def answer(self, asked: Headers, role: Role) -> Polled:
        """What is answered to a poll with these headers, from a viewer of this role."""
        sight = self._live.look()
        shared = _shared(sight, role)
        if sight.moment is None:
            return Polled(503, shared)
        now = self._encoder.take(sight.moment)
        known = asked.get("If-None-Match")
        if known == now.tag:
            return Polled(304, {"ETag": now.tag, **shared})
        encoded = self._encoder.encode(now, known if DELTA in asked.get("Accept", "") else None)
        own = {"ETag": now.tag, "Vary": "Accept, Accept-Encoding", **shared}
        own["Content-Type"] = encoded.content_type
        if "gzip" in asked.get("Accept-Encoding", ""):
            return Polled(200, {**own, "Content-Encoding": "gzip"}, encoded.packed)
        return Polled(200, own, encoded.plain)


def blueprint(snapshots: Snapshots, role: Callable[[], Role]) -> Blueprint:
    """The snapshot route; most polls are answered in `dashboard/polls.py` before it."""
    routes = Blueprint("live", __name__)

    @routes.get(PATH)
    def current() -> Response:
        found = snapshots.answer(request.headers, role())
        return Response(found.body, found.status, found.headers)

    return routes


def _shared(sight: Sight, role: Role) -> dict[str, str]:
    """The beat travels in headers, also on 304: it is part of neither tag nor revision."""
    store = "ok" if sight.store_age_s < STORE_SEEN_S else "unreachable"
    return {
        "Nocturne-Now": str(to_ms(sight.now)),
        "Nocturne-Beat": str(to_ms(sight.beat)) if sight.beat else "",
        "Nocturne-Store": sight.obstacle.value if sight.obstacle else store,
        "Nocturne-Role": "operator" if role >= Role.OPERATOR else "viewer",
        # The browser must ask each time, and may keep the body for its 304.
        "Cache-Control": "private, no-cache",
    }
