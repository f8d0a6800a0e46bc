"""What stands at an address that no page has."""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component


def layout(**_query: str) -> Component:
    """The words and the ways on. The answer itself is a 404."""
    return html.Div(
        className="nothing-page",
        children=[
            html.H1("There is nothing here", className="nothing-title"),
            html.P(
                "The address may be mistyped, or what stood here is gone. "
                "Nothing is wrong with what is being watched."
            ),
            html.P(
                [
                    dcc.Link("To the overview", href="/", className="button"),
                    dcc.Link("Look through all checks", href="/checks", className="button"),
                ],
                className="nothing-ways",
            ),
        ],
    )
