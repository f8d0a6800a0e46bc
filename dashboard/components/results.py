"""The last raw results of a check as a table, in which runs of equal results are told as one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from dash import html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.components.states import moment, state_of, told, word_of
from dashboard.views import CheckView, ResultView
from domain.units import span

SHOWN_OF_RUN = 3
# A line that tells of fewer than this would not be shorter than what it stands for.
WORTH_FOLDING = 3
MOST_LINES = 14
WITHOUT_REASON = "as expected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """Results that are like the one listed before them, newest first."""

    results: tuple[ResultView, ...]


def results(view: CheckView) -> list[Component]:
    """Heading and table; without any result, what will come."""
    head = html.Div(
        html.H2(["Last results ", html.Span("raw, newest first")], className="piece-title"),
        className="piece-head",
    )
    if not view.results:
        return [head, html.P(_none_yet(view), className="piece-empty")]
    # What is sampled, as the load of a machine, takes no time worth telling.
    timed = any(each.took for each in view.results)
    columns = [
        html.Th(["Time ", html.Span("UTC", className="zone")], scope="col"),
        html.Th("Result", scope="col"),
        *([html.Th("Took", scope="col", className="took right")] if timed else []),
        html.Th("Why", scope="col"),
    ]
    lines = [_line(each, view.at, timed) for each in fold(view.results)[:MOST_LINES]]
    table = html.Table([html.Thead(html.Tr(columns)), html.Tbody(lines)], className="results")
    return [head, table]


def fold(listed: Sequence[ResultView]) -> list[ResultView | Folded]:
    """The results with the inner part of each long run of equal ones folded into one line."""
    lines: list[ResultView | Folded] = []
    for _, group in groupby(listed, key=lambda each: each.kind):
        run = tuple(group)
        if len(run) < SHOWN_OF_RUN + WORTH_FOLDING:
            lines.extend(run)
        else:
            lines += [*run[:SHOWN_OF_RUN], Folded(results=run[SHOWN_OF_RUN:])]
    return lines


def _line(line: ResultView | Folded, now: datetime, timed: bool) -> Component:
    if isinstance(line, Folded):
        return _folded(line, now, 3 if timed else 2)
    return _single(line, now, timed)


def _single(result: ResultView, now: datetime, timed: bool) -> Component:
    word = word_of(result.reading, short=True)
    calm = result.why == WITHOUT_REASON
    return html.Tr(
        [
            html.Td(moment(result.at, now, "clock"), className="result-time"),
            html.Td(told(state_of(result.reading), word)),
            *([html.Td(result.took, className="took right number")] if timed else []),
            html.Td(result.why, className="result-why muted" if calm else "result-why"),
        ],
        **attributes(data_state=state_of(result.reading)),
    )


def _folded(line: Folded, now: datetime, columns: int) -> Component:
    newest, oldest = line.results[0], line.results[-1]
    words = f"{len(line.results)} more, all {word_of(newest.reading, short=True)}"
    return html.Tr(
        [
            html.Td(moment(newest.at, now, "clock"), className="result-time"),
            html.Td([f"{words}, back to ", moment(oldest.at, now, "clock")], colSpan=columns),
        ],
        className="folded",
    )


def _none_yet(view: CheckView) -> str:
    if not view.enabled:
        return "It is paused: resume it, and results appear here."
    if view.last_at is None:
        return f"No result yet: it runs every {span(view.interval_s)}, its results appear here."
    return "No result in the last 24 h."
