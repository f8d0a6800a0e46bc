"""How a state reads on a page: shape, word and colour together, and times with zone and distance."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from dash import html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from domain.facts import Mark, Status
from domain.reading import Reading
from domain.units import span

# Marks that are shown in place of the status: none of them is green.
INSTEAD: Final = {
    Mark.PAUSED: "paused",
    Mark.STALE: "stale",
    Mark.BLOCKED: "blocked",
    Mark.MAINTENANCE: "maintenance",
    Mark.PENDING: "pending",
}
WORDS: Final = {"blocked": "unknown, blocked", "pending": "not known yet"}
LETTER_STATES: Final = {
    "h": "healthy",
    "w": "warning",
    "d": "degraded",
    "u": "unknown",
    "c": "critical",
    "b": "blocked",
    "p": "paused",
    "m": "maintenance",
    "-": "stale",
}
LETTER_WORDS: Final = {**LETTER_STATES, "-": "not measured"}


def state_of(reading: Reading | None) -> str:
    """The name by which shapes and colours are chosen: a status, or the mark that stands for it."""
    if reading is None:
        return Status.UNKNOWN.word
    return INSTEAD.get(reading.mark, reading.status.word)


def word_of(reading: Reading | None, *, short: bool = False) -> str:
    """The word for it; `short` where there is no room for two."""
    state = state_of(reading)
    return state if short else WORDS.get(state, state)


def shape(state: str, size: str = "") -> Component:
    """The shape of a state, drawn by CSS. The word beside it says the same to a reader."""
    return html.Span(
        className=f"mark {size}".strip(), **attributes(data_state=state, aria_hidden="true")
    )


def told(state: str, word: str) -> Component:
    """Shape and word of a state, in its colour."""
    return html.Span(
        [shape(state), html.Span(word, className="word")],
        className="told",
        **attributes(data_state=state),
    )


def moment(at: datetime, now: datetime, form: str = "moment") -> Component:
    """A time. The text is UTC and says so; the browser puts its own zone's in its place.

    Forms: `clock`, `hour` and `moment` (a point in time), `ago` and `in` (how far it is from now).
    """
    return html.Time(
        _text(at, now, form),
        dateTime=at.astimezone(UTC).isoformat(timespec="seconds"),
        title=f"{at:%Y-%m-%d %H:%M:%S} UTC, {distance(at, now)}",
        className="time number",
        **attributes(data_form=form),
    )


def distance(at: datetime, now: datetime) -> str:
    """How far a moment is from now: `12 min ago`, `in 25 s`."""
    seconds = (at - now).total_seconds()
    return f"in {span(seconds)}" if seconds > 0 else f"{span(-seconds)} ago"


def _text(at: datetime, now: datetime, form: str) -> str:
    if form == "clock":
        return f"{at:%H:%M:%S}"
    if form == "hour":
        return f"{at:%H:%M}"
    if form in ("ago", "in"):
        return distance(at, now)
    day = "" if at.date() == now.date() else f"{at:%-d %b} "
    return f"{day}{at:%H:%M} UTC"
