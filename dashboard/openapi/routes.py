"""The document at `/api/v1/openapi.json`, and the page `/api/docs` that draws it in the browser."""

from __future__ import annotations

import functools

import msgspec
from flask import Blueprint, Response

from dashboard.openapi.document import document

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · Nocturne</title>
<link rel="icon" href="/assets/favicons/waiting.svg">
<link rel="stylesheet" href="/assets/tokens.css">
<link rel="stylesheet" href="/assets/app.css">
<link rel="stylesheet" href="/assets/apidocs.css">
<script type="module" src="/assets/modules/apidocs.mjs"></script>
<script type="module" src="/assets/modules/plainpage.mjs"></script>
</head>
<body>
<main class="apidocs">
<header class="apidocs-head">
<h1>API</h1>
<p><a href="/">Overview</a> · <a href="/api/v1/openapi.json">OpenAPI document</a></p>
<input id="apidocs-search" type="search" aria-label="Search the routes"
 placeholder="Search: incidents, POST silences, role admin" autocomplete="off" spellcheck="false">
<p id="apidocs-count" role="status"></p>
</header>
<div id="apidocs-routes"></div>
<noscript><p>This page needs JavaScript, all of it served from here.</p></noscript>
</main>
</body>
</html>
"""


@functools.cache
def encoded() -> bytes:
    """The document as JSON; it is the same for as long as the process runs."""
    return msgspec.json.encode(document())


def blueprint() -> Blueprint:
    """The two routes. Access to them is decided before."""
    routes = Blueprint("openapi", __name__, url_prefix="/api")

    @routes.get("/v1/openapi.json")
    def told() -> Response:
        return Response(encoded(), content_type="application/json")

    @routes.get("/docs")
    def page() -> Response:
        return Response(PAGE, content_type="text/html; charset=utf-8")

    return routes
