"""The Business page: what applications push, a card for each metric. The browser fills the leaves."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.shell import aria

SKELETONS = 8


def layout(**_query: str) -> Component:
    """The page before its data; Dash passes the query, which the browser reads by itself."""
    return html.Section(
        className="business",
        **aria(labelledby="business-heading"),
        children=[
            html.Div(
                className="business-top",
                children=[
                    html.H1("Business", id="business-heading", className="business-heading"),
                    html.Div(id=ids.BUSINESS_TOOLS, className="business-tools"),
                ],
            ),
            html.Div(id=ids.BUSINESS_BOARD, className="business-board"),
            html.Div(
                [html.Div(className="business-skeleton") for _ in range(SKELETONS)],
                className="skeleton business-skeletons",
            ),
        ],
    )
