"""Makes the OpenAPI 3.1 document of the routes, their roles, their bodies, and the tables of entries."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from dashboard.access import BY_ADDRESS, ROUTES, SAFE, SCOPES
from dashboard.openapi import alerting, checks, exports, health, incidents, logins
from dashboard.openapi.entry import JSON, Entries, Entry, Query, Schema, ref
from dashboard.openapi.shapes import SHAPES
from domain.access import Role, Scope
from domain.version import VERSION

PROGRAMS = ("/api/", "/health", "/incidents", "/metrics", "/ping/", "/live/")
ENTRIES: Entries = {
    **health.ENTRIES,
    **incidents.ENTRIES,
    **checks.ENTRIES,
    **exports.ENTRIES,
    **alerting.ENTRIES,
    **logins.ENTRIES,
}
TAGS: Mapping[str, str] = {
    "Health": "Whether all is well, for people, probes and load balancers.",
    "Incidents": "What went wrong, who has it in hand, and who was told.",
    "Checks": "What is watched.",
    "Operating": "Run, pause, resume, start and stop.",
    "Series": "Numbers over time.",
    "Exports": "Tables for spreadsheets and programs.",
    "Sending": "What jobs and applications send.",
    "Rules": "When a number opens an incident.",
    "Levels": "Warning and critical of a check's own numbers.",
    "Maintenance": "When nobody is to be told.",
    "Silences": "What is muted for a time.",
    "Channels": "How people are told.",
    "Logins": "Sessions, the first admin, one's own password.",
    "People": "Who may log in.",
    "Keys": "What programs log in with.",
    "Audit": "Who changed what.",
    "Screens": "What the pages read.",
}
PROBLEM = "application/problem+json"
FORM = "application/x-www-form-urlencoded"
VARIABLE = re.compile(r"<(?:(?P<type>[a-z]+):)?(?P<name>[a-z_]+)>")
# What stands for a variable in an address.
VARIABLES: Mapping[str, Schema] = {
    "incident_id": {"type": "string", "pattern": "^INC-[0-9]{8}-[0-9]{4,7}$"},
    "token": {"type": "string", "minLength": 1},
    "what": {"type": "string", "pattern": "^(start|fail|log|[0-9]{1,3})$"},
}
NUMBERED: Schema = {"type": "integer", "minimum": 0}
NAMED: Schema = {"type": "string", "minLength": 1}
TRUSTED = HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE
SENT = (
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)


class Untold(Exception):
    """Routes and entries do not agree; the message names what to add or to take away."""


def described(routes: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the routes that are for programs, and so stand in the document."""
    return [(rule, method) for rule, method in routes if rule.startswith(PROGRAMS)]


def check_complete(
    routes: Iterable[tuple[str, str]] = tuple(ROUTES), entries: Entries = ENTRIES
) -> None:
    """Raises Untold when a route has no entry, or an entry no route."""
    wanted = set(described(routes))
    missing, gone = sorted(wanted - set(entries)), sorted(set(entries) - wanted)
    lines = [f"add an Entry for {method} {rule} to dashboard/openapi/" for rule, method in missing]
    lines += [f"take away the Entry for {method} {rule}: no such route" for rule, method in gone]
    if lines:
        raise Untold("\n".join(lines))


def document(entries: Entries = ENTRIES) -> dict[str, Any]:
    """The document. A route without an entry stands there with its role alone."""
    bodies = [each.body for each in entries.values() if isinstance(each.body, type)]
    unique = list(dict.fromkeys(bodies))
    found, components = msgspec.json.schema_components(
        unique, ref_template="#/components/schemas/{name}"
    )
    structs = dict(zip(unique, found, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for rule, method in described(ROUTES):
        entry = entries.get((rule, method), Entry(tag="Screens", says=""))
        made = _operation((rule, method), entry, structs)
        paths.setdefault(in_braces(rule), {})[method.lower()] = made
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Nocturne",
            "version": VERSION,
            "description": "All answers are JSON, all times UTC. Errors are problem documents "
            "(RFC 9457) with the name of the field. `X-Request-Id` names each request.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": says} for name, says in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {**SHAPES, **components},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key."},
                "session": {"type": "apiKey", "in": "cookie", "name": "nocturne_session"},
            },
        },
    }


def in_braces(rule: str) -> str:
    """A rule of Flask's as the document writes it: `/checks/{name}`."""
    return VARIABLE.sub(r"{\g<name>}", rule)


def _operation(
    route: tuple[str, str], entry: Entry, structs: Mapping[Any, Schema]
) -> dict[str, Any]:
    rule, method = route
    role = ROUTES[route]
    scopes = sorted(scope.value for scope in SCOPES.get(route, frozenset()) - {Scope.WALL})
    parameters = [*_in_path(rule), *(_in_query(each) for each in entry.query)]
    made: dict[str, Any] = {
        "operationId": re.sub(r"[^a-z0-9]+", "_", f"{method} {in_braces(rule)}".lower()).strip("_"),
        "tags": [entry.tag],
        "summary": entry.says,
        "x-role": "none" if role is Role.NOBODY else role.word,
        "x-scopes": scopes,
        "responses": _responses(route, entry),
    }
    if role is not Role.NOBODY:
        made["security"] = [{"key": []}, {"session": []}]
    if parameters:
        made["parameters"] = parameters
    if entry.body is not None or entry.loose:
        made |= _taken(method, entry, structs)
    return made


def _in_path(rule: str) -> Iterator[dict[str, Any]]:
    for found in VARIABLE.finditer(rule):
        usual = NUMBERED if found["type"] == "int" else NAMED
        schema = VARIABLES.get(found["name"], usual)
        yield {"name": found["name"], "in": "path", "required": True, "schema": schema}


def _in_query(query: Query) -> dict[str, Any]:
    return {
        "name": query.name,
        "in": "query",
        "required": query.required,
        "description": query.says,
        "schema": query.schema,
    }


def _taken(method: str, entry: Entry, structs: Mapping[Any, Schema]) -> dict[str, Any]:
    """The body of a request, with what it is said to be for."""
    if method in SAFE:
        return {}
    content: dict[str, Any] = {each: {"schema": {"type": "string"}} for each in entry.loose}
    is_struct = isinstance(entry.body, type)
    if entry.body is not None:
        schema = structs[entry.body] if is_struct else entry.body
        content[JSON] = {"schema": schema}
        if entry.forms:
            content[FORM] = {"schema": schema}
    said = {"requestBody": {"required": bool(_needed(entry.body)), "content": content}}
    text = inspect.getdoc(entry.body) if is_struct else None
    return {**said, "description": text} if text else said


def _needed(body: Any) -> Sequence[str]:
    """The fields that a body can't do without: without any, no body is as good as an empty one."""
    if not isinstance(body, type):
        return [*(body or {}).get("required", ())]
    return [each.name for each in msgspec.structs.fields(body) if each.required]


def _responses(route: tuple[str, str], entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for status, schema in entry.gives.items():
        told[str(status)] = {"description": HTTPStatus(status).phrase}
        kinds = [entry.media, *entry.also]
        content = {kind: {} if schema is None else {"schema": schema} for kind in kinds}
        content |= {kind: {} for kind in entry.unshaped}
        if status != HTTPStatus.NOT_MODIFIED:
            told[str(status)]["content"] = content
    for status in sorted(_refusals(route, entry)):
        made = told.setdefault(str(status), {"description": HTTPStatus(status).phrase})
        made.setdefault("content", {})[PROBLEM] = {"schema": ref("Problem")}
        # Jobs read words; what the guard refuses is a problem for them too.
        if route[0] in BY_ADDRESS:
            made["content"]["text/plain"] = {}
    return told


def _refusals(route: tuple[str, str], entry: Entry) -> set[int]:
    """The errors that such a route may answer with, whatever it does."""
    rule, method = route
    found: set[int] = {*TRUSTED, *entry.refuses}
    if ROUTES[route] is not Role.NOBODY or rule.startswith("/api/"):
        found |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
    if method not in SAFE:
        found |= {*SENT}
    if VARIABLE.search(rule):
        found.add(HTTPStatus.NOT_FOUND)
    if rule in BY_ADDRESS:
        found.add(HTTPStatus.TOO_MANY_REQUESTS)
    return found
