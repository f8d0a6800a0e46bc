"""Which page stands at which address."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

import dash
from dash.development.base_component import Component

from dashboard.pages import (
    audit,
    business,
    check,
    checkform,
    checks,
    incident,
    incidents,
    nothing,
    overview,
    settings,
    thresholds,
    wall,
)

# Dash knows by this name what it shows for an address that no page has.
NOTHING = "not_found_404"
TITLE = "Nocturne"
# What each page is called in Dash's registry, and its layout.
PAGES: dict[str, tuple[str, Callable[..., Component]]] = {
    "overview": ("/", overview.layout),
    "checks": ("/checks", checks.layout),
    "checkform": ("/checks/new", checkform.layout),
    "incidents": ("/incidents", incidents.layout),
    "wall": ("/wall", wall.layout),
    "thresholds": ("/thresholds", thresholds.layout),
    "business": ("/business", business.layout),
    "audit": ("/audit", audit.layout),
    "settings": ("/settings", settings.layout),
}
# Asked first: its address would else be that of a check named "new".
FIRST = "checkform"


def register_pages() -> None:
    """Tell Dash all pages. Needs the application that they belong to, made before."""
    # Dash publishes no types for this function.
    register: Callable[..., None] = dash.register_page
    for name, (path, layout) in PAGES.items():
        order = 0 if name == FIRST else None
        register(name, path=path, title=TITLE, layout=layout, order=order)
    register("check", path_template="/checks/<name>", title=TITLE, layout=_check)
    register(
        "incident", path_template="/incidents/<incident_id>", title=TITLE, layout=incident.layout
    )
    register(NOTHING, title=TITLE, layout=nothing.layout)


def is_page(path: str) -> bool:
    """Whether one of the registered pages has this path: `/`, `/checks/shop-db`."""
    for page in dash.page_registry.values():
        if page["module"] == NOTHING:
            continue
        template = page["path_template"] or page["path"]
        # A variable takes slashes too, as it does in Dash.
        parts = (re.escape(part) for part in re.split(r"<[^>]*>", template))
        if re.fullmatch(".+".join(parts), path, re.DOTALL):
            return True
    return False


def _check(name: str = "", **_: str) -> Component:
    """The check page; Dash calls it once without a name to learn its shape, and with the query."""
    return check.layout(unquote(name))
