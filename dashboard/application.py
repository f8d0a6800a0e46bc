"""Composes the web application: pages, callbacks and API on one server, behind one guard."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import dash
from dash import Dash
from dash.development.base_component import Component
from flask import Response
from sqlalchemy import Engine

from dashboard import (
    access,
    accesslog,
    entrance,
    pings,
    requestids,
    securing,
    shell,
    statuspage,
)
from dashboard.api import (
    audit,
    bulk,
    channels,
    comprehensive,
    explain,
    export,
    exposed,
    health,
    incidents,
    keys,
    levels,
    maintenance,
    metrics,
    operate,
    people,
    queries,
    results,
    rules,
    series,
    session,
    silences,
    uptime,
)
from dashboard.api import checks as checks_api
from dashboard.api import kinds as kinds_api
from dashboard.api import snapshot as snapshot_api
from dashboard.api.asking import Asking
from dashboard.api.meter import Meter
from dashboard.callbacks import check as check_callbacks
from dashboard.exports import Exports
from dashboard.identity import Identities
from dashboard.live import Live
from dashboard.openapi import routes as openapi
from dashboard.pages import audit as audit_page
from dashboard.pages import business, check, checkform, checks, nothing, overview, thresholds, wall
from dashboard.pages import incident as incident_page
from dashboard.pages import incidents as incidents_page
from dashboard.pages import settings as settings_page
from dashboard.ratelimits import RateLimits
from domain.access import Role
from domain.ladder import ladder
from domain.settings import Settings
from domain.version import VERSION
from storage.changes import Changes
from storage.engine import file_of
from storage.incident_changes import IncidentChanges
from storage.incident_readings import IncidentReadings
from storage.readings import Readings
from storage.room import obstacle

NOTHING = "not_found_404"
ASSETS = Path(__file__).parent.parent / "assets"


def create_app(settings: Settings, engine: Engine) -> Dash:
    """The web application: pages, callbacks and API on one Flask server, behind one guard."""
    readings, changes = Readings(engine), Changes(engine)
    told = IncidentReadings(engine)
    live = Live(
        readings,
        told,
        clock=utc_now,
        monotonic=time.monotonic,
        obstacle=partial(obstacle, file_of(settings.storage.url)),
    )
    meter = Meter(time.monotonic)
    app = Dash(
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
    guard = access.Access(
        settings,
        {**check_callbacks.ROLES, **access.DASH_CALLBACKS},
        Identities(engine, access.anonymous_role(settings), utc_now),
        RateLimits(time.monotonic),
    )
    # Dash publishes no types for these two functions.
    register_page: Callable[..., None] = dash.register_page
    frame: Callable[[], str] = app.index
    register_page("overview", path="/", title="Nocturne", layout=overview.layout)
    register_page("checks", path="/checks", title="Nocturne", layout=checks.layout)
    # Asked first: its address would else be that of a check named "new".
    register_page(
        "checkform", path="/checks/new", title="Nocturne", layout=checkform.layout, order=0
    )
    register_page("check", path_template="/checks/<name>", title="Nocturne", layout=_check_page)
    register_page("incidents", path="/incidents", title="Nocturne", layout=incidents_page.layout)
    register_page(
        "incident",
        path_template="/incidents/<incident_id>",
        title="Nocturne",
        layout=incident_page.layout,
    )
    register_page("wall", path="/wall", title="Nocturne", layout=wall.layout)
    register_page("thresholds", path="/thresholds", title="Nocturne", layout=thresholds.layout)
    register_page("business", path="/business", title="Nocturne", layout=business.layout)
    register_page("audit", path="/audit", title="Nocturne", layout=audit_page.layout)
    register_page("settings", path="/settings", title="Nocturne", layout=settings_page.layout)
    # Dash knows by this name what it shows for an address that no page has.
    register_page(NOTHING, title="Nocturne", layout=nothing.layout)
    app.layout = shell.layout
    app.index_string = app.index_string.replace("<html>", '<html lang="en">')
    check_callbacks.register(
        app, readings, utc_now, may_operate=lambda: guard.role() >= Role.OPERATOR
    )
    server = app.server
    meter.attach(server)
    server.extensions["nocturne.meter"] = meter
    server.extensions["nocturne.live"] = live
    server.register_blueprint(health.blueprint(live, readings, meter, guard.role))
    server.register_blueprint(
        comprehensive.blueprint(live, changes, meter, guard.role, utc_now, settings.web.environment)
    )
    server.register_blueprint(
        snapshot_api.blueprint(live, VERSION, uuid.uuid4().hex[:8], guard.role)
    )
    asking = Asking(engine, utc_now)
    server.register_blueprint(operate.blueprint(engine, readings, changes, asking, utc_now))
    server.register_blueprint(
        checks_api.blueprint(engine, live, changes, asking, utc_now, changed=live.renew)
    )
    server.register_blueprint(kinds_api.blueprint(engine))
    server.register_blueprint(bulk.blueprint(engine, utc_now, changed=live.renew))
    server.register_blueprint(channels.blueprint(engine, asking))
    orders = IncidentChanges(engine)
    server.register_blueprint(
        incidents.blueprint(
            told,
            orders,
            utc_now,
            changed=live.renew,
            page=lambda: Response(frame(), mimetype="text/html"),
        )
    )
    server.register_blueprint(silences.blueprint(engine, utc_now, changed=live.renew))
    server.register_blueprint(explain.blueprint(engine, utc_now))
    for defined in (rules, maintenance):
        routes = defined.blueprint(engine, changes, utc_now, changed=live.renew)
        server.register_blueprint(routes)
    server.register_blueprint(
        levels.blueprint(engine, readings, changes, utc_now, changed=live.renew)
    )
    kept = ladder(settings.storage.raw_days, settings.storage.aggregate_days)
    server.register_blueprint(series.blueprint(engine, utc_now, kept))
    raw_days = settings.storage.raw_days
    server.register_blueprint(metrics.blueprint(engine, utc_now, raw_days, kept))
    server.register_blueprint(exposed.blueprint(live, meter))
    server.register_blueprint(uptime.blueprint(engine, readings, utc_now))
    exports = Exports(engine, kept, utc_now)
    server.register_blueprint(export.blueprint(exports, utc_now, time.monotonic))
    for part in (session, people, keys):
        server.register_blueprint(part.blueprint(engine, utc_now))
    server.register_blueprint(audit.blueprint(engine))
    server.register_blueprint(results.blueprint(engine, readings, utc_now))
    server.register_blueprint(pings.blueprint(engine, utc_now, time.monotonic))
    server.register_blueprint(entrance.blueprint())
    server.register_blueprint(
        statuspage.blueprint(settings.status, live, engine, utc_now, time.monotonic, guard.role)
    )
    server.register_blueprint(openapi.blueprint())
    accesslog.attach(server)
    securing.answer_errors(server)
    requestids.attach(server)
    securing.secure(server, guard, lambda: app.csp_hashes(), is_page)
    queries.attach(server)
    return app


def is_page(path: str) -> bool:
    """Whether one of the registered pages has this path: `/`, `/checks/shop-db`."""
    for page in dash.page_registry.values():
        if page["module"] == NOTHING:
            continue
        template = page["path_template"] or page["path"]
        # A variable takes slashes too, as it does in Dash.
        parts = (re.escape(part) for part in re.split(r"<[^>]*>", template))
        if re.fullmatch(".+".join(parts), path, re.DOTALL):
            return True
    return False


def _check_page(name: str = "", **_: str) -> Component:
    """The check page; Dash calls it once without a name to learn its shape, and with the query."""
    return check.layout(unquote(name))


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)
