"""The check page: why a check is in its state, its day, its numbers, its last results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from dash import dcc, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.aside import aside
from dashboard.components.attributes import attributes
from dashboard.components.results import results
from dashboard.components.states import moment, shape, state_of, word_of
from dashboard.components.strip import strip
from dashboard.figures import CONFIG, SPELT
from dashboard.theme import Theme
from dashboard.trend import TOTAL, Line, Trend
from dashboard.views import CheckView
from domain.facts import Mark
from domain.units import show, span

# How far back the chart may go, in hours, by the word that stands in the address.
RANGES: Final = {"1h": 1.0, "3h": 3.0, "24h": 24.0, "7d": 168.0}

GRAPH_HEIGHT: Final = "216px"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The pieces of the page that follow the check, each for its container."""

    head: Sequence[Component]
    actions: Sequence[Component]
    timeline: Sequence[Component]
    results: Sequence[Component]
    side: Sequence[Component]


def layout(name: str) -> Component:
    """The frame of the page of check `name`: containers that the callbacks fill."""
    return html.Div(
        id=ids.CHECK_PAGE,
        className="check-page",
        **attributes(data_check=name),
        children=[
            dcc.Store(id=ids.CHECK_SEEN),
            dcc.Store(id=ids.CHECK_RANGE),
            dcc.Store(id=ids.CHECK_HELD),
            html.Div(
                className="check-main",
                children=[
                    html.Header(
                        className="check-top",
                        children=[
                            html.Div(id=ids.CHECK_ACTIONS, className="check-actions"),
                            html.Div(id=ids.CHECK_MANAGE, className="check-actions"),
                            html.Div(id=ids.CHECK_HEAD, className="check-head"),
                            html.Div(
                                id=ids.CHECK_REPLY,
                                className="check-reply",
                                role="status",
                                **attributes(aria_live="polite"),
                            ),
                        ],
                    ),
                    html.Section(
                        id=ids.CHECK_TIMELINE,
                        className="piece check-timeline",
                        **attributes(aria_label="Timeline"),
                    ),
                    _chart(),
                    html.Section(
                        id=ids.CHECK_RESULTS,
                        className="piece check-results",
                        **attributes(aria_label="Last results"),
                    ),
                    html.Section(
                        id=ids.CHECK_DEFINITION,
                        className="piece check-definition",
                        **attributes(aria_label="Definition"),
                    ),
                ],
            ),
            html.Div(id=ids.CHECK_SIDE, className="check-side"),
        ],
    )


def _chart() -> Component:
    buttons = [
        html.Button(f"{word[:-1]} {word[-1]}", type="button", **attributes(data_range=word))
        for word in RANGES
    ]
    return html.Section(
        className="piece check-chart",
        **attributes(aria_label="Chart"),
        children=[
            html.Div(id=ids.CHECK_CHART_HEAD, className="chart-head"),
            html.Div(buttons, className="ranges", role="group", **attributes(aria_label="Range")),
            dcc.Graph(
                id=ids.CHECK_CHART,
                config=CONFIG,
                className="graph",
                figure={},
                style={"height": GRAPH_HEIGHT},
            ),
        ],
    )


def body(view: CheckView, *, may_operate: bool) -> Body:
    """The pieces for one check; buttons only for those who may use them."""
    return Body(
        head=_head(view),
        actions=_actions(view) if may_operate else [],
        timeline=strip(view),
        results=results(view),
        side=aside(view),
    )


def unknown(name: str) -> Body:
    """The page of a name that no check has: what it may mean, and the ways on."""
    return _instead(
        name,
        "No check has this name",
        "It may have been deleted, renamed or taken out of config.toml. Its history stays for a "
        "while, and counts again when a check has this name once more.",
    )


def waiting(name: str) -> Body:
    """The page of a check that is defined and not watched yet: the monitor takes it up at once."""
    return _instead(
        name,
        "Just made",
        "The monitor takes it up within seconds and runs it then. If it stays like this, the "
        "monitor is not at work.",
    )


def _instead(name: str, title: str, text: str) -> Body:
    head = [
        html.Div(
            className="check-unknown",
            children=[
                html.H1(
                    [shape("unknown", "large"), html.Span(title)],
                    className="check-title",
                ),
                html.P(html.Code(name[:200], className="check-target")),
                html.P(text, className="check-why"),
                dcc.Link("Look through all checks", href="/checks", className="button"),
            ],
        )
    ]
    return Body(head=head, actions=[], timeline=[], results=[], side=[])


def _head(view: CheckView) -> list[Component]:
    state = state_of(view.reading)
    crumbs = [
        dcc.Link("Checks", href="/checks"),
        html.Span("›", **attributes(aria_hidden="true")),
        dcc.Link(view.group, href=f"/checks?group={quote(view.group, safe='')}"),
    ]
    flapping = [html.Span("flapping", className="chip")] if view.flapping else []
    note = [html.P(view.description, className="check-description")] if view.description else []
    return [
        html.Nav(crumbs, className="crumbs", **attributes(aria_label="Breadcrumb")),
        html.Div(
            [
                html.H1(
                    [shape(state, "large"), html.Span(view.name)],
                    className="check-title",
                ),
                html.Span(word_of(view.reading), className="word"),
                *flapping,
            ],
            className="check-line",
            **attributes(data_state=state),
        ),
        html.P(view.why, className="check-why"),
        *_standing(view),
        *note,
        html.Div(_meta(view), className="check-meta"),
    ]


def _standing(view: CheckView) -> list[Component]:
    """The way to the incident that stands for the check, if one does."""
    if view.incident is None:
        return []
    link = dcc.Link(f"Open incident {view.incident}", href=f"/incidents/{view.incident}")
    return [html.P(link, className="check-incident")]


def _meta(view: CheckView) -> list[Component]:
    every: list[Component | str] = [f"every {span(view.interval_s)}"]
    # What has not run when it should is not said to run next; nor is anything on a stale screen.
    if view.due is not None and view.reading.mark is not Mark.STALE:
        every.append(
            html.Span([", next ", moment(view.due, view.at, "in")], className="check-next")
        )
    return [
        html.Code(view.target, className="check-target"),
        html.Span(every),
        *([html.Span([html.Span(tag, className="tag") for tag in view.tags])] if view.tags else []),
        html.Span(f"weight {view.weight:g}"),
        html.Span(view.title),
    ]


def _actions(view: CheckView) -> list[Component]:
    """Where the check is paused there is nothing to run now: only Resume."""
    if not view.enabled:
        return [_button("Resume", "resume", "P")]
    return [_button("Check now", "check-now", "C"), _button("Pause", "pause", "P")]


def _button(label: str, verb: str, key: str = "") -> Component:
    hint = [html.Kbd(key, **attributes(aria_hidden="true"))] if key else []
    return html.Button(
        [html.Span(label), *hint],
        type="button",
        className="button",
        **attributes(data_operate=verb),
    )


def chart_head(trend: Trend, theme: Theme) -> list[Component]:
    """The chart's heading: what is drawn, in which unit, how it is spread, the colours of phases."""
    hours = span(trend.hours * 3600) if trend.hours > 24 else f"{trend.hours:g} h"
    unit = f"{trend.unit}, " if trend.unit else ""
    title = "Latency by phase" if trend.phases else trend.metric
    head = html.H2(
        [
            f"{title} ",
            html.Span([f"{unit}last {hours}, times in ", html.Span("UTC", className="zone")]),
        ],
        className="piece-title",
    )
    if trend.spread is None:
        return [head, html.P(_without(trend), className="piece-empty chart-none")]
    legend = [_key(line, theme) for line in trend.phases]
    spread = [
        html.Span([f"{word} ", html.B(show(value, trend.unit), className="number")])
        for word, value in (
            ("median", trend.spread.median),
            ("p95", trend.spread.p95),
            ("max", trend.spread.most),
        )
    ]
    keys = [html.Div(legend, className="legend")] if legend else []
    return [head, html.Div([html.Div(spread, className="spread"), *keys], className="chart-told")]


def _key(line: Line, theme: Theme) -> Component:
    swatch = html.Span(className="swatch", style={"backgroundColor": theme.phases[line.name]})
    return html.Span([swatch, SPELT.get(line.name, line.name)])


def _without(trend: Trend) -> str:
    name = "response time" if trend.lines[0].name == TOTAL and trend.unit == "ms" else trend.metric
    return f"No {name} was measured in this time. Choose a longer range, or wait for a result."
