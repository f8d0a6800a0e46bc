"""Query strings: a parameter that stands there twice is refused, for no answer could be to both."""

from __future__ import annotations

from flask import Flask, Response, request

from dashboard.access import PROGRAMS
from dashboard.api.answers import problem

# The parameters that may be given as often as one likes.
MANY = frozenset({"label"})
# Those that only exports take more than once.
EXPORTS, MANY_THERE = "/api/v1/export/", frozenset({"check"})


def attach(server: Flask) -> None:
    """Ask every request for programs; after the guard, which says nothing to whom it refuses."""
    server.before_request(refuse_repeated)


def refuse_repeated() -> Response | None:
    """400 that names the parameter; None when there is nothing to refuse. Pages read their own."""
    if not request.path.startswith(PROGRAMS) or prefers_page():
        return None
    many = MANY | MANY_THERE if request.path.startswith(EXPORTS) else MANY
    for name, values in request.args.lists():
        if len(values) > 1 and name not in many:
            return problem(400, f"{ascii(name[:50]).strip(chr(39))}: it is given twice")
    return None


def prefers_page() -> bool:
    """Whether the present address is a page too and the caller would rather have that than JSON."""
    accepted = request.accept_mimetypes
    is_both = request.path.startswith("/incidents")
    return is_both and accepted.quality("text/html") > accepted.quality("application/json")
