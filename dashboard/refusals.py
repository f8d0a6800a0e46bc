"""What a browser shows instead of a page that it can't have. Programs get problem+json instead."""

from __future__ import annotations

from html import escape

FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading} · Nocturne</title>
<link rel="icon" href="/assets/favicons/waiting.svg">
<link rel="stylesheet" href="/assets/tokens.css">
<link rel="stylesheet" href="/assets/app.css">
<link rel="stylesheet" href="/assets/entrance.css">
</head>
<body>
<main class="entrance">
<p class="entrance-brand"><span class="icon icon-brand" aria-hidden="true"></span>Nocturne</p>
<h1>{heading}</h1>
<p class="entrance-why">{why}</p>
<p class="entrance-detail">{detail} <span class="entrance-code">HTTP {status}</span></p>
<p class="entrance-ways"><a class="button" href="/">To the overview</a></p>
</main>
</body>
</html>
"""
# By status: the heading, and what may be done about it.
WORDS = {
    400: ("This can't be asked", "The address has something in it that Nocturne can't read."),
    401: ("Log in first", "This is shown to people who are logged in."),
    403: ("You may not see this", "An admin can give you another role in the settings."),
    404: (
        "There is nothing here",
        "The address may be mistyped, or what stood here is gone. Nothing is wrong with what is "
        "being watched.",
    ),
    405: ("This address takes no such request", "It is for programs."),
    429: ("Too many requests", "Wait a moment, then load the page again."),
    500: (
        "This page failed",
        "The fault is Nocturne's, and its log tells more. The monitor is another process: it goes "
        "on watching and paging.",
    ),
    503: (
        "The store can't be reached",
        "Load the page again in a moment. The monitor keeps what it measures until the store is "
        "back.",
    ),
}


def page(status: int, detail: str) -> str:
    """The page for a status; `detail` is what a program is told."""
    heading, why = WORDS.get(status, ("This was refused", ""))
    said = detail[:1].upper() + detail[1:]
    return FRAME.format(
        heading=escape(heading), why=escape(why), detail=escape(said), status=status
    )
