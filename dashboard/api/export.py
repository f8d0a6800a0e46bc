"""Exports over HTTP: tables that are sent while they are read, a few at once and not for ever."""

from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from http import HTTPStatus
from itertools import chain, islice
from typing import Any

import structlog
from flask import Blueprint, Response, request

from dashboard.api.answers import problem
from dashboard.exports import Exports
from domain.exporting import Asked, NotExportable, NothingSuch, What, asked

log = structlog.get_logger()

# Each holds a thread of the server; the others go on answering everybody else.
AT_ONCE = 2
LONGEST_S = 600.0
RETRY_S = 10
# What has no more pieces than these is answered at once.
FEW = 4
# The window and header of gzip, as zlib numbers them.
GZIP = 31
LEVEL = 5


class TookTooLong(Exception):
    """An export was broken off; whoever receives it sees that its end is missing."""

    def __init__(self) -> None:
        super().__init__("an export took too long and was broken off")


def blueprint(
    exports: Exports,
    clock: Callable[[], datetime],
    monotonic: Callable[[], float],
    longest_s: float = LONGEST_S,
) -> Blueprint:
    """A route for each that can be exported. Access to them is decided before."""
    routes = Blueprint("export", __name__, url_prefix="/api/v1/export")
    places = threading.BoundedSemaphore(AT_ONCE)

    def export(what: What) -> Response:
        wanted = asked(what, request.args.to_dict(flat=False), clock())
        if not places.acquire(blocking=False):
            return _later()
        done = _Once(places.release)
        try:
            pieces = exports.pieces(wanted)
            # What fails with the first rows is still answered; later it can only be broken off.
            begun = tuple(islice(pieces, FEW))
        except BaseException:
            # Whatever ended it: its place is free for the next export.
            done()
            raise
        if len(begun) < FEW:
            done()
            return _sent(wanted, iter(begun))
        ends = monotonic() + longest_s
        response = _sent(wanted, _timed(chain(begun, pieces), monotonic, ends, done))
        response.call_on_close(_cut_after(longest_s, request.environ).cancel)
        response.call_on_close(done)
        return response

    for what in What:
        routes.get(f"/{what}", endpoint=what.value)(partial(export, what))

    @routes.errorhandler(NotExportable)
    def _malformed(error: NotExportable) -> Response:
        is_missing = isinstance(error, NothingSuch)
        return problem(HTTPStatus.NOT_FOUND if is_missing else HTTPStatus.BAD_REQUEST, str(error))

    return routes


class _Once:
    """Calls `act` the first time that it is called."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Act, unless that was done."""
        if self._lock.acquire(blocking=False):
            self._act()


def _sent(wanted: Asked, pieces: Iterator[bytes]) -> Response:
    """The answer, packed for those who take that."""
    headers = {
        "Content-Disposition": f'attachment; filename="{wanted.file_name}"',
        "Vary": "Accept-Encoding",
    }
    if request.accept_encodings["gzip"]:
        pieces = _zipped(pieces)
        headers["Content-Encoding"] = "gzip"
    return Response(pieces, headers=headers, content_type=wanted.form.content_type)


def _timed(
    pieces: Iterator[bytes],
    monotonic: Callable[[], float],
    ends: float,
    done: Callable[[], None],
) -> Iterator[bytes]:
    try:
        for piece in pieces:
            if monotonic() > ends:
                raise TookTooLong
            yield piece
    finally:
        done()


def _zipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(LEVEL, wbits=GZIP)
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()


def _cut_after(seconds: float, environ: Mapping[str, Any]) -> threading.Timer:
    timer = threading.Timer(seconds, _cut, (environ,))
    timer.daemon = True
    timer.start()
    return timer


def _cut(environ: Mapping[str, Any]) -> None:
    """Close the connection of whoever does not take what is sent.

    Waitress waits for it without an end, in the thread that serves it. Its channel is known by the
    question that it offers; other servers have limits of their own.
    """
    ask = environ.get("waitress.client_disconnected")
    connection = getattr(getattr(ask, "__self__", None), "socket", None)
    if isinstance(connection, socket.socket):
        log.warning("an export was broken off: it took too long", path=environ.get("PATH_INFO"))
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            # It was closed meanwhile.
            return


def _later() -> Response:
    made = problem(
        HTTPStatus.SERVICE_UNAVAILABLE, f"{AT_ONCE} exports are being made already: try again"
    )
    made.headers["Retry-After"] = str(RETRY_S)
    return made
