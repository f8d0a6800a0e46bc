"""The colours and type that Python needs for charts: the same values as assets/tokens.css."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

SANS: Final = 'Inter, system-ui, "Segoe UI", sans-serif'


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """One palette: grounds, text, the colour of each state, the colours of series."""

    background: str
    surface: str
    line: str
    text: str
    muted: str
    accent: str
    states: Mapping[str, str]
    series: tuple[str, ...]
    phases: Mapping[str, str]


DARK: Final = Theme(
    background="#0b0f14",
    surface="#141a22",
    line="#222b35",
    text="#e8edf3",
    muted="#9fb0c2",
    accent="#7ab8ff",
    states={
        "healthy": "#47ddc3",
        "warning": "#fde94a",
        "degraded": "#f5aa7f",
        "critical": "#f2453d",
        "unknown": "#daacf3",
        "maintenance": "#3a86ff",
        "stale": "#8a949c",
    },
    series=("#e8edf3", "#7ab8ff", "#c6a77b"),
    phases={
        "dns": "#2f3d4a",
        "connect": "#40536a",
        "tls": "#566b84",
        "first byte": "#7b90a8",
        "body": "#b4c5d6",
    },
)
LIGHT: Final = Theme(
    background="#f6f8fa",
    surface="#ffffff",
    line="#d9e0e8",
    text="#17202a",
    muted="#4f5d6b",
    accent="#195dd1",
    states={
        "healthy": "#027d64",
        "warning": "#8a680c",
        "degraded": "#a84300",
        "critical": "#9e1c16",
        "unknown": "#80267c",
        "maintenance": "#195dd1",
        "stale": "#4e575d",
    },
    series=("#17202a", "#195dd1", "#8a6a3b"),
    phases={
        "dns": "#c3cfda",
        "connect": "#9fb0c1",
        "tls": "#7c90a5",
        "first byte": "#5a7088",
        "body": "#37485b",
    },
)
THEMES: Final[Mapping[str, Theme]] = {"dark": DARK, "light": LIGHT}


def template(theme: Theme) -> dict[str, Any]:
    """A Plotly template as a plain dict: horizontal grid only, thin lines, no legend box."""
    axis = {
        "color": theme.muted,
        "linecolor": theme.line,
        "tickfont": {"size": 12, "color": theme.muted},
        "zeroline": False,
        "automargin": True,
    }
    return {
        "layout": {
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": SANS, "size": 12, "color": theme.text},
            "colorway": list(theme.series),
            "margin": {"l": 44, "r": 64, "t": 8, "b": 28},
            "hovermode": "x unified",
            "hoverlabel": {
                "bgcolor": theme.surface,
                "bordercolor": theme.line,
                "font": {"family": SANS, "size": 12, "color": theme.text},
            },
            "legend": {"orientation": "h", "x": 0, "y": 1.08, "font": {"color": theme.muted}},
            "xaxis": {**axis, "showgrid": False, "showline": True},
            "yaxis": {**axis, "showgrid": True, "gridcolor": theme.line, "showline": False},
        },
        "data": {"scatter": [{"type": "scatter", "line": {"width": 1.4}}]},
    }
