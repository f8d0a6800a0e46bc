"""`GET /live/snapshot`: what every screen polls. Encoded and compressed once per change for all."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from flask import Blueprint, Response, request

from dashboard.live import Live, Moment, Sight
from dashboard.snapshot import snapshot
from domain.access import Role
from storage.engine import to_ms

STORE_SEEN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A snapshot ready to send, and its tag."""

    generation: int
    tag: str
    plain: bytes
    packed: bytes


class Encoder:
    """Keeps the newest snapshot encoded."""

    def __init__(self, version: str, boot: str) -> None:
        self._version = version
        self._boot = boot
        self._lock = threading.Lock()
        self._held: Encoded | None = None

    def encode(self, moment: Moment) -> Encoded:
        """The encoded snapshot of `moment`, made at its first request."""
        held = self._held
        if held is not None and held.generation == moment.generation:
            return held
        with self._lock:
            plain = msgspec.json.encode(snapshot(moment, self._version))
            made = Encoded(
                generation=moment.generation,
                tag=f'"{self._boot}-{moment.generation}"',
                plain=plain,
                packed=gzip.compress(plain, 6, mtime=0),
            )
            self._held = made
            return made


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
        encoded = encoder.encode(sight.moment)
        if request.headers.get("If-None-Match") == encoded.tag:
            return _headed(Response(status=304, headers={"ETag": encoded.tag}), sight, role())
        packed = "gzip" in request.headers.get("Accept-Encoding", "")
        response = Response(
            encoded.packed if packed else encoded.plain,
            content_type="application/json",
            headers={"ETag": encoded.tag, "Vary": "Accept-Encoding"},
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
    response.headers["Cache-Control"] = "no-cache"
    return response
