"""A figure's times as the clocks of a zone show them.

Plotly draws milliseconds in the zone of the browser and texts as they stand, so a chart in any other
zone is made of texts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

Part = dict[str, Any]
UTC: Final = ZoneInfo("UTC")
PAPER: Final = "paper"


def zone_of(name: object) -> ZoneInfo:
    """The zone of this IANA name, as a browser sends it; UTC for anything else."""
    known = isinstance(name, str) and name in _known()
    return ZoneInfo(str(name)) if known else UTC


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def in_zone(figure: Part, zone: ZoneInfo) -> Part:
    """`figure` with the milliseconds of its traces and shapes written as local times of `zone`."""
    written = cache(lambda ms: _written(ms, zone))
    if not figure:
        return figure
    layout = figure["layout"]
    shapes = [_shape(shape, written) for shape in layout["shapes"]]
    data = [
        {**trace, "x": [None if ms is None else written(ms) for ms in trace["x"]]}
        for trace in figure["data"]
    ]
    # Plotly keeps a zoom while this stays the same; in another zone it would be of another time.
    seen = f"{layout['uirevision']} {zone.key}"
    return {**figure, "data": data, "layout": {**layout, "shapes": shapes, "uirevision": seen}}


def _shape(shape: Part, written: Callable[[int], str]) -> Part:
    if shape["xref"] == PAPER:
        return shape
    return {**shape, "x0": written(shape["x0"]), "x1": written(shape["x1"])}


def _written(ms: int, zone: ZoneInfo) -> str:
    local = datetime.fromtimestamp(ms / 1000, zone).replace(tzinfo=None)
    return local.isoformat(sep=" ", timespec="milliseconds")
