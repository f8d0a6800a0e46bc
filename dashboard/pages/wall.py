"""The NOC wall: one screen to be read across a room. The browser fills the empty leaf."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard import ids


def layout(**_query: str) -> Component:
    """The page before its data. Dash passes the query as keywords; the browser reads it."""
    return html.Div(
        className="wall-page",
        children=[html.H1("Wall", className="unseen"), html.Div(id=ids.WALL)],
    )
