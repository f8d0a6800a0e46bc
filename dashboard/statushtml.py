"""The public status page as HTML: made on the server, whole without JavaScript."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from html import escape

from dashboard.statusview import STALE, Day, Row, Story, View
from domain.statuspage import Public
from domain.units import span

FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>{tab}</title>
<link rel="icon" href="/assets/favicons/{favicon}.svg">
<link rel="stylesheet" href="/assets/tokens.css">
<link rel="stylesheet" href="/assets/app.css">
<link rel="stylesheet" href="/assets/status.css">
<noscript><meta http-equiv="refresh" content="60"></noscript>
<script type="module" src="/assets/modules/status.mjs"></script>
</head>
<body class="status-body">
<main class="status" data-made="{made}" data-beat="{beat}"{is_stale}>
<header class="status-top"><p class="status-brand"><b>{title}</b> status</p>
<p class="status-age">{age}</p></header>
<div class="status-whole">{shape}<h1>{sentence}</h1><p class="status-now">{now}</p></div>
{standing}{rows}
<section class="status-incidents"><div class="status-heading"><h2>Past incidents</h2>
<p>all times UTC</p></div>
{past}
</section>
</main>
</body>
</html>
"""
NO_PARTS = (
    '<p class="status-nothing">Nothing has been chosen to be shown here yet: '
    "name groups, tags or checks in the configuration.</p>"
)
NO_PAST = '<p class="status-nothing">None in the last 14 days.</p>'
# The shapes of the states on 12 × 12, as assets/modules/shapes.mjs draws them.
SHAPES = {
    "healthy": '<circle cx="6" cy="6" r="4" class="fill"/>',
    "warning": '<path d="M6 1.2 11.2 10.6H.8Z" class="fill edge"/>',
    "degraded": '<path d="M6 1.3 10.7 6 6 10.7 1.3 6Z" class="line"/>',
    "critical": '<path d="M6 .4 11.6 6 6 11.6.4 6Z" class="fill"/>',
    "unknown": '<path d="M3.6 4.1a2.4 2.4 0 1 1 3.8 2C6.5 6.7 6 7.1 6 8" class="line"/>'
    '<circle cx="6" cy="10.5" r="1.05" class="fill"/>',
    "maintenance": '<rect x="1.8" y="1.8" width="8.4" height="8.4" class="fill"/>',
    STALE: '<rect x="1.2" y="1.2" width="9.6" height="9.6" rx="1.2" class="line thin"/>'
    '<path d="M1.5 6.5 6.5 1.5M1.5 10.5 10.5 1.5M5.5 10.5 10.5 5.5" class="line thin"/>',
}
FAVICONS = {"maintenance": "healthy"}
LEGEND = (Public.WORKING, Public.SLOW, Public.DEGRADED, Public.OUTAGE, Public.MAINTENANCE)
# So many of the newest days find room on a phone, as status.css has it.
NARROW_DAYS = 30


def html(view: View) -> str:
    """The page."""
    marked = "⚠ " if view.stale else ""
    return FRAME.format(
        tab=escape(f"{marked}{view.sentence} · {view.title}"),
        favicon=FAVICONS.get(view.shape, view.shape),
        made=_ms(view.made),
        beat=_ms(view.beat) if view.beat else "",
        is_stale=" data-stale" if view.stale else "",
        title=escape(view.title),
        age=_age(view),
        shape=shape(view.shape),
        sentence=escape(view.sentence),
        now=_time(view.made, f"{view.made:%a} {view.made.day} {view.made:%b %Y, %H:%M} UTC"),
        standing=_standing(view.standing),
        rows=_rows(view.rows) if view.rows else NO_PARTS,
        past="".join(_story(each, index == 0, "h3") for index, each in enumerate(view.past))
        or NO_PAST,
    )


def shape(state: str) -> str:
    """The shape of a state; the word beside it says the same."""
    return (
        f'<svg viewBox="0 0 12 12" class="shape" data-state="{state}" aria-hidden="true">'
        f"{SHAPES[state]}</svg>"
    )


def _age(view: View) -> str:
    if view.beat is None:
        return "Nothing was checked yet"
    at = view.beat.astimezone(UTC)
    day = "" if at.date() == view.made.date() else f"{at.day} {at:%b}, "
    return f"Last checked {_time(at, f'{day}{at:%H:%M:%S} UTC')}"


def _rows(rows: Sequence[Row]) -> str:
    first = rows[0].days[0].day
    narrow = rows[0].days[-NARROW_DAYS:][0].day
    legend = "".join(f"<li>{shape(each.shape)}{each.word}</li>" for each in LEGEND)
    return (
        f'<section class="status-parts" aria-label="Parts">{"".join(map(_row, rows))}</section>'
        f'<div class="status-legend"><p><span class="status-wide">{_short(first)}</span>'
        f'<span class="status-narrow">{_short(narrow)}</span></p>'
        f'<ul>{legend}<li><i class="status-day"></i>not measured</li></ul><p>today</p></div>'
    )


def _row(row: Row) -> str:
    uptime = f'<p class="status-uptime">{row.uptime}</p>' if row.uptime else ""
    return (
        f'<article class="status-part"><div class="status-part-head"><h2>{escape(row.label)}</h2>'
        f'{uptime}<p class="status-word" data-state="{row.shape}">{shape(row.shape)}{row.word}</p></div>'
        f'<div class="status-days" role="img" aria-label="{escape(_told(row))}">'
        f"{''.join(map(_day, row.days))}</div></article>"
    )


def _day(day: Day) -> str:
    if day.state is None:
        return f'<i class="status-day" title="{_short(day.day)}: not measured"></i>'
    mark = "" if day.state is Public.WORKING else shape(day.state.shape)
    words = f"{_short(day.day)}: {_what(day)}"
    return f'<i class="status-day" data-state="{day.state.shape}" title="{words}">{mark}</i>'


def _what(day: Day) -> str:
    if day.state is None:
        return "not measured"
    return f"{day.state.word}, {day.lasted}" if day.lasted else day.state.word


def _told(row: Row) -> str:
    """The bars in words."""
    bad = [each for each in row.days if each.state not in (None, Public.WORKING)]
    measured = sum(each.state is not None for each in row.days)
    said = [f"{_short(each.day)} {_what(each)}" for each in bad]
    return f"{measured} of {len(row.days)} days measured, {'; '.join(said) or 'no problems'}"


def _standing(found: Sequence[Story]) -> str:
    if not found:
        return ""
    stories = "".join(_story(each, True, "h2") for each in found)
    return f'<section class="status-standing" aria-label="At the moment">{stories}</section>'


def _story(story: Story, is_open: bool, heading: str) -> str:
    """An incident; its `heading` is of the level that follows from where it stands."""
    lines = "".join(
        f"<li>{_time(line.at, _when(line.at, story))}<p><b>{line.lead}</b> "
        f'<span class="status-note">{escape(line.text)}</span></p></li>'
        for line in story.lines
    )
    return (
        f'<details class="status-story" data-key="{_ms(story.start)}"{" open" if is_open else ""}>'
        f"<summary>{shape(story.state.shape)}<{heading}>{escape(story.title)}</{heading}>"
        f"<p>{_lasted(story)}</p></summary><ol>{lines}</ol></details>"
    )


def _lasted(story: Story) -> str:
    start = story.start
    since = f"{start:%a} {start.day} {start:%b}, {start:%H:%M}"
    if story.end is None:
        return f"since {_time(start, f'{since} UTC')}"
    end = story.end
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{end.day} {end:%b}, {end:%H:%M}"
    length = span((end - start).total_seconds())
    return f"{_time(start, since)} to {_time(end, f'{until} UTC')}, {length}"


def _when(at: datetime, story: Story) -> str:
    day = "" if at.date() == story.start.date() else f"{at.day} {at:%b} "
    return f"{day}{at:%H:%M} UTC"


def _time(at: datetime, text: str) -> str:
    return f'<time datetime="{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}">{text}</time>'


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
