"""Callbacks of the check page: its pieces follow what the browser has seen, its chart the range."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from dash import Dash, Input, NoUpdate, Output, State, no_update
from dash.development.base_component import Component

from dashboard import ids
from dashboard.figures import Part, trend_figure
from dashboard.figurezones import UTC, in_zone, zone_of
from dashboard.pages import check as page
from dashboard.relatives import Needed, needed_by
from dashboard.theme import DARK, THEMES, Theme
from dashboard.views import check_trend, check_view
from domain.access import Role
from storage import definitions
from storage.changes import CHECK
from storage.engine import UNSTORABLE
from storage.readings import Readings

PIECES: Final = (
    (ids.CHECK_HEAD, "children"),
    (ids.CHECK_ACTIONS, "children"),
    (ids.CHECK_TIMELINE, "children"),
    (ids.CHECK_RESULTS, "children"),
    (ids.CHECK_SIDE, "children"),
    (ids.CHECK_HELD, "data"),
)
CHART: Final = ((ids.CHECK_CHART_HEAD, "children"), (ids.CHECK_CHART, "figure"))
PLOTLY_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9:.]{2,15})?")
LONGEST_NAME = 400
Pieces: TypeAlias = tuple[Sequence[Component], ...]
# Who needs whom changes only when definitions do; reading all checks takes longer than the rest.
NEEDED_FOR = timedelta(seconds=60)


def _output(outputs: tuple[tuple[str, str], ...]) -> str:
    """How Dash names a callback of several outputs."""
    return f"..{'...'.join(f'{name}.{prop}' for name, prop in outputs)}.."


ROLES: Final = {_output(PIECES): Role.VIEWER, _output(CHART): Role.VIEWER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the browser asks the chart for: a check, how far back, in which theme and time zone."""

    name: str
    hours: float
    theme: Theme
    zone: ZoneInfo = UTC
    zoom: tuple[str, str] | None = None


class Kin:
    """Who needs whom, read anew once a minute at most."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._held: tuple[datetime, Needed] | None = None

    def needed(self, now: datetime) -> Needed:
        """The names of those that need a check, by its name."""
        held = self._held
        if held is None or not timedelta(0) <= now - held[0] < NEEDED_FOR:
            held = self._held = (now, needed_by(self._readings.board(now)))
        return held[1]


def register(
    app: Dash,
    readings: Readings,
    clock: Callable[[], datetime],
    may_operate: Callable[[], bool] = lambda: False,
) -> None:
    """Put the page's callbacks on `app`. `may_operate` tells it of who sent the present request."""
    kin = Kin(readings)

    @app.callback(
        *(Output(name, prop) for name, prop in PIECES),
        Input(ids.CHECK_SEEN, "data"),
        State(ids.CHECK_HELD, "data"),
        prevent_initial_call=True,
    )
    def follow(seen: Any, held: Any) -> tuple[Any, ...] | NoUpdate:
        name = name_of(seen)
        if name is None:
            return no_update
        made = pieces(readings, name, clock(), kin, may_operate())
        return changed(made, None if seen.get("first") else held)

    @app.callback(
        *(Output(name, prop) for name, prop in CHART),
        Input(ids.CHECK_RANGE, "data"),
        prevent_initial_call=True,
    )
    def draw(wanted: Any) -> tuple[Sequence[Component], Part] | NoUpdate:
        asked = asked_for(wanted)
        return no_update if asked is None else chart(readings, asked, clock())


def pieces(readings: Readings, name: str, now: datetime, kin: Kin, may_operate: bool) -> Pieces:
    """The children of the page's containers, in the order of `PIECES` without the last."""
    view = check_view(readings, name, now, None, kin.needed(now))
    if view is not None:
        made = page.body(view, may_operate=may_operate)
    else:
        made = page.waiting(name) if _is_defined(readings, name) else page.unknown(name)
    return made.head, made.actions, made.timeline, made.results, made.side


def _is_defined(readings: Readings, name: str) -> bool:
    if UNSTORABLE.search(name):
        return False
    with readings.engine.connect() as connection:
        found = definitions.load_one(connection, CHECK, name)
    return found is not None and not found.orphaned


def changed(made: Pieces, held: Any) -> tuple[Any, ...]:
    """The pieces that differ from those `held`, and the digests of all for the next time.

    Dash builds anew whatever it is sent: a button would vanish between press and release.
    """
    digests = [_digest(piece) for piece in made]
    known = held if isinstance(held, list) and len(held) == len(digests) else [None] * len(digests)
    differing = (
        no_update if digest == before else piece
        for piece, digest, before in zip(made, digests, known, strict=True)
    )
    return (*differing, digests)


def _digest(piece: Sequence[Component]) -> str:
    text = json.dumps(list(piece), default=Component.to_plotly_json)
    return f"{zlib.crc32(text.encode()):08x}"


def chart(readings: Readings, asked: Asked, now: datetime) -> tuple[Sequence[Component], Part]:
    """The chart's heading and figure; nothing for a name that no check has."""
    trend = check_trend(readings, asked.name, now, asked.hours)
    if trend is None:
        return [], {}
    figure = trend_figure(trend, asked.theme, asked.zoom)
    return page.chart_head(trend, asked.theme), in_zone(figure, asked.zone)


def name_of(data: Any) -> str | None:
    """The check's name in what a browser sent; None when it is not as our pages send it."""
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) and 0 < len(name) <= LONGEST_NAME else None


def asked_for(data: Any) -> Asked | None:
    """What a browser asks for. What it may not ask for becomes the usual: 3 h, dark, UTC."""
    name = name_of(data)
    if name is None:
        return None
    hours, theme = data.get("range"), data.get("theme")
    return Asked(
        name=name,
        hours=page.RANGES.get(hours, 3.0) if isinstance(hours, str) else 3.0,
        theme=THEMES.get(theme, DARK) if isinstance(theme, str) else DARK,
        zone=zone_of(data.get("zone")),
        zoom=zoom_of(data.get("zoom")),
    )


def zoom_of(data: Any) -> tuple[str, str] | None:
    """The stretch that a browser zoomed to, as Plotly writes its two ends; None for anything else."""
    if not isinstance(data, list) or len(data) != 2:
        return None
    ends = [end for end in data if isinstance(end, str) and PLOTLY_DATE.fullmatch(end)]
    return (ends[0], ends[1]) if len(ends) == 2 else None
