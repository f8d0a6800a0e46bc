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

from dashboard.live import Live, Moment, Sight
from dashboard.snapshot import Drawing
from domain.access import Role
from domain.deltas import Taken, delta, taken
from storage.engine import to_ms

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


def blueprint(live: Live, version: str, boot: str, role: Callable[[], Role]) -> Blueprint:
    """The snapshot route. `boot` tells this process' generations from those of the one before.

    What the viewer may do travels in a header: the document is the same for all.
    """
    routes = Blueprint("live", __name__)
    encoder = Encoder(version, boot)

    @routes.get("/live/snapshot")
    def current() -> Response:
        sight = live.look()
        if sight.moment is None:
            return _headed(Response(status=503), sight, role())
        now = encoder.take(sight.moment)
        known = request.headers.get("If-None-Match")
        if known == now.tag:
            return _headed(Response(status=304, headers={"ETag": now.tag}), sight, role())
        takes_deltas = DELTA in request.headers.get("Accept", "")
        encoded = encoder.encode(now, known if takes_deltas else None)
        packed = "gzip" in request.headers.get("Accept-Encoding", "")
        response = Response(
            encoded.packed if packed else encoded.plain,
            content_type=encoded.content_type,
            headers={"ETag": now.tag, "Vary": "Accept, Accept-Encoding"},
        )
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        return _headed(response, sight, role())

    return routes


def _headed(response: Response, sight: Sight, role: Role) -> Response:
    """The beat travels in headers, also on 304: it is part of neither tag nor revision."""
    response.headers["Nocturne-Now"] = str(to_ms(sight.now))
    response.headers["Nocturne-Beat"] = str(to_ms(sight.beat)) if sight.beat else ""
    store = "ok" if sight.store_age_s < STORE_SEEN_S else "unreachable"
    response.headers["Nocturne-Store"] = sight.obstacle.value if sight.obstacle else store
    response.headers["Nocturne-Role"] = "operator" if role >= Role.OPERATOR else "viewer"
    # The browser must ask each time, and may keep the body for its 304.
    response.headers["Cache-Control"] = "private, no-cache"
    return response
