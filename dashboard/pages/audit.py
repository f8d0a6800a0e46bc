"""The Audit page: who did what, when. The browser fills the leaf; the query is its filter."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard import ids


def layout(**_query: str) -> Component:
    """The page before its data. Dash passes the query as keywords; only the browser reads it."""
    return html.Div(
        className="audit-page",
        children=[
            html.H1("Audit", className="audit-title"),
            html.Div(id=ids.AUDIT, className="audit-body"),
        ],
    )
