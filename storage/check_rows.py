"""How rows of `check_state` become check rows; of a row that has not changed, only once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, Text, select, type_coerce
from sqlalchemy.types import BigInteger

from domain.facts import CheckState, Detail
from storage.engine import from_ms
from storage.schema import check_state
from storage.state_rows import STATE_TEXT, read_state

# As it is stored: comparing texts is many times quicker than making documents of them.
AS_STORED: Select[Any] = select(
    check_state.c.id,
    check_state.c.name,
    check_state.c.kind,
    type_coerce(check_state.c.about, Text).label("about"),
    type_coerce(check_state.c.due, BigInteger).label("due"),
    type_coerce(check_state.c.metrics, Text).label("metrics"),
    type_coerce(check_state.c.details, Text).label("details"),
    check_state.c.response_ms,
    STATE_TEXT.label("state"),
).order_by(check_state.c.name)
ABOUT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """One check as it stands: what is known of it (`about`), its state, its last numbers."""

    id: int
    name: str
    kind: str
    about: Mapping[str, Any]
    enabled: bool
    state: CheckState
    due: datetime | None
    metrics: Mapping[str, float]
    details: Mapping[str, Detail]
    response_ms: float | None


@dataclass(frozen=True, slots=True)
class Held:
    """A row as it was stored and what was made of it. `paused`: whether an edit switched it off."""

    stored: tuple[Any, ...]
    paused: bool
    made: CheckRow


class CheckRows:
    """Reads rows, and keeps them: one that is stored as before is given out as the same object.

    Several threads may read at once: what is kept is replaced as a whole.
    """

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}

    def read(
        self, rows: Iterable[Iterable[Any]], paused: Collection[str], *, stopped: bool
    ) -> tuple[CheckRow, ...]:
        """What rows of AS_STORED say. `paused` names checks that are switched off; `stopped`: all."""
        before = self._held
        now: dict[int, Held] = {}
        for row in rows:
            stored = tuple(row)
            off = stopped or stored[1] in paused
            held = before.get(stored[0])
            if held is None or held.stored != stored or held.paused != off:
                held = Held(stored, off, check_row(stored, off, held))
            now[stored[0]] = held
        self._held = now
        return tuple(held.made for held in now.values())


def check_row(stored: Iterable[Any], paused: bool, held: Held | None = None) -> CheckRow:
    """One row of AS_STORED; it shares with the one `held` of this check what is known of the check."""
    number, name, kind, about_text, due, metrics, details, response_ms, state = stored
    known = held is not None and held.stored[ABOUT] == about_text
    about = held.made.about if held is not None and known else msgspec.json.decode(about_text)
    return CheckRow(
        id=number,
        name=name,
        kind=kind,
        about=about,
        enabled=bool(about.get("enabled", True)) and not paused,
        state=read_state(state),
        due=None if due is None else from_ms(due),
        metrics=msgspec.json.decode(metrics),
        details=msgspec.json.decode(details),
        response_ms=response_ms,
    )
