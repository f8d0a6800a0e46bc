"""The page on which a check is made, edited or cloned; assets/modules/checkform*.mjs draw the form."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.shell import aria

SKELETON_FIELDS = 6


def layout(**_query: str) -> Component:
    """The page before its data. Dash passes the query as keywords; only the browser reads it."""
    return html.Div(
        className="checkform-page",
        children=[
            html.Div(id=ids.CHECKFORM, className="checkform-leaf"),
            html.Div(
                [html.Div(className="checkform-waiting-field") for _ in range(SKELETON_FIELDS)],
                className="checkform-waiting",
                **aria(hidden="true"),
            ),
        ],
    )
