"""The Thresholds page: every rule in a table, and an editor. The browser fills the empty leaves."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.shell import aria

SKELETON_ROWS = 12


def layout(**_query: str) -> Component:
    """The page before its data: headings, leaves, and skeletons of the size of what will come.

    Dash passes the query string as keywords; the browser reads from it what is shown.
    """
    return html.Div(
        className="thresholds",
        children=[
            html.Section(
                className="threshold-list",
                **aria(labelledby="thresholds-heading"),
                children=[
                    html.Div(
                        className="threshold-top",
                        children=[
                            html.H1(
                                "Thresholds", id="thresholds-heading", className="threshold-heading"
                            ),
                            html.Div(id=ids.THRESHOLDS_TOOLS, className="threshold-tools"),
                        ],
                    ),
                    html.Div(id=ids.THRESHOLDS_LIST, className="threshold-rows"),
                    html.Div(
                        [html.Div(className="threshold-skeleton") for _ in range(SKELETON_ROWS)],
                        className="skeleton threshold-skeletons",
                    ),
                ],
            ),
            html.Section(
                className="threshold-side",
                **aria(label="Editor"),
                children=[
                    html.Div(id=ids.THRESHOLDS_EDITOR, className="threshold-editor"),
                    html.Div(
                        html.Div(className="threshold-skeleton-chart"),
                        className="skeleton threshold-skeletons",
                    ),
                ],
            ),
        ],
    )
