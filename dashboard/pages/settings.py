"""The Settings page: one's own account; for admins people and keys. The browser fills the leaf."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard import ids


def layout(**_query: str) -> Component:
    """The page before it is known who looks. Dash passes the query as keywords."""
    return html.Div(
        className="settings-page",
        children=[
            html.H1("Settings", className="settings-title"),
            html.Div(id=ids.SETTINGS, className="settings-body"),
        ],
    )
