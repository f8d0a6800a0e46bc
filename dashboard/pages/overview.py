"""The Overview page: problems first, then groups of tiles. The browser fills the empty leaves."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.shell import aria

SKELETON_GROUPS = 2
SKELETON_TILES = 5


def layout(**_query: str) -> Component:
    """The page before its data: headings, leaves, and skeletons of the size of what will come.

    Dash passes the query string as keywords; the browser reads the filter from it, this does not.
    """
    return html.Div(
        className="overview",
        children=[
            html.H1("Overview", className="unseen"),
            html.Section(
                className="overview-problems",
                **aria(label="Problems"),
                children=[
                    html.Div(
                        className="section-head",
                        children=[
                            html.Div(id=ids.OVERVIEW_HEADING, className="section-title"),
                            html.Div(id=ids.OVERVIEW_FILTERS, className="filters"),
                        ],
                    ),
                    html.Div(id=ids.OVERVIEW_PROBLEMS, className="problems"),
                    html.Div(className="skeleton skeleton-card"),
                ],
            ),
            html.Section(
                className="overview-score",
                **aria(labelledby="score-heading"),
                children=[
                    html.Div(
                        html.H2("Health score", id="score-heading", className="section-title"),
                        className="section-head",
                    ),
                    html.Div(id=ids.OVERVIEW_SCORE, className="score"),
                    html.Div(className="skeleton skeleton-score"),
                ],
            ),
            html.Section(
                className="overview-groups",
                **aria(label="Checks by group"),
                children=[
                    html.Div(id=ids.OVERVIEW_TIMELINE, className="timeline"),
                    html.Div(id=ids.OVERVIEW_GROUPS, className="groups"),
                    *(_skeleton_group() for _ in range(SKELETON_GROUPS)),
                ],
            ),
        ],
    )


def _skeleton_group() -> Component:
    tiles = [html.Div(className="skeleton-tile") for _ in range(SKELETON_TILES)]
    return html.Div(tiles, className="skeleton skeleton-group")
