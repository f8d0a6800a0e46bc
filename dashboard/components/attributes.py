"""`data-` and `aria-` attributes of elements, whose names are no Python names."""

from __future__ import annotations

from typing import Any


def attributes(**values: str) -> dict[str, Any]:
    """The attributes to unpack into an element: `aria_label="Main"` becomes `aria-label`."""
    return {name.replace("_", "-"): value for name, value in values.items()}
