"""The bodies of Dash's callbacks: whether Dash could fail on one, and for which page its router asks."""

from __future__ import annotations

from typing import Any


def is_well_formed(body: dict[str, Any]) -> bool:
    """Whether a body has the parts that Dash takes for granted, so that it can't fail on them."""
    parts = [*_list(body.get("inputs")), *_list(body.get("state"))]
    flat = [item for part in parts for item in (part if isinstance(part, list) else [part])]
    return (
        isinstance(body.get("inputs"), list)
        and isinstance(body.get("outputs"), dict | list)
        and isinstance(body.get("changedPropIds", []), list)
        and all(isinstance(item, dict) and {"id", "property"} <= item.keys() for item in flat)
    )


def page_asked_for(body: dict[str, Any]) -> str | None:
    """The path that Dash's router will lay out for a well-formed body; None when it is no path.

    Dash hands on the inputs by their place, whatever they are called: the first one is the path.
    """
    first = next(iter(body["inputs"]), None)
    path = first.get("value") if isinstance(first, dict) else None
    return path if isinstance(path, str) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
