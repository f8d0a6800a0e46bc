"""The page of one incident: empty leaves, which assets/modules/incident*.mjs fill."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.shell import aria


def layout(**_query: str) -> Component:
    """The page before its data. Which incident it is, the browser reads from the address."""
    return html.Div(
        className="incident-page",
        children=[
            html.Header(id=ids.INCIDENT_HEAD, className="incident-head"),
            html.Div(
                className="incident-body",
                children=[
                    html.Section(id=ids.INCIDENT_TIMELINE, **aria(label="Timeline")),
                    html.Div(
                        [html.Div(className="inc-waiting-row") for _ in range(6)],
                        className="incident-waiting",
                    ),
                    html.Aside(
                        id=ids.INCIDENT_SIDE,
                        className="incident-side",
                        **aria(label="Around this incident"),
                    ),
                ],
            ),
            html.Section(
                id=ids.INCIDENT_ACTIONS, className="incident-actions", **aria(label="Actions")
            ),
        ],
    )
