"""What a browser shows instead of a page that it can't have. Programs get problem+json instead."""

from __future__ import annotations

import functools
from html import escape
from pathlib import Path

from dashboard.shell import Section, visible
from domain.access import Role

ASSETS = Path(__file__).parent.parent / "assets"
# The frame of every page, without Dash: what is wrong may be wrong with that.
FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading} · Nocturne</title>
<link rel="icon" href="/assets/favicons/waiting.svg">
{styles}
<script type="module" src="/assets/modules/plainpage.mjs"></script>
</head>
<body>
<div class="shell">
<nav class="rail" aria-label="Main">
<a class="brand" href="/" title="Nocturne, overview"><span class="icon icon-brand" aria-hidden="true"></span>
<span class="brand-name">Nocturne</span></a>
{navigation}
</nav>
<header class="bar"><div id="bar-counts" class="bar-counts"></div><div id="bar-age" class="bar-age"></div>
<div id="bar-theme" class="bar-theme"></div><div id="bar-clock" class="bar-clock"></div></header>
<div class="content"><main class="page"><div class="nothing-page">
<h1 class="nothing-title">{heading}</h1>
<p>{why}</p>
<p class="muted">{detail} <span class="nothing-code">HTTP {status}</span></p>
<p class="nothing-ways"><a class="button" href="/">To the overview</a>
<a class="button" href="">Try again</a></p>
</div></main></div>
</div>
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
        heading=escape(heading),
        why=escape(why),
        detail=escape(said),
        status=status,
        styles=_styles(),
        # Who asks may not be known here: what anybody who looks may open.
        navigation="\n".join(_section(section) for section in visible(Role.VIEWER)),
    )


@functools.cache
def _styles() -> str:
    """All style sheets, as Dash links them for its pages."""
    names = sorted(path.name for path in ASSETS.glob("*.css"))
    return "\n".join(f'<link rel="stylesheet" href="/assets/{name}">' for name in names)


def _section(section: Section) -> str:
    heading = f'<h2 class="rail-heading">{escape(section.heading)}</h2>' if section.heading else ""
    links = "".join(
        f'<li><a class="rail-link" href="{entry.path}"><span class="icon icon-{entry.icon}" '
        f'aria-hidden="true"></span><span>{escape(entry.label)}</span></a></li>'
        for entry in section.entries
    )
    return f'<div class="rail-section">{heading}<ul>{links}</ul></div>'
