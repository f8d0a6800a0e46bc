"""Entries: health and probes, screens, metrics of our own."""

from __future__ import annotations

from dashboard.api.orders import Nothing
from dashboard.openapi.entry import (
    FLAG,
    HOURS,
    LIST,
    NUMBER,
    OBJECT,
    STATE,
    TEXT,
    TIME,
    WHOLE,
    Entries,
    Entry,
    maybe,
    shape,
)

HEALTH, SCREENS = "Health", "Screens"
DRAFT = "application/health+json"
STATUS = shape({"status": TEXT})
SIMPLE = {200: STATUS, 503: STATUS}

ENTRIES: Entries = {
    ("/health", "GET"): Entry(
        tag=HEALTH,
        says="The overall status in one word; for viewers also everything that is monitored.",
        gives=SIMPLE,
        also=(DRAFT,),
    ),
    ("/health/simple", "GET"): Entry(
        tag=HEALTH, says="Whether Nocturne can be trusted, for load balancers.", gives=SIMPLE
    ),
    ("/health/live", "GET"): Entry(
        tag=HEALTH, says="Whether the web process answers.", gives={200: STATUS}
    ),
    ("/health/ready", "GET"): Entry(
        tag=HEALTH,
        says="Whether the web process reads the store and a monitor is at work.",
        gives=SIMPLE,
    ),
    ("/api/health", "GET"): Entry(
        tag=HEALTH,
        says="Health by service, with critical issues and warnings for viewers.",
        gives={
            code: shape({"overall_status": TEXT}, timestamp=TIME, services=OBJECT, summary=OBJECT)
            for code in (200, 503)
        },
    ),
    ("/api/health/simple", "GET"): Entry(
        tag=HEALTH, says="The same as /health/simple.", gives=SIMPLE
    ),
    ("/api/monitoring/stats", "GET"): Entry(
        tag=HEALTH,
        says="Status, requests, uptime and version.",
        gives={
            200: shape({"health": OBJECT, "metrics": OBJECT, "version": TEXT, "environment": TEXT})
        },
    ),
    ("/health/comprehensive", "GET"): Entry(
        tag=HEALTH,
        says="Score, counts and every check with its metrics.",
        gives={code: shape({"system_health": OBJECT, "components": OBJECT}) for code in (200, 503)},
    ),
    ("/health/databases", "GET"): Entry(
        tag=HEALTH,
        says="The databases and caches.",
        gives={200: shape({"count": WHOLE, "databases": OBJECT})},
    ),
    ("/health/performance", "GET"): Entry(
        tag=HEALTH,
        says="The performance score and what it is made of.",
        gives={
            200: shape(
                {
                    "performance_score": maybe(NUMBER),
                    "parts": OBJECT,
                    "requests": OBJECT,
                    "components": OBJECT,
                }
            )
        },
    ),
    ("/health/system", "GET"): Entry(
        tag=HEALTH,
        says="This machine: memory, CPU, disk and the system checks.",
        gives={200: shape({"resources": OBJECT, "components": OBJECT})},
    ),
    ("/health/monitoring", "GET"): Entry(
        tag=HEALTH,
        says="Whether the monitor is at work, and how each check is configured.",
        gives={
            200: shape(
                {
                    "state": TEXT,
                    "last_beat": maybe(TIME),
                    "leader": maybe(TEXT),
                    "standbys": WHOLE,
                    "checks": OBJECT,
                }
            )
        },
    ),
    ("/health/monitoring/start", "POST"): Entry(
        body=Nothing, tag=HEALTH, says="Starts all monitoring again.", gives={200: STATE}
    ),
    ("/health/monitoring/stop", "POST"): Entry(
        body=Nothing,
        tag=HEALTH,
        says="Stops all monitoring until it is started again.",
        gives={200: STATE},
    ),
    ("/health/components/<path:name>", "GET"): Entry(
        tag=HEALTH,
        says="One check with its last runs.",
        gives={
            200: shape(
                {
                    "component": TEXT,
                    "kind": TEXT,
                    "status": TEXT,
                    "reason": TEXT,
                    "since": maybe(TIME),
                    "metrics": OBJECT,
                    "hours": NUMBER,
                    "history": LIST,
                    "truncated": FLAG,
                }
            )
        },
        query=(HOURS,),
    ),
    ("/live/snapshot", "GET"): Entry(
        tag=SCREENS,
        says="What every screen polls; made for the pages, and changes with them.",
        gives={200: shape({"version": TEXT, "revision": WHOLE, "checks": LIST}), 304: None},
        refuses=(503,),
    ),
    ("/metrics", "GET"): Entry(
        tag=SCREENS,
        says="The checks and Nocturne itself, for Prometheus.",
        gives={200: None},
        media="text/plain",
        also=("application/openmetrics-text",),
    ),
    ("/api/v1/openapi.json", "GET"): Entry(
        tag=SCREENS,
        says="This document.",
        gives={200: shape({"openapi": TEXT, "info": OBJECT, "paths": OBJECT})},
    ),
    ("/api/docs", "GET"): Entry(
        tag=SCREENS, says="This document as a page.", gives={200: None}, media="text/html"
    ),
}
