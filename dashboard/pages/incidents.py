"""The list of incidents: headings and empty leaves, which assets/modules/incident*.mjs fill."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.shell import aria

SKELETON_ROWS = 8


def layout(**_query: str) -> Component:
    """The page before its data. Dash passes the query as keywords; only the browser reads it."""
    return html.Div(
        className="incidents-page",
        children=[
            html.Div(
                className="incidents-top",
                children=[
                    html.H1("Incidents", className="incidents-title"),
                    html.Div(id=ids.INCIDENTS_SUMMARY, className="incidents-summary"),
                ],
            ),
            html.Div(id=ids.INCIDENTS_FILTERS, className="incidents-filters"),
            html.Section(id=ids.INCIDENTS_LIST, **aria(label="List of incidents")),
            html.Div(
                [html.Div(className="inc-waiting-row") for _ in range(SKELETON_ROWS)],
                className="incidents-waiting",
            ),
            html.Div(id=ids.INCIDENTS_SELECTED, className="incidents-selected"),
        ],
    )
