"""Puts the guard before every request, security headers on every answer, and no inner error in any."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

import structlog
from dash.exceptions import DependencyException
from flask import Flask, Response, request
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from dashboard import refusals
from dashboard.access import PAGES, PROGRAMS, Access
from dashboard.accesslog import shown_path
from dashboard.api.answers import is_for_a_reader, problem
from dashboard.methods import taken

log = structlog.get_logger()

# A WSGI application: environment and start_response in, the pieces of the body out.
Wsgi: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

Headers: TypeAlias = Sequence[tuple[str, str]]


def secure(
    server: Flask,
    access: Access,
    script_hashes: Callable[[], Sequence[str]],
    is_page: Callable[[str], bool],
) -> Callable[[], Headers]:
    """Put `access` in front of every request, and the security headers on every answer.

    `script_hashes` is asked once, after the first request: Dash adds inline scripts only then.
    `is_page` tells which paths are pages: the frame that Dash serves for any other one is a 404.
    What is returned tells the headers of every answer, from the first request on.
    """
    server.before_request(access.guard)
    told = functools.cache(lambda: secure_headers(script_hashes()))
    # The way that Flask documents for putting something around an application.
    # mypy takes it for a method that nobody may replace.
    server.wsgi_app = first_alone(server.wsgi_app)  # type: ignore[assignment,method-assign]

    @server.after_request
    def _headers(response: Response) -> Response:
        is_frame = request.url_rule is not None and request.url_rule.rule == PAGES
        not_found = response.status_code == HTTPStatus.NOT_FOUND
        if is_frame and not_found and request.path.startswith(PROGRAMS):
            # The pages took an address for programs, where another method may be right.
            response = _not_taken()
        if is_frame and response.status_code == HTTPStatus.OK and not is_page(request.path):
            response.status_code = HTTPStatus.NOT_FOUND
        if request.method == "OPTIONS" and response.status_code == HTTPStatus.OK:
            response.headers["Allow"] = ", ".join(taken(request))
        for name, value in told():
            response.headers[name] = value
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response

    return told


def first_alone(application: Wsgi) -> Wsgi:
    """`application`, whose first request is answered before any other one begins.

    Dash finishes itself in its first request. A second one at the same time would be answered by
    half of it, and the policy that is made once would lack the scripts that are added meanwhile.
    """
    turn, ready = threading.Lock(), threading.Event()

    def serve(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if ready.is_set():
            return application(environ, start)
        with turn:
            answer = application(environ, start)
            ready.set()
            return answer

    return serve


def _not_taken() -> Response:
    """405 with what the address takes; 404 where there is nothing: the pages take any address."""
    methods = taken(request)
    if not methods:
        return problem(404, "there is nothing at this address")
    answer = problem(405, f"this address takes {', '.join(methods)}")
    answer.headers["Allow"] = ", ".join(methods)
    return answer


def _told_to_people(response: Response) -> Response:
    if response.mimetype == "application/problem+json" and is_for_a_reader(request):
        told = response.get_json(silent=True) or {}
        response.set_data(refusals.page(response.status_code, str(told.get("detail", ""))))
        response.content_type = "text/html; charset=utf-8"
        response.headers["Vary"] = "Accept"
    return response


def secure_headers(script_hashes: Sequence[str]) -> Headers:
    """The names and values of the headers that every answer carries."""
    return (
        ("Content-Security-Policy", content_policy(script_hashes)),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    )


def content_policy(script_hashes: Sequence[str]) -> str:
    """The Content-Security-Policy: everything from here, no inline script but Dash's hashed ones."""
    scripts = " ".join(["'self'", *script_hashes])
    return (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'none'"
    )


def answer_errors(server: Flask) -> None:
    """Answer every error as problem+json, without a word about what went wrong inside.

    Browsers that ask for a page get one that tells the same to people.
    """
    server.after_request(_told_to_people)
    # Dash raises this for a script that does not exist, which would be answered as 500.
    server.register_error_handler(
        DependencyException, lambda _: problem(404, "there is no such script")
    )

    @server.errorhandler(DBAPIError)
    def _away(error: DBAPIError) -> Response:
        log.warning("the store cannot be read", path=shown_path(), error=str(error.orig))
        return problem(503, "the store cannot be reached at the moment: try again")

    @server.errorhandler(HTTPException)
    def _refused(error: HTTPException) -> Response:
        if isinstance(error, MethodNotAllowed):
            return _not_taken()
        return problem(error.code or 500, error.description or error.name)

    @server.errorhandler(Exception)
    def _failed(error: Exception) -> Response:
        log.exception("a request failed", path=shown_path())
        return problem(500, "the server failed to answer; its log tells more")
