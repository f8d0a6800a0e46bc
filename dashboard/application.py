"""Composes the web application: pages, callbacks and API on one server, behind one guard."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from dash import Dash
from flask import has_request_context
from sqlalchemy import Engine

from dashboard import access, accesslog, callbackbodies, polls, requestids, securing, shell
from dashboard.api import queries
from dashboard.api.meter import Meter
from dashboard.api.snapshot import Snapshots
from dashboard.callbacks import check as check_callbacks
from dashboard.identity import BadKey, Identities
from dashboard.live import Live
from dashboard.polls import Polls
from dashboard.ratelimits import RateLimits
from dashboard.routes import Parts, blueprints
from dashboard.sitemap import is_page, register_pages
from domain.access import Role
from domain.settings import Settings
from domain.version import VERSION
from storage.engine import file_of
from storage.incident_readings import IncidentReadings
from storage.readings import Readings
from storage.room import obstacle

ASSETS = Path(__file__).parent.parent / "assets"


def create_app(settings: Settings, engine: Engine) -> Dash:
    """The web application: pages, callbacks and API on one Flask server, behind one guard."""
    app = _dash()
    guard = access.Access(
        settings,
        {**check_callbacks.ROLES, **access.DASH_CALLBACKS},
        Identities(engine, access.anonymous_role(settings), utc_now),
        RateLimits(time.monotonic),
    )
    # Dash publishes no types for this function.
    frame: Callable[[], str] = app.index
    parts = _parts(settings, engine, guard.role, frame)
    register_pages()
    app.layout = lambda: shell.layout(_viewer(guard))
    app.index_string = app.index_string.replace("<html>", '<html lang="en">')
    check_callbacks.register(
        app, parts.readings, utc_now, may_operate=lambda: guard.role() >= Role.OPERATOR
    )
    _serve(app, parts)
    # What answers and refuses comes after the routes; the guard is asked before each of them.
    accesslog.attach(app.server)
    securing.answer_errors(app.server)
    requestids.attach(app.server)
    secured = securing.secure(app.server, guard, lambda: app.csp_hashes(), is_page)
    polls.attach(app.server, Polls(guard, parts.snapshots, parts.meter, secured))
    queries.attach(app.server)
    callbackbodies.attach(app.server, lambda: app.callback_map)
    return app


def _dash() -> Dash:
    return Dash(
        __name__,
        title="Nocturne",
        update_title="",
        use_pages=True,
        pages_folder="",
        assets_folder=str(ASSETS),
        # Its modules are imported by the one entry module; as script tags they would run twice.
        assets_path_ignore=["^modules$"],
        serve_locally=True,
        include_pages_meta=False,
        compress=False,
    )


def _viewer(guard: access.Access) -> Role:
    """For whom the shell is laid out.

    Dash also asks for its shape alone: outside of any request, and in the first, before that is let in.
    """
    try:
        return guard.role() if has_request_context() else Role.ADMIN
    except BadKey:
        return Role.NOBODY


def _parts(
    settings: Settings, engine: Engine, role: Callable[[], Role], frame: Callable[[], str]
) -> Parts:
    readings, told = Readings(engine), IncidentReadings(engine)
    live = Live(
        readings,
        told,
        clock=utc_now,
        monotonic=time.monotonic,
        obstacle=partial(obstacle, file_of(settings.storage.url)),
    )
    return Parts(
        settings=settings,
        engine=engine,
        readings=readings,
        told=told,
        live=live,
        snapshots=Snapshots(live, VERSION, uuid.uuid4().hex[:8]),
        meter=Meter(time.monotonic),
        clock=utc_now,
        role=role,
        frame=frame,
    )


def _serve(app: Dash, parts: Parts) -> None:
    """Put the routes and what measures them on the server."""
    server = app.server
    parts.meter.attach(server)
    server.extensions["nocturne.meter"] = parts.meter
    server.extensions["nocturne.live"] = parts.live
    for blueprint in blueprints(parts):
        server.register_blueprint(blueprint)


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)
