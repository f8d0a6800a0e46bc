"""The list of checks: headings and empty leaves, which assets/modules/check*.mjs fill."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.shell import aria

SKELETON_ROWS = 18


def layout(**_query: str) -> Component:
    """The page before its data. Dash passes the query as keywords; only the browser reads it."""
    return html.Div(
        className="checks-page",
        children=[
            html.Div(
                className="checks-top",
                children=[
                    html.H1(
                        ["Checks ", html.Span(id=ids.CHECKS_HEADING, className="checks-count")],
                        className="checks-title",
                    ),
                    html.Div(id=ids.CHECKS_TOOLS, className="checks-tools"),
                ],
            ),
            html.Div(id=ids.CHECKS_FILTERS, className="checks-filters"),
            html.Section(id=ids.CHECKS_TABLE, className="checks-body", **aria(label="All checks")),
            html.Div(
                [html.Div(className="chk-waiting-row") for _ in range(SKELETON_ROWS)],
                className="checks-waiting",
                **aria(hidden="true"),
            ),
            html.Div(id=ids.CHECKS_SELECTED),
        ],
    )
