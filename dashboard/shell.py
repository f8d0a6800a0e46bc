"""The frame around every page: navigation, bar, room for banners, the page, and a skip link.

The bar's contents are drawn in the browser (assets/modules), so that the age of the data and the
clock go on while the server is dead. What Python lays out for them are empty leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import dash
from dash import dcc, html
from dash.development.base_component import Component

from dashboard import ids
from domain.access import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One link of the navigation. `icon` names a file in assets/icons and a class in shell.css.

    `role` is what one must be to find anything there.
    """

    label: str
    path: str
    icon: str
    role: Role = Role.VIEWER


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Entries under one heading; the first section has none."""

    heading: str
    entries: tuple[Entry, ...]


# Only what exists: a page adds itself here when it is built.
NAVIGATION: Final = (
    Section(
        heading="",
        entries=(
            Entry(label="Overview", path="/", icon="overview"),
            Entry(label="Wall", path="/wall", icon="wall"),
            Entry(label="Checks", path="/checks", icon="checks"),
            Entry(label="Incidents", path="/incidents", icon="incidents"),
            Entry(label="Business", path="/business", icon="business"),
        ),
    ),
    Section(
        heading="Govern",
        entries=(
            Entry(label="Thresholds", path="/thresholds", icon="thresholds"),
            Entry(label="Audit", path="/audit", icon="audit", role=Role.OPERATOR),
            Entry(label="Settings", path="/settings", icon="settings"),
        ),
    ),
)


def visible(role: Role) -> tuple[Section, ...]:
    """The navigation as somebody of this role sees it: what they may open. Logged out, as a viewer."""
    seen = max(role, Role.VIEWER)
    return tuple(
        replace(each, entries=tuple(one for one in each.entries if one.role <= seen))
        for each in NAVIGATION
    )


def layout(role: Role = Role.ADMIN) -> Component:
    """The whole document body below Dash's mount point, for somebody of this role."""
    return html.Div(
        className="shell",
        children=[
            html.A(
                "Skip to the content", id=ids.SKIP_LINK, href=f"#{ids.PAGE}", className="skip-link"
            ),
            _navigation(visible(role)),
            _bar(),
            html.Div(
                className="content",
                children=[
                    html.Div(id=ids.SLAB),
                    html.Section(id=ids.BANNERS, **aria(label="Notices")),
                    html.Main(dash.page_container, id=ids.PAGE, className="page", tabIndex="-1"),
                ],
            ),
            html.Div(id=ids.ANNOUNCER, className="unseen", role="status", **aria(live="polite")),
        ],
    )


def aria(**attributes: str) -> dict[str, Any]:
    """ARIA attributes as keywords for a Dash component: `aria(label="Main")`."""
    return {f"aria-{name}": value for name, value in attributes.items()}


def icon(name: str) -> Component:
    """A line icon that takes the colour of the text around it, and says nothing to a reader."""
    return html.Span(className=f"icon icon-{name}", **aria(hidden="true"))


def _navigation(sections: tuple[Section, ...]) -> Component:
    return html.Nav(
        id=ids.NAVIGATION,
        className="rail",
        **aria(label="Main"),
        children=[
            dcc.Link(
                [icon("brand"), html.Span("Nocturne", className="brand-name")],
                href="/",
                className="brand",
                title="Nocturne, overview",
            ),
            *(_section(section) for section in sections),
            html.Div(id=ids.ACCOUNT, className="rail-account"),
        ],
    )


def _section(section: Section) -> Component:
    heading = [html.H2(section.heading, className="rail-heading")] if section.heading else []
    links = html.Ul(
        [
            html.Li(
                dcc.Link(
                    [icon(entry.icon), html.Span(entry.label)],
                    href=entry.path,
                    className="rail-link",
                )
            )
            for entry in section.entries
        ]
    )
    return html.Div([*heading, links], className="rail-section")


def _bar() -> Component:
    return html.Header(
        className="bar",
        children=[
            html.Div(id=ids.BAR_COUNTS, className="bar-counts"),
            html.Div(id=ids.BAR_AGE, className="bar-age"),
            html.Div(id=ids.BAR_PAGING, className="bar-paging"),
            html.Div(id=ids.BAR_PALETTE, className="bar-palette"),
            html.Div(id=ids.BAR_THEME, className="bar-theme"),
            html.Div(id=ids.BAR_CLOCK, className="bar-clock"),
            html.Div(id=ids.BAR_ACCOUNT, className="bar-account"),
        ],
    )
