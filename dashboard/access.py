"""Who may do what: the one table of routes and callbacks, deny by default, and what guards them.

Dash has no security of its own: its callbacks answer to anybody who finds their URL. So every
request passes `guard`, and a route or callback that is not in the table is refused.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from dash.exceptions import DependencyException
from flask import Flask, Request, Response, request
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from domain.settings import Settings

log = structlog.get_logger()

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_BODY = 1 << 20


class Role(IntEnum):
    """What a viewer may do; each role includes those before it."""

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


ROLES = {"none": Role.NOBODY, "viewer": Role.VIEWER, "operator": Role.OPERATOR}

SAFE = ("GET", "HEAD", "OPTIONS")

# Every other path is a page, which the browser's side resolves; those for programs are not.
PAGES = "/<path:path>"
PROGRAMS = ("/api/", "/health", "/incidents", "/live/", "/_dash", "/metrics")

# Rule and methods → the role it needs. `/health` itself decides how much it tells whom.
ROUTES: Mapping[tuple[str, str], Role] = {
    ("/health", "GET"): Role.NOBODY,
    ("/health/simple", "GET"): Role.NOBODY,
    ("/health/live", "GET"): Role.NOBODY,
    ("/health/ready", "GET"): Role.NOBODY,
    ("/health/components/<path:name>", "GET"): Role.VIEWER,
    ("/health/alerts/test", "GET"): Role.VIEWER,
    ("/health/alerts/test", "POST"): Role.OPERATOR,
    ("/live/snapshot", "GET"): Role.VIEWER,
    ("/incidents", "GET"): Role.VIEWER,
    ("/incidents/history", "GET"): Role.VIEWER,
    ("/incidents/statistics", "GET"): Role.VIEWER,
    ("/incidents/<incident_id>", "GET"): Role.VIEWER,
    ("/incidents/<incident_id>/acknowledge", "POST"): Role.OPERATOR,
    ("/incidents/<incident_id>/investigate", "POST"): Role.OPERATOR,
    ("/incidents/<incident_id>/progress", "POST"): Role.OPERATOR,
    ("/incidents/<incident_id>/comment", "POST"): Role.OPERATOR,
    ("/incidents/<incident_id>/assign", "POST"): Role.OPERATOR,
    ("/incidents/<incident_id>/resolve", "POST"): Role.OPERATOR,
    ("/incidents/<incident_id>/reopen", "POST"): Role.OPERATOR,
    ("/api/v1/checks/<path:name>/check-now", "POST"): Role.OPERATOR,
    ("/api/v1/checks/<path:name>/pause", "POST"): Role.OPERATOR,
    ("/api/v1/checks/<path:name>/resume", "POST"): Role.OPERATOR,
    ("/api/v1/monitoring/start", "POST"): Role.OPERATOR,
    ("/api/v1/monitoring/stop", "POST"): Role.OPERATOR,
    ("/api/v1/commands/<int:command_id>", "GET"): Role.VIEWER,
    ("/api/v1/channels", "GET"): Role.VIEWER,
    ("/api/v1/channels/<path:name>/test", "POST"): Role.OPERATOR,
    ("/api/v1/silences", "GET"): Role.VIEWER,
    ("/api/v1/silences", "POST"): Role.OPERATOR,
    ("/api/v1/silences/<int:silence_id>/end", "POST"): Role.OPERATOR,
    ("/api/v1/explain", "GET"): Role.VIEWER,
    ("/api/v1/rules", "GET"): Role.VIEWER,
    ("/api/v1/rules", "POST"): Role.OPERATOR,
    ("/api/v1/rules/<path:name>", "GET"): Role.VIEWER,
    ("/api/v1/rules/<path:name>", "PATCH"): Role.OPERATOR,
    ("/api/v1/rules/<path:name>/revert", "POST"): Role.OPERATOR,
    ("/api/v1/rules/<path:name>/remove", "POST"): Role.OPERATOR,
    ("/api/v1/maintenance", "GET"): Role.VIEWER,
    ("/api/v1/maintenance", "POST"): Role.OPERATOR,
    ("/api/v1/maintenance/<path:name>", "GET"): Role.VIEWER,
    ("/api/v1/maintenance/<path:name>", "PATCH"): Role.OPERATOR,
    ("/api/v1/maintenance/<path:name>/revert", "POST"): Role.OPERATOR,
    ("/api/v1/maintenance/<path:name>/remove", "POST"): Role.OPERATOR,
    ("/api/v1/rules/backtest", "POST"): Role.VIEWER,
    ("/api/v1/rules/<path:name>/versions", "GET"): Role.VIEWER,
    ("/api/v1/levels", "GET"): Role.VIEWER,
    ("/api/v1/checks/<path:name>/levels", "GET"): Role.VIEWER,
    ("/api/v1/checks/<path:name>/levels", "PATCH"): Role.OPERATOR,
    ("/api/v1/checks/<path:name>/levels/versions", "GET"): Role.VIEWER,
    ("/api/v1/series", "GET"): Role.VIEWER,
    ("/api/v1/series/points", "GET"): Role.VIEWER,
    ("/api/v1/uptime", "GET"): Role.VIEWER,
    # Dash's own: the page frame, its layout, its scripts, our assets, the callbacks (see below).
    ("/", "GET"): Role.VIEWER,
    (PAGES, "GET"): Role.VIEWER,
    ("/_dash-layout", "GET"): Role.VIEWER,
    ("/_dash-dependencies", "GET"): Role.VIEWER,
    ("/_dash-update-component", "POST"): Role.VIEWER,
    ("/_favicon.ico", "GET"): Role.NOBODY,
    ("/assets/<path:filename>", "GET"): Role.NOBODY,
    ("/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>", "GET"): Role.NOBODY,
}


# Dash's own callbacks: the router of its pages. Those of a page stand beside it in callbacks/.
DASH_CALLBACKS: Mapping[str, Role] = {
    ".._pages_content.children..._pages_store.data..": Role.VIEWER,
}


class Refused(Exception):
    """A request that may not be served; `status` is the HTTP status, the message is for people."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Access:
    """Decides every request of one app: host, origin, route, role, callback."""

    def __init__(self, settings: Settings, callbacks: Mapping[str, Role]) -> None:
        self._hosts = LOOPBACK | {name.lower() for name in (settings.web.host, *settings.web.hosts)}
        self._anonymous = ROLES[settings.web.anonymous] if _is_loopback(settings) else Role.NOBODY
        self._callbacks = callbacks

    def role(self) -> Role:
        """The role of whoever sent the present request. Logins come later: all are anonymous."""
        return self._anonymous

    def guard(self) -> Response | None:
        """Refuse the present request unless every rule lets it pass."""
        try:
            self._check_host(request)
            self._check_route(request)
            # What no route takes changes nothing, and Flask answers it with 404 or 405.
            if request.routing_exception is None and request.method not in SAFE:
                self._check_origin(request)
            if request.path == "/_dash-update-component":
                self._check_callback(request)
        except Refused as refused:
            return problem(refused.status, str(refused))
        return None

    def _check_host(self, asked: Request) -> None:
        """Against DNS rebinding: the Host header must be a name that this server goes by."""
        host = (urlsplit(f"//{asked.host}").hostname or "").lower()
        if host not in self._hosts:
            raise Refused(400, f"host {host!r} is not served here: list it in [web] hosts")

    def _check_route(self, asked: Request) -> None:
        if asked.url_rule is None:
            return
        if asked.url_rule.rule == PAGES and asked.path.startswith(PROGRAMS):
            raise Refused(404, "there is nothing at this address")
        method = "GET" if asked.method == "HEAD" else asked.method
        needed = ROUTES.get((asked.url_rule.rule, method))
        if needed is None:
            if method == "OPTIONS" or (asked.routing_exception is not None):
                return
            raise Refused(403, "not allowed")
        if self.role() < needed:
            raise Refused(401, "not allowed without a login")

    def _check_origin(self, asked: Request) -> None:
        """A change must come from our own pages or from a program, never from another site."""
        origin = asked.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc.lower() != asked.host.lower():
            raise Refused(403, "cross-site request refused")
        if asked.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Refused(403, "cross-site request refused")
        # A form cannot send JSON across sites without being asked first.
        if asked.mimetype != "application/json":
            raise Refused(415, "send JSON (Content-Type: application/json)")
        if (asked.content_length or 0) > MAX_BODY:
            raise Refused(413, "the request is too large")

    def _check_callback(self, asked: Request) -> None:
        try:
            body: Any = msgspec.json.decode(asked.get_data())
        except (msgspec.DecodeError, RecursionError):
            raise Refused(400, "the body is not JSON") from None
        output = body.get("output") if isinstance(body, dict) else None
        needed = self._callbacks.get(output) if isinstance(output, str) else None
        if needed is None or self.role() < needed:
            raise Refused(403, "not allowed")
        if not _well_formed(body):
            raise Refused(400, "inputs and outputs are not as Dash sends them")


def secure(
    server: Flask,
    access: Access,
    script_hashes: Callable[[], Sequence[str]],
    is_page: Callable[[str], bool],
) -> None:
    """Put `access` in front of every request, and the security headers on every answer.

    `script_hashes` is asked once, after the first request: Dash adds inline scripts only then.
    `is_page` tells which paths are pages: the frame that Dash serves for any other one is a 404.
    """
    server.before_request(access.guard)
    policy = functools.cache(lambda: content_policy(script_hashes()))

    @server.after_request
    def _headers(response: Response) -> Response:
        is_frame = request.url_rule is not None and request.url_rule.rule == PAGES
        if is_frame and response.status_code == HTTPStatus.OK and not is_page(request.path):
            response.status_code = HTTPStatus.NOT_FOUND
        response.headers["Content-Security-Policy"] = policy()
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response


def content_policy(script_hashes: Sequence[str]) -> str:
    """The Content-Security-Policy: everything from here, no inline script but Dash's hashed ones."""
    scripts = " ".join(["'self'", *script_hashes])
    return (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'none'"
    )


def answer_errors(server: Flask) -> None:
    """Answer every error as problem+json, without a word about what went wrong inside."""
    # Dash raises this for a script that does not exist, which would be answered as 500.
    server.register_error_handler(
        DependencyException, lambda _: problem(404, "there is no such script")
    )

    @server.errorhandler(DBAPIError)
    def _away(error: DBAPIError) -> Response:
        log.warning("the store cannot be read", path=request.path, error=str(error.orig))
        return problem(503, "the store cannot be reached at the moment: try again")

    @server.errorhandler(HTTPException)
    def _refused(error: HTTPException) -> Response:
        answer = problem(error.code or 500, error.description or error.name)
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return answer

    @server.errorhandler(Exception)
    def _failed(error: Exception) -> Response:
        log.exception("a request failed", path=request.path)
        return problem(500, "the server failed to answer; its log tells more")


def problem(status: int, detail: str) -> Response:
    """An error as RFC 9457 problem+json."""
    body = {"type": "about:blank", "status": status, "detail": detail}
    return Response(msgspec.json.encode(body), status, content_type="application/problem+json")


def _is_loopback(settings: Settings) -> bool:
    return settings.web.host in LOOPBACK


def _well_formed(body: dict[str, Any]) -> bool:
    """Whether a callback's body has the parts that Dash takes for granted, so that it can't fail on them."""
    parts = [*_list(body.get("inputs")), *_list(body.get("state"))]
    flat = [item for part in parts for item in (part if isinstance(part, list) else [part])]
    return (
        isinstance(body.get("inputs"), list)
        and isinstance(body.get("outputs"), dict | list)
        and isinstance(body.get("changedPropIds", []), list)
        and all(isinstance(item, dict) and {"id", "property"} <= item.keys() for item in flat)
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
