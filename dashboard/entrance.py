"""The pages before a login: `/login`, and `/setup` for the first admin. Plain HTML, no Dash."""

from __future__ import annotations

from flask import Blueprint, Response

FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Nocturne</title>
<link rel="icon" href="/assets/favicons/waiting.svg">
<link rel="stylesheet" href="/assets/tokens.css">
<link rel="stylesheet" href="/assets/app.css">
<link rel="stylesheet" href="/assets/entrance.css">
<script type="module" src="/assets/modules/entrance.mjs"></script>
<script type="module" src="/assets/modules/plainpage.mjs"></script>
</head>
<body>
<main class="entrance">
<p class="entrance-brand"><span class="icon icon-brand" aria-hidden="true"></span>Nocturne</p>
<h1>{heading}</h1>
<p class="entrance-why">{why}</p>
<form id="entrance" data-purpose="{purpose}" novalidate>
<label for="entrance-name">Name</label>
<input id="entrance-name" name="name" autocomplete="username" autocapitalize="none" required autofocus>
<label for="entrance-password">Password</label>
<input id="entrance-password" name="password" type="password" autocomplete="{autocomplete}" required>
{hint}<p id="entrance-error" class="entrance-error" role="alert"></p>
<button type="submit">{button}</button>
</form>
<noscript><p class="entrance-error">Nocturne needs JavaScript, all of it served from here.</p></noscript>
</main>
</body>
</html>
"""

LOGIN = FRAME.format(
    title="Log in",
    heading="Log in",
    why="Changes are made by people with a name. No account yet? An admin makes one in the settings; "
    "the first admin is made by the link that <code>app.py setup-link</code> prints.",
    purpose="login",
    autocomplete="current-password",
    hint="",
    button="Log in",
)
SETUP = FRAME.format(
    title="First admin",
    heading="Make the first admin",
    why="This link works once. The account you make here may do everything, and can add others.",
    purpose="setup",
    autocomplete="new-password",
    hint='<p class="entrance-hint">At least 10 characters.</p>\n',
    button="Make the account",
)


def blueprint() -> Blueprint:
    """The two pages; what they send goes to the API."""
    routes = Blueprint("entrance", __name__)

    @routes.get("/login")
    def login() -> Response:
        return Response(LOGIN, content_type="text/html; charset=utf-8")

    @routes.get("/setup")
    def setup() -> Response:
        return Response(SETUP, content_type="text/html; charset=utf-8")

    return routes
