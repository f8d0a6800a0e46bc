"""Who may do what: the one table of routes and callbacks, deny by default, and what guards them.

Dash has no security of its own: its callbacks answer to anybody who finds their URL. So every
request passes `guard`, and a route or callback that is not in the table is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from flask import Request, Response, g, request

from dashboard.api.answers import is_for_a_reader, problem, to_login
from dashboard.callbackbodies import is_well_formed, page_asked_for
from dashboard.identity import BadKey, Identities, who
from dashboard.ratelimits import RateLimits
from domain.access import Identity, Need, Role, Scope, Verdict, verdict
from domain.settings import Settings

log = structlog.get_logger()

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_BODY = 1 << 20


# Open to all, and told in full to who may see it: a key that is shown there must be good.
TELL_MORE = frozenset({"/health", "/status"})
ROLES = {"none": Role.NOBODY, "viewer": Role.VIEWER, "operator": Role.OPERATOR}

SAFE = ("GET", "HEAD", "OPTIONS")

# Every other path is a page, which the browser's side resolves; those for programs are not.
PAGES = "/<path:path>"
PROGRAMS = ("/api/", "/health", "/incidents", "/live/", "/_dash", "/metrics", "/ping/")

# Rule and methods → the role it needs. `/health` itself decides how much it tells whom.
ROUTES: Mapping[tuple[str, str], Role] = {
    ("/health", "GET"): Role.NOBODY,
    ("/health/simple", "GET"): Role.NOBODY,
    ("/health/live", "GET"): Role.NOBODY,
    ("/health/ready", "GET"): Role.NOBODY,
    ("/api/health", "GET"): Role.NOBODY,
    ("/api/health/simple", "GET"): Role.NOBODY,
    ("/api/monitoring/stats", "GET"): Role.VIEWER,
    ("/health/comprehensive", "GET"): Role.VIEWER,
    ("/health/databases", "GET"): Role.VIEWER,
    ("/health/performance", "GET"): Role.VIEWER,
    ("/health/system", "GET"): Role.VIEWER,
    ("/health/monitoring", "GET"): Role.VIEWER,
    ("/health/monitoring/start", "POST"): Role.OPERATOR,
    ("/health/monitoring/stop", "POST"): Role.OPERATOR,
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
    ("/api/v1/checks/bulk", "POST"): Role.OPERATOR,
    ("/api/v1/checks", "GET"): Role.VIEWER,
    ("/api/v1/checks", "POST"): Role.OPERATOR,
    ("/api/v1/checks/try", "POST"): Role.OPERATOR,
    ("/api/v1/checks/<path:name>", "GET"): Role.VIEWER,
    ("/api/v1/checks/<path:name>", "PATCH"): Role.OPERATOR,
    ("/api/v1/checks/<path:name>/revert", "POST"): Role.OPERATOR,
    ("/api/v1/checks/<path:name>/remove", "POST"): Role.OPERATOR,
    ("/api/v1/kinds", "GET"): Role.VIEWER,
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
    ("/api/v1/checks/<path:name>/versions", "GET"): Role.VIEWER,
    ("/api/v1/series", "GET"): Role.VIEWER,
    ("/api/v1/series/points", "GET"): Role.VIEWER,
    ("/api/v1/uptime", "GET"): Role.VIEWER,
    ("/api/v1/export/results", "GET"): Role.VIEWER,
    ("/api/v1/export/series", "GET"): Role.VIEWER,
    ("/api/v1/export/incidents", "GET"): Role.VIEWER,
    ("/api/v1/export/alerts", "GET"): Role.VIEWER,
    ("/api/v1/export/availability", "GET"): Role.VIEWER,
    ("/api/v1/metrics", "GET"): Role.VIEWER,
    ("/api/v1/metrics", "POST"): Role.OPERATOR,
    ("/api/v1/metrics/<name>", "GET"): Role.VIEWER,
    ("/metrics", "GET"): Role.VIEWER,
    ("/api/v1/openapi.json", "GET"): Role.VIEWER,
    ("/api/docs", "GET"): Role.VIEWER,
    # Dash's own: the page frame, its layout, its scripts, our assets, the callbacks (see below).
    ("/", "GET"): Role.VIEWER,
    (PAGES, "GET"): Role.VIEWER,
    ("/_dash-layout", "GET"): Role.VIEWER,
    ("/_dash-dependencies", "GET"): Role.VIEWER,
    ("/_dash-update-component", "POST"): Role.VIEWER,
    # Logging in, and what is one's own.
    ("/login", "GET"): Role.NOBODY,
    ("/setup", "GET"): Role.NOBODY,
    # Decides itself who may look, by [status] access.
    ("/status", "GET"): Role.NOBODY,
    ("/api/v1/session", "GET"): Role.NOBODY,
    ("/api/v1/session", "POST"): Role.NOBODY,
    ("/api/v1/session", "DELETE"): Role.NOBODY,
    ("/api/v1/setup", "POST"): Role.NOBODY,
    ("/api/v1/account/password", "POST"): Role.VIEWER,
    ("/api/v1/account/sessions", "GET"): Role.VIEWER,
    ("/api/v1/account/sessions/end", "POST"): Role.VIEWER,
    ("/api/v1/audit", "GET"): Role.OPERATOR,
    ("/api/v1/people", "GET"): Role.ADMIN,
    ("/api/v1/people", "POST"): Role.ADMIN,
    ("/api/v1/people/<name>", "PATCH"): Role.ADMIN,
    ("/api/v1/people/<name>", "DELETE"): Role.ADMIN,
    ("/api/v1/keys", "GET"): Role.ADMIN,
    ("/api/v1/keys", "POST"): Role.ADMIN,
    ("/api/v1/keys/<int:key_id>/revoke", "POST"): Role.ADMIN,
    # Whoever has the token of a job may ping for it.
    ("/ping/<token>", "GET"): Role.NOBODY,
    ("/ping/<token>", "POST"): Role.NOBODY,
    ("/ping/<token>/<what>", "GET"): Role.NOBODY,
    ("/ping/<token>/<what>", "POST"): Role.NOBODY,
    ("/api/v1/checks/<path:name>/results", "POST"): Role.OPERATOR,
    ("/_favicon.ico", "GET"): Role.NOBODY,
    ("/assets/<path:filename>", "GET"): Role.NOBODY,
    ("/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>", "GET"): Role.NOBODY,
}


# What a key opens by a scope of its own, beside those that its role opens. A wall's token opens of
# the pages its own alone.
SCOPES: Mapping[tuple[str, str], frozenset[Scope]] = {
    ("/api/v1/metrics", "POST"): frozenset({Scope.METRICS}),
    ("/health/alerts/test", "GET"): frozenset({Scope.TEST}),
    ("/health/alerts/test", "POST"): frozenset({Scope.TEST}),
    ("/api/v1/checks/<path:name>/results", "POST"): frozenset({Scope.RESULTS}),
    ("/live/snapshot", "GET"): frozenset({Scope.WALL}),
    (PAGES, "GET"): frozenset({Scope.WALL}),
    ("/_dash-layout", "GET"): frozenset({Scope.WALL}),
    ("/_dash-dependencies", "GET"): frozenset({Scope.WALL}),
    ("/_dash-update-component", "POST"): frozenset({Scope.WALL}),
}
WALL_PAGE = "/wall"

# Changes that need not be JSON from our own origin: curl sends what a job printed, and nobody can
# send it who does not have the token that stands in the address.
BY_ADDRESS = frozenset({"/ping/<token>", "/ping/<token>/<what>"})

# Dash's own callbacks: the router of its pages. Those of a page stand beside it in callbacks/.
DASH_CALLBACKS: Mapping[str, Role] = {
    ".._pages_content.children..._pages_store.data..": Role.VIEWER,
}


class Refused(Exception):
    """A request that may not be served; `status` is the HTTP status, the message is for people.

    After `wait_s` seconds it may be sent again; None where waiting does not help.
    """

    def __init__(self, status: int, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.wait_s = wait_s


class Access:
    """Decides every request of one app: host, sender, route, origin, callback, and how many."""

    def __init__(
        self,
        settings: Settings,
        callbacks: Mapping[str, Role],
        identities: Identities,
        limits: RateLimits,
    ) -> None:
        self._hosts = LOOPBACK | {name.lower() for name in (settings.web.host, *settings.web.hosts)}
        self._callbacks = callbacks
        self._identities = identities
        self._limits = limits

    def who(self) -> Identity:
        """Who sent the present request. Raises BadKey."""
        return who() if "nocturne_identity" in g else self._identities.recognise(request)

    def role(self) -> Role:
        """The role of whoever sent the present request."""
        return self.who().role

    def guard(self) -> Response | None:
        """Refuse the present request unless every rule lets it pass."""
        try:
            self._check_host(request)
            to_wall = self._identities.to_wall(request)
            if to_wall is not None:
                return to_wall
            self._check_route(request)
            # What no route takes changes nothing, and Flask answers it with 404 or 405.
            if request.routing_exception is None and request.method not in SAFE:
                self._check_size(request)
                self._check_origin(request)
            if request.path == "/_dash-update-component":
                self._check_callback(request)
        except Refused as refused:
            # Whoever has a wall's token in the browser can still log in beside it.
            may_log_in = refused.status == HTTPStatus.UNAUTHORIZED or Scope.WALL in who().scopes
            if may_log_in and is_for_a_reader(request):
                return to_login(request)
            answer = problem(refused.status, str(refused))
            if refused.wait_s is not None:
                answer.headers["Retry-After"] = str(math.ceil(refused.wait_s))
            return answer
        return None

    def admitted(self, asked: Request, route: tuple[str, str]) -> Identity | None:
        """Who asks for what `route` reads, also outside of Flask; None if refused, as `guard` tells."""
        try:
            self._check_host(asked)
            identity = self._identities.tell(asked)
            need = Need(role=ROUTES[route], scopes=_scopes(route, asked))
            self._admit(identity, need, asked)
        except (Refused, BadKey):
            return None
        return identity

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
        route = (asked.url_rule.rule, method)
        needed = ROUTES.get(route)
        if needed is None:
            if method == "OPTIONS" or (asked.routing_exception is not None):
                return
            raise Refused(403, "not allowed")
        # Who it is takes a look into the store: not for what all may read, and all read the same.
        is_open = needed is Role.NOBODY and method in SAFE and not asked.path.startswith("/api/")
        if is_open and not (asked.path in TELL_MORE and "Authorization" in asked.headers):
            return
        try:
            identity = self.who()
        except BadKey as bad:
            raise Refused(401, str(bad)) from None
        self._admit(identity, Need(role=needed, scopes=_scopes(route, asked)), asked)

    def _admit(self, identity: Identity, need: Need, asked: Request) -> None:
        """Raises Refused for who may not do what needs `need`, or does it too often."""
        found = verdict(identity, need)
        if found is not Verdict.ALLOWED:
            raise Refused(401 if found is Verdict.LOGIN_NEEDED else 403, found.value)
        sender = identity.name if identity.via == "key" else f"{asked.remote_addr}"
        wait_s = self._limits.wait_s(sender)
        if wait_s:
            raise Refused(429, f"too many requests: try again in {wait_s:.1f} s", wait_s)

    def _check_origin(self, asked: Request) -> None:
        """A change must come from our own pages or from a program, never from another site."""
        if asked.url_rule is not None and asked.url_rule.rule in BY_ADDRESS:
            return
        origin = asked.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc.lower() != asked.host.lower():
            raise Refused(403, "cross-site request refused")
        if asked.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Refused(403, "cross-site request refused")
        # A form cannot send JSON across sites without being asked first; and no browser adds a key,
        # as it does add what somebody logged in to a proxy with (`Basic`).
        has_key = asked.headers.get("Authorization", "").lower().startswith("bearer ")
        if asked.mimetype != "application/json" and not has_key:
            raise Refused(415, "send JSON (Content-Type: application/json)")

    def _check_size(self, asked: Request) -> None:
        if (asked.content_length or 0) > MAX_BODY:
            raise Refused(413, "the request is too large")

    def _check_callback(self, asked: Request) -> None:
        try:
            body: Any = msgspec.json.decode(asked.get_data())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refused(400, "the body is not JSON") from None
        output = body.get("output") if isinstance(body, dict) else None
        needed = self._callbacks.get(output) if isinstance(output, str) else None
        if needed is None:
            raise Refused(403, "not allowed")
        if not is_well_formed(body):
            raise Refused(400, "inputs and outputs are not as Dash sends them")
        if self.role() < needed and not _is_walls(body):
            raise Refused(403, "not allowed")


def anonymous_role(settings: Settings) -> Role:
    """What may be done without a login: what the settings say where only this machine can ask."""
    alone = settings.web.host in LOOPBACK and not settings.web.proxy
    return ROLES[settings.web.anonymous] if alone else Role.NOBODY


def _scopes(route: tuple[str, str], asked: Request) -> frozenset[Scope]:
    """The scopes that open a route by themselves, at this address."""
    if route[0] == PAGES and asked.path != WALL_PAGE:
        return frozenset()
    return SCOPES.get(route, frozenset())


def _is_walls(body: dict[str, Any]) -> bool:
    """Whether a callback is that of Dash's router for the wall: all that a wall's token may call."""
    return body.get("output") in DASH_CALLBACKS and page_asked_for(body) == WALL_PAGE
