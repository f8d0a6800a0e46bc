"""The day of a check as a strip: its stretches, the names of the bad ones, an axis of hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from dash import html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.components.states import LETTER_STATES, LETTER_WORDS, moment, shape
from dashboard.views import CheckView
from domain.timeline import NOT_MEASURED, Stretch
from domain.units import span

HOURS_BETWEEN = 3
MOST_LABELS = 6
MOST_TOLD = 12
LABEL_WIDTH = 9.0
FAILING = "wdc"
WORTH_A_NAME_S = 60.0
EDGE = 3.0


def strip(view: CheckView) -> list[Component]:
    """Heading, labels, strip and axis of the last 24 hours."""
    start, end = view.at - timedelta(hours=24), view.at
    more = "no change" if not view.changes else f"{view.changes} changes"
    return [
        html.Div(
            className="piece-head",
            children=[
                html.H2(
                    ["Last 24 h ", html.Span("1 change" if view.changes == 1 else more)],
                    className="piece-title",
                ),
                html.Span("bracket: shown below", className="piece-more bracket-told"),
            ],
        ),
        html.Div(_labels(view.day, start, end), className="day-labels"),
        html.Div(
            [_segment(part, start, end) for part in view.day],
            className="day-strip",
            role="img",
            **attributes(aria_label=_in_words(view.day)),
        ),
        html.Div(
            [*_axis(start, end, view.at), html.Span(className="day-bracket")],
            className="day-axis",
        ),
    ]


def _segment(part: Stretch, start: datetime, end: datetime) -> Component:
    word = LETTER_WORDS[part.letter]
    reason = part.message if part.letter in "wduc" else part.reason
    return html.Span(
        className="segment",
        title=f"{word} for {span(part.length_s)}{': ' if reason else ''}{reason[:200]}",
        style={
            "left": f"{_share(part.start, start, end):.3f}%",
            "width": f"{_share(part.end, start, end) - _share(part.start, start, end):.3f}%",
        },
        **attributes(data_state=LETTER_STATES[part.letter], data_letter=part.letter),
    )


def _labels(day: Sequence[Stretch], start: datetime, end: datetime) -> list[Component]:
    """The worst and longest stretches get a name, as long as the names don't touch."""
    named: list[tuple[float, Stretch]] = []
    # Nothing was measured before a check began: that needs no name.
    worth = [
        each
        for each in day
        if each.letter != "h"
        and (each.letter != NOT_MEASURED or each.start > start)
        and (each.letter in FAILING or each.length_s >= WORTH_A_NAME_S)
    ]
    for part in sorted(worth, key=_weight)[::-1]:
        middle = (_share(part.start, start, end) + _share(part.end, start, end)) / 2
        place = min(100 - EDGE, max(EDGE, middle))
        if len(named) < MOST_LABELS and all(
            abs(place - other) >= LABEL_WIDTH for other, _ in named
        ):
            named.append((place, part))
    return [_label(place, part) for place, part in sorted(named, key=lambda each: each[0])]


def _weight(part: Stretch) -> tuple[int, float]:
    return ("-pmbwduc".find(part.letter), part.length_s)


def _label(place: float, part: Stretch) -> Component:
    side = {"right": "0"} if place > 100 - LABEL_WIDTH / 2 else {"left": f"{place:.2f}%"}
    return html.Span(
        [
            shape(LETTER_STATES[part.letter], "small"),
            html.Span(f"{LETTER_WORDS[part.letter]} ", className="unseen"),
            span(part.length_s),
        ],
        className="day-label" if "left" in side else "day-label at-end",
        style=side,
    )


def _axis(start: datetime, end: datetime, now: datetime) -> list[Component]:
    first = start.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    first += timedelta(hours=-first.hour % HOURS_BETWEEN)
    hours = [first + timedelta(hours=HOURS_BETWEEN * step) for step in range(8)]
    return [
        html.Span(
            moment(hour, now, "hour"),
            className="day-hour",
            style={"left": f"{_share(hour, start, end):.3f}%"},
        )
        for hour in hours
        if EDGE < _share(hour, start, end) < 100 - EDGE
    ]


def _in_words(day: Sequence[Stretch]) -> str:
    bad = [part for part in day if part.letter != "h"][-MOST_TOLD:]
    told = "; ".join(
        f"{LETTER_WORDS[part.letter]} for {span(part.length_s)} from {part.start:%H:%M} UTC"
        for part in bad
    )
    return f"Last 24 hours: {told or 'healthy all the time'}"


def _share(at: datetime, start: datetime, end: datetime) -> float:
    return 100 * ((at - start) / (end - start))
