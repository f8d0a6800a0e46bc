"""Every route that is no page: the JSON API, pings, downloads and the pages without Dash."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response
from sqlalchemy import Engine

from dashboard import entrance, pings, statuspage
from dashboard.api import (
    audit,
    bulk,
    channels,
    checks,
    comprehensive,
    explain,
    export,
    exposed,
    health,
    incidents,
    keys,
    kinds,
    levels,
    maintenance,
    metrics,
    operate,
    people,
    results,
    rules,
    series,
    session,
    silences,
    snapshot,
    uptime,
    versions,
)
from dashboard.api.asking import Asking
from dashboard.api.meter import Meter
from dashboard.exports import Exports
from dashboard.live import Live
from dashboard.openapi import routes as openapi
from domain.access import Role
from domain.ladder import Level, ladder
from domain.settings import Settings
from storage.changes import Changes
from storage.incident_changes import IncidentChanges
from storage.incident_readings import IncidentReadings
from storage.readings import Readings


@dataclass(frozen=True)
class Parts:
    """What the routes work on.

    `role` tells the role of who asks now; `frame` makes the HTML in which Dash draws a page.
    """

    settings: Settings
    engine: Engine
    readings: Readings
    told: IncidentReadings
    live: Live
    snapshots: snapshot.Snapshots
    meter: Meter
    clock: Callable[[], datetime]
    role: Callable[[], Role]
    frame: Callable[[], str]

    @property
    def kept(self) -> tuple[Level, ...]:
        """The levels of roll-ups that the settings keep."""
        return ladder(self.settings.storage.raw_days, self.settings.storage.aggregate_days)


def blueprints(parts: Parts) -> Iterator[Blueprint]:
    """All of them. Access to each route is decided before, by one table."""
    yield from _of_health(parts)
    yield from _of_checks(parts)
    yield from _of_alerting(parts)
    yield from _of_figures(parts)
    yield from _of_people(parts)
    yield openapi.blueprint()


def _of_health(parts: Parts) -> Iterator[Blueprint]:
    live, meter, role, clock = parts.live, parts.meter, parts.role, parts.clock
    web, changes = parts.settings.web, Changes(parts.engine)
    yield health.blueprint(live, parts.readings, meter, role)
    yield comprehensive.blueprint(live, changes, meter, role, clock, web.environment)
    yield snapshot.blueprint(parts.snapshots, role)
    yield exposed.blueprint(live, meter)
    yield statuspage.blueprint(
        parts.settings.status, live, parts.engine, clock, time.monotonic, role
    )


def _of_checks(parts: Parts) -> Iterator[Blueprint]:
    engine, clock, renew = parts.engine, parts.clock, parts.live.renew
    changes, asking = Changes(engine), Asking(engine, clock)
    yield operate.blueprint(engine, parts.readings, changes, asking, clock)
    yield checks.blueprint(engine, parts.live, changes, asking, clock, changed=renew)
    yield kinds.blueprint(engine)
    yield bulk.blueprint(engine, clock, changed=renew)
    yield results.blueprint(engine, parts.readings, clock)
    yield pings.blueprint(engine, clock, time.monotonic)


def _of_alerting(parts: Parts) -> Iterator[Blueprint]:
    engine, clock, renew = parts.engine, parts.clock, parts.live.renew
    changes = Changes(engine)
    yield channels.blueprint(engine, Asking(engine, clock))
    yield incidents.blueprint(
        parts.told,
        IncidentChanges(engine),
        clock,
        changed=renew,
        page=lambda: Response(parts.frame(), mimetype="text/html"),
    )
    yield silences.blueprint(engine, clock, changed=renew)
    yield explain.blueprint(engine, clock)
    yield rules.blueprint(engine, changes, clock, changed=renew)
    yield maintenance.blueprint(engine, changes, clock, changed=renew)
    yield levels.blueprint(engine, parts.readings, changes, clock, changed=renew)
    yield versions.blueprint(engine, parts.readings)


def _of_figures(parts: Parts) -> Iterator[Blueprint]:
    engine, clock, kept = parts.engine, parts.clock, parts.kept
    yield series.blueprint(engine, clock, kept)
    yield metrics.blueprint(engine, clock, parts.settings.storage.raw_days, kept)
    yield uptime.blueprint(engine, parts.readings, clock)
    yield export.blueprint(Exports(engine, kept, clock), clock, time.monotonic)


def _of_people(parts: Parts) -> Iterator[Blueprint]:
    for part in (session, people, keys):
        yield part.blueprint(parts.engine, parts.clock)
    yield audit.blueprint(parts.engine)
    yield entrance.blueprint()
