"""The kinds of checks there are, with their fields as JSON Schema, from which forms are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import Engine

from dashboard.api import pages
from dashboard.api.answers import answer, answer_errors
from dashboard.api.orders import Refused
from dashboard.identity import who
from domain.access import Role
from domain.checkrights import LOCAL_CODE, Reserved
from domain.secretfields import is_secret
from storage import catalogue

DURATION = {"type": "string", "format": "duration"}
TEXTS = {"type": "array", "items": {"type": "string"}}
# The fields that every kind has, as `domain.checktable.COMMON` reads them.
COMMON: Mapping[str, Mapping[str, Any]] = {
    "interval": {**DURATION, "description": "Time from one run to the next: 30s, 5m, 1h"},
    "timeout": {**DURATION, "description": "A run that takes longer counts as failed: 10s"},
    "warning": {"type": "number", "description": "Level of the main number that is a warning"},
    "critical": {"type": "number", "description": "Level of it that is critical"},
    "operator": {
        "enum": ["gt", "gte", "lt", "lte"],
        "description": "How the number is compared with the levels",
    },
    "tags": {**TEXTS, "description": "Words by which checks are found and silenced together"},
    "group": {"type": "string", "description": "Heading under which its tile stands"},
    "description": {"type": "string", "description": "What it is for, and whom it hurts"},
    "depends_on": {**TEXTS, "description": "Checks without which this one can't work"},
    "scope": {
        "enum": ["inside", "outside"],
        "description": "Outside: it is not judged while the own network is away",
    },
    "failures": {"type": "integer", "minimum": 1, "description": "Bad results until it is bad"},
    "successes": {"type": "integer", "minimum": 1, "description": "Good results until it is well"},
    "retry_interval": {**DURATION, "description": "Pause before an unconfirmed change is retried"},
    "weight": {"type": "number", "description": "What it counts in the health score"},
    "enabled": {"type": "boolean", "default": True, "description": "Off: it is paused"},
}


def blueprint(engine: Engine) -> Blueprint:
    """The route of the catalogue. Access to it is decided before."""
    routes = Blueprint("kinds", __name__, url_prefix="/api/v1/kinds")

    @routes.get("")
    def listed() -> Response:
        is_admin = who().role >= Role.ADMIN
        shown, more = pages.part(catalogue.load(engine).items(), lambda each: each[0])
        found = [_told(kind, schema, is_admin) for kind, schema in shown]
        return answer({"count": len(found), "kinds": found, "common": COMMON, "next": more})

    answer_errors(routes, {Refused: 400})

    return routes


def own(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a kind's fields themselves, where the published one only refers to it."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = schema.get("$defs", {}).get(name, schema)
    return found


def _told(kind: str, schema: Mapping[str, Any], is_admin: bool) -> dict[str, Any]:
    inside = own(schema)
    fields = inside.get("properties", {})
    reserved = Reserved.LOCAL_CODE if kind in LOCAL_CODE else None
    return {
        "name": kind,
        "title": schema.get("title", kind),
        "description": " ".join(str(inside.get("description", "")).split()),
        "component": schema.get("x-component"),
        "headline": schema.get("x-headline"),
        "failures": schema.get("x-failures"),
        "successes": schema.get("x-successes"),
        "rules": schema.get("x-rules", []),
        "admin_only": reserved is not None,
        "allowed": reserved is None or is_admin,
        "why_not": reserved.value if reserved is not None and not is_admin else None,
        "schema": {
            "type": "object",
            "required": inside.get("required", []),
            "properties": {
                name: {**each, "writeOnly": True} if is_secret(name) else each
                for name, each in fields.items()
            },
        },
    }
