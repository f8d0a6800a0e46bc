"""Charts as plain dicts: what Plotly draws, made without building its objects (they take 100 ms)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from dashboard.theme import Theme, template
from dashboard.trend import Level, Trend
from domain.timeline import NOT_MEASURED, Stretch

if TYPE_CHECKING:
    from dash import dcc

Part = dict[str, Any]
# Milliseconds, height, and the phase's own value.
Point = tuple[int, float | None, float | None]

# `showSendToCloud`: Plotly's mode bar can otherwise upload a chart to a cloud.
CONFIG: Final[dcc.Graph.Config] = {
    "displaylogo": False,
    "displayModeBar": False,
    "showSendToCloud": False,
    "responsive": True,
    "scrollZoom": False,
    "doubleClick": "reset",
}
# A threshold far above everything measured would press the line flat on the floor.
WORTH_SHOWING = 6.0
HEADROOM = 1.08
MOST_SHADES = 60
THINNEST = 1 / 200
SHADES = {
    "c": ("critical", 0.14),
    "u": ("unknown", 0.12),
    "b": ("unknown", 0.12),
    "p": ("stale", 0.12),
}
# How a phase is spelt where people read it.
SPELT: Final = {"dns": "DNS", "tls": "TLS"}
BAND = 0.08
FULL = "y2"
LABEL_HEIGHT = 0.09


def trend_figure(trend: Trend, theme: Theme, zoom: tuple[str, str] | None = None) -> Part:
    """The chart of a check, its times in milliseconds: see `figurezones` for those of a zone.

    `zoom` is the stretch that somebody looks at, which news must not take from under their eyes.
    """
    top = _top(trend)
    levels = [level for level in trend.levels if level.value <= top]
    shaded = sorted(trend.shaded, key=lambda part: part.length_s)[-MOST_SHADES:]
    layout = {
        "autosize": True,
        "template": template(theme),
        "margin": {"l": 44, "r": 64, "t": 10, "b": 26},
        # Zoom and pan stay while this stays the same.
        "uirevision": f"{trend.check} {trend.hours}",
        "showlegend": False,
        "hovermode": "x unified",
        "dragmode": "zoom",
        "xaxis": _time_axis(trend, zoom),
        "yaxis": _value_axis(trend, theme, top),
        "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        "shapes": [
            *(shape for level in levels for shape in _level(level, trend, theme, top)),
            *(_shade(part, trend, theme) for part in shaded if part.letter in SHADES),
        ],
        "annotations": _labels(levels, theme, top),
    }
    hatched = [part for part in shaded if part.letter == NOT_MEASURED]
    drawn = [*_hatch(hatched, trend, theme), *_lines(trend, theme)]
    return {
        "data": [*drawn, _whole(trend)] if drawn else [],
        "layout": layout,
    }


def _top(trend: Trend) -> float:
    """Where the value axis ends: per cent at 100, else what was measured and levels near it."""
    values = [value for value in trend.lines[0].values if value is not None]
    most = max(values, default=0.0)
    if trend.unit == "%":
        return max(100.0, most)
    near = [
        level.value for level in trend.levels if most <= 0 or level.value <= WORTH_SHOWING * most
    ]
    return max([most, *near, 1e-9]) * HEADROOM if most or near else 1.0


def _whole(trend: Trend) -> Part:
    """An invisible line over the whole window, so that the axis spans what was not measured too."""
    return {
        "x": _moments([trend.start, trend.end]),
        "y": [0, 0],
        "yaxis": "y2",
        "mode": "lines",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _time_axis(trend: Trend, zoom: tuple[str, str] | None) -> Part:
    seen: Part = {"autorange": True} if zoom is None else {"autorange": False, "range": list(zoom)}
    return {
        "type": "date",
        **seen,
        "tickformat": "%H:%M" if trend.hours <= 24 else "%a %-d %b",
        "hoverformat": "%H:%M:%S" if trend.hours <= 24 else "%a %-d %b %H:%M",
        "nticks": 8,
        "showspikes": True,
        "spikemode": "across",
        "spikethickness": 1,
        "spikedash": "solid",
        "ticks": "",
    }


def _value_axis(trend: Trend, theme: Theme, top: float) -> Part:
    return {
        "range": [min([0.0, *_measured(trend)]), top],
        "fixedrange": True,
        "nticks": 6,
        "gridcolor": theme.line,
        "ticksuffix": f" {trend.unit}" if trend.unit == "%" else "",
    }


def _measured(trend: Trend) -> list[float]:
    return [value for value in trend.lines[0].values if value is not None]


def _lines(trend: Trend, theme: Theme) -> list[Part]:
    if not trend.at:
        return []
    x = _moments(trend.at)
    if trend.phases:
        return [*_areas(trend, x, theme), _headline(trend, x, theme, 1.1)]
    return [_headline(trend, x, theme, 1.4)]


def _headline(trend: Trend, x: list[int], theme: Theme, width: float) -> Part:
    line = trend.lines[0]
    name = line.name if trend.phases else trend.metric
    return _trace(x, list(line.values), theme.series[0], width) | {
        "name": name,
        "hovertemplate": f"<b>{_format('y', trend.unit)}</b>",
    }


def _areas(trend: Trend, x: list[int], theme: Theme) -> list[Part]:
    """One area a phase, each as high as all up to it, painted from the highest down.

    Plotly's own stacking has no gaps: it would draw zeros there.
    """
    heights = [0.0] * len(x)
    areas = []
    for line in trend.phases:
        heights = [
            below + (value or 0.0) for below, value in zip(heights, line.values, strict=True)
        ]
        points = _grounded(x, heights, line.values)
        areas.append(_area(line.name, points, trend.unit, theme))
    return areas[::-1]


def _grounded(x: list[int], heights: list[float], values: Sequence[float | None]) -> list[Point]:
    """The points of an area, fallen to zero at both ends of a gap so that no fill bridges it."""
    points: list[Point] = []
    for index, (at, height, value) in enumerate(zip(x, heights, values, strict=True)):
        if value is not None:
            points.append((at, round(height, 2), value))
        elif 0 < index < len(x) - 1:
            points += [(x[index - 1], 0.0, None), (at, None, None), (x[index + 1], 0.0, None)]
    return points


def _area(name: str, points: list[Point], unit: str, theme: Theme) -> Part:
    x, y, own = (list(column) for column in zip(*points, strict=True))
    return _trace(x, y, theme.background, 0.6) | {
        "name": SPELT.get(name, name),
        "customdata": own,
        "hovertemplate": _format("customdata", unit),
        "fill": "tozeroy",
        "fillcolor": theme.phases[name],
    }


def _trace(x: list[int], y: list[float | None], colour: str, width: float) -> Part:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "connectgaps": False,
        "line": {"color": colour, "width": width},
    }


def _level(level: Level, trend: Trend, theme: Theme, top: float) -> list[Part]:
    """A line at the level, and a band from it to the next worse level of its direction."""
    colour = theme.states[level.status.word]
    worse = [
        other.value
        for other in trend.levels
        if other.upward == level.upward and other.status > level.status
    ]
    end = top if level.upward else 0.0
    reach = min([*worse, end]) if level.upward else max([*worse, end])
    across = {"xref": "paper", "x0": 0, "x1": 1, "yref": "y", "layer": "below"}
    return [
        {
            **across,
            "type": "rect",
            "y0": level.value,
            "y1": reach,
            "fillcolor": colour,
            "opacity": BAND,
            "line": {"width": 0},
        },
        {
            **across,
            "layer": "above",
            "type": "line",
            "y0": level.value,
            "y1": level.value,
            "line": {"color": colour, "width": 1.1},
        },
    ]


def _labels(levels: Sequence[Level], theme: Theme, top: float) -> list[Part]:
    """The names of the levels at their lines' ends; one too near to the last is left out."""
    labels: list[Part] = []
    taken: list[float] = []
    for level in sorted(levels, key=lambda each: each.status, reverse=True):
        if any(abs(level.value - other) < LABEL_HEIGHT * top for other in taken):
            continue
        taken.append(level.value)
        labels.append(
            {
                "xref": "paper",
                "x": 1,
                "xanchor": "left",
                "xshift": 6,
                "yref": "y",
                "y": level.value,
                "text": level.status.word,
                "showarrow": False,
                "font": {"color": theme.states[level.status.word], "size": 12},
            }
        )
    return labels


def _shade(part: Stretch, trend: Trend, theme: Theme) -> Part:
    state, opacity = SHADES[part.letter]
    start, end = _ends(part, trend)
    return {
        "type": "rect",
        "layer": "below",
        "xref": "x",
        "x0": start,
        "x1": end,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "fillcolor": theme.states[state],
        "opacity": opacity,
        "line": {"width": 0},
    }


def _hatch(parts: Sequence[Stretch], trend: Trend, theme: Theme) -> list[Part]:
    """The stretches in which nothing was measured: one hatched trace over the whole height."""
    if not parts:
        return []
    x: list[int | None] = []
    for part in parts:
        start, end = _ends(part, trend)
        x += [start, start, end, end, start, None]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": [0, 1, 1, 0, 0, None] * len(parts),
            "yaxis": FULL,
            "fill": "toself",
            "fillcolor": "rgba(0,0,0,0)",
            "fillpattern": {
                "shape": "/",
                "fgcolor": theme.states["stale"],
                "fgopacity": 0.55,
                "bgcolor": "rgba(0,0,0,0)",
                "size": 7,
                "solidity": 0.16,
            },
            "line": {"width": 0},
            "hoverinfo": "skip",
            "name": "not measured",
        }
    ]


def _ends(part: Stretch, trend: Trend) -> list[int]:
    """A stretch within the chart, never too thin to be seen."""
    start, end = max(part.start, trend.start), min(part.end, trend.end)
    thinnest = (trend.end - trend.start) * THINNEST
    return _moments([min(start, end - thinnest), end])


def _format(field: str, unit: str) -> str:
    """How a value reads on hover, in the language of Plotly's templates."""
    if unit.startswith("bytes"):
        return f"%{{{field}:.3s}}{unit.replace('bytes', 'B')}"
    return f"%{{{field}:,.3~r}} {unit}".strip()


def _moments(moments: Sequence[datetime]) -> list[int]:
    """Milliseconds since 1970, UTC."""
    return [round(moment.timestamp() * 1000) for moment in moments]
