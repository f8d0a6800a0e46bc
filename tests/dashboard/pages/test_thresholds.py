"""The Thresholds page as Python lays it out: empty leaves for the browser, and what stands before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dash.development.base_component import Component

from dashboard import ids
from dashboard.pages import thresholds
from dashboard.shell import NAVIGATION


def every(component: Any) -> Iterator[Component]:
    if isinstance(component, Component):
        yield component
        yield from every(getattr(component, "children", None))
    elif isinstance(component, list | tuple):
        for child in component:
            yield from every(child)


def test_the_leaves_are_there_and_empty() -> None:
    leaves = {
        str(each.id): each for each in every(thresholds.layout()) if getattr(each, "id", None)
    }

    for name in (ids.THRESHOLDS_TOOLS, ids.THRESHOLDS_LIST, ids.THRESHOLDS_EDITOR):
        assert getattr(leaves[name], "children", None) is None
        assert name in ids.OWNED_BY_THE_BROWSER


def test_the_layout_does_not_depend_on_the_query() -> None:
    plain, asked = thresholds.layout(), thresholds.layout(q="<script>", rule="rule/x")

    assert asked.to_plotly_json().keys() == plain.to_plotly_json().keys()
    assert "<script>" not in str(asked)


def test_the_navigation_leads_there() -> None:
    paths = [entry.path for section in NAVIGATION for entry in section.entries]

    assert "/thresholds" in paths
