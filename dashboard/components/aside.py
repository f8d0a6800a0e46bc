"""The right column of a check: uptime, dependencies, rules, the last numbers, what was edited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.components.states import moment, shape, state_of, told, word_of
from dashboard.edits import EditView
from dashboard.relatives import Relative
from dashboard.views import (
    INCIDENT_DAYS,
    CheckView,
    IncidentView,
    RuleView,
    Uptime,
)
from domain.reading import Reading
from domain.units import span

PITCH_PX = 52
# Of the others so many are listed by their names.
MOST_LISTED = 200
# Shorter than the window by more than this share: say how much was measured.
NOTEWORTHY = 0.99


def aside(view: CheckView) -> list[Component]:
    """All sections of the right column, those without content left out."""
    numbers = [_section("Last numbers", [_numbers(view.numbers)])] if view.numbers else []
    rules = [_rules(view.rules)] if view.rules else []
    return [
        _section("Uptime", _uptimes(view.uptimes)),
        _section("Dependencies", _dependencies(view), _direction(view)),
        _section("Incidents", _incidents(view), _incident_total(view)),
        *rules,
        *numbers,
        _section("Audit", _edits(view.edits, view.at)),
    ]


def check_path(name: str) -> str:
    """The address of a check's page."""
    return f"/checks/{quote(name, safe='')}"


def _section(title: str, children: Sequence[Component], more: str | Component = "") -> Component:
    head: list[Component] = [html.H2(title, className="piece-title")]
    if more:
        head.append(html.Span(more, className="piece-more"))
    return html.Section([html.Div(head, className="piece-head"), *children], className="side-part")


def _uptimes(uptimes: Sequence[Uptime]) -> list[Component]:
    note = "Blocked, paused and unmeasured time counts neither way."
    return [
        html.Dl([_uptime(each) for each in uptimes], className="uptimes"),
        html.P(note, className="note"),
    ]


def _uptime(each: Uptime) -> Component:
    measured = each.measured_s / each.window_s
    percent = "–" if each.percent is None else _percent(each)
    unit = [html.Span(" %", className="unit")] if each.percent is not None else []
    down = f"{span(each.down_s)} down" if each.down_s else "0 min down"
    facts = [down] if each.percent is not None else ["not measured"]
    if each.measured_s and measured < NOTEWORTHY:
        facts.append(f"in {span(each.measured_s)}")
    return html.Div(
        [
            html.Dt(each.label),
            html.Dd([percent, *unit], className="uptime number"),
            *(html.Dd(fact, className="note") for fact in facts),
        ]
    )


def _percent(each: Uptime) -> str:
    """Rounded down: only what was never down reads 100."""
    return f"{int((each.percent or 0.0) * 100) / 100:.2f}" if each.down_s else "100.00"


def _incident_total(view: CheckView) -> str:
    return f"{view.incident_count} in {INCIDENT_DAYS} d" if view.incident_count else ""


def _incidents(view: CheckView) -> list[Component]:
    if not view.incidents:
        return [html.P(f"None in the last {INCIDENT_DAYS} days.", className="note")]
    return [_incident(each, view.at) for each in view.incidents]


def _incident(each: IncidentView, now: datetime) -> Component:
    """What it was called, its number, when it was and how long: one link."""
    end = now if each.ended_at is None else each.ended_at
    lasted = span((end - each.opened_at).total_seconds())
    told = "now, " if each.ended_at is None else ""
    return dcc.Link(
        [
            shape(each.status.word),
            html.Span(each.title, className="linked-title"),
            html.Code(each.id, className="linked-id"),
            html.Span(moment(each.opened_at, now), className="linked-when"),
            html.Span(
                [told, lasted, ", affected" if each.affected else ""], className="linked-lasted"
            ),
        ],
        href=f"/incidents/{each.id}",
        className="linked-incident" if each.ended_at else "linked-incident stands",
    )


def _direction(view: CheckView) -> str:
    return "needs → this → needed by" if view.needs or view.needed_by else ""


def _dependencies(view: CheckView) -> list[Component]:
    if not view.needs and not view.needed_by:
        return [html.P("It needs no other check, and none needs it.", className="note")]
    this = html.Div(_node(view.name, view.reading, ""), className="node this")
    graph = html.Div(
        [
            _column(view.needs, "needs", "It needs"),
            html.Div(this, className="nodes"),
            _column(view.needed_by, "needed-by", "It is needed by"),
        ],
        className="dependencies",
        **attributes(
            data_needs=str(bool(view.needs)).lower(), data_needed=str(bool(view.needed_by)).lower()
        ),
    )
    return [graph, *_further(view.further)]


def _further(names: Sequence[str]) -> list[Component]:
    """Those that there is no room to draw, as a list that opens."""
    if not names:
        return []
    links = [html.Li(dcc.Link(name, href=check_path(name))) for name in names[:MOST_LISTED]]
    left = len(names) - len(links)
    rest = [html.Li(f"and {left:,} that are not listed", className="note")] if left else []
    return [
        html.Details(
            [html.Summary(f"and {len(names):,} more"), html.Ul([*links, *rest])],
            className="further",
        )
    ]


def _column(relatives: Sequence[Relative], side: str, label: str) -> Component:
    middle = (len(relatives) - 1) / 2
    nodes = [
        html.Li(
            dcc.Link(
                _node(each.name, each.reading, each.note),
                href=check_path(each.name),
                title=", ".join(filter(None, [each.name, word_of(each.reading), each.note])),
                className="node",
            ),
            className="branch",
            style={"--rise": f"{abs(index - middle) * PITCH_PX:.0f}px"},
            **attributes(
                data_state=state_of(each.reading),
                data_bend="level" if index == middle else "down" if index < middle else "up",
            ),
        )
        for index, each in enumerate(relatives)
    ]
    return html.Ul(nodes, className=f"nodes {side}", **attributes(aria_label=label))


def _node(name: str, reading: Reading | None, note: str) -> list[Component]:
    state = state_of(reading)
    word = note if reading is None else word_of(reading, short=True)
    return [
        shape(state),
        html.Span(name, className="node-name"),
        html.Span(
            html.Span(word, className="word"), className="node-note", **attributes(data_state=state)
        ),
    ]


def _rules(rules: Sequence[RuleView]) -> Component:
    more = dcc.Link("Thresholds ›", href="/thresholds")
    return _section("Rules on it", [_rule(rule) for rule in rules], more)


def _rule(rule: RuleView) -> Component:
    state = "pending" if rule.level is None else rule.level.word
    word = "no value yet" if rule.level is None else rule.level.word
    return html.Div(
        [
            html.Span(rule.title, className="row-name"),
            html.Span(rule.levels, className="row-value number"),
            told(state, word),
        ],
        className="row rule",
    )


def _numbers(numbers: Sequence[tuple[str, str]]) -> Component:
    rows = [
        html.Div([html.Dt(name), html.Dd(value, className="number")], className="row")
        for name, value in numbers
    ]
    return html.Dl(rows, className="numbers")


def _edits(edits: Sequence[EditView], now: datetime) -> list[Component]:
    if not edits:
        return [html.P("Nobody has changed it: it is as in the file.", className="note")]
    return [_edit(each, now) for each in edits]


def _edit(edit: EditView, now: datetime) -> Component:
    before: list[Component | str] = [html.Del(edit.before), " "] if edit.before else []
    return html.Div(
        [
            html.Span([f"{edit.what} ", *before, edit.after], className="row-name"),
            html.Span([f"{edit.actor}, ", moment(edit.at, now)], className="row-value"),
        ],
        className="row edit",
    )
