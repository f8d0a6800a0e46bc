"""How states become documents in their rows, and states again."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Text, type_coerce

from domain.facts import CheckState, Mark, Status
from domain.state import mark_of, reads
from storage.schema import check_state

# The state as it is stored, for `read_state`.
STATE_TEXT = type_coerce(check_state.c.state, Text)


def encode_state(state: CheckState) -> Any:
    """A state as plain JSON values."""
    return msgspec.to_builtins(state)


def decode_state(document: Any) -> CheckState:
    """A state from the values that `encode_state` made; fields unknown to it are ignored."""
    return msgspec.convert(document, CheckState)


def read_state(text: str) -> CheckState:
    """A state from its column as text; the same as `decode_state` of the document, and quicker."""
    return _DECODER.decode(text)


def read_reading(text: str) -> tuple[Status, Mark]:
    """What a check reads and why, by its state's column as text; the rest of the state is passed over."""
    told = _STANDING_DECODER.decode(text)
    return _reading(told.hard, told.mark, told.maintenance)


class _Standing(msgspec.Struct):
    hard: Status | None = None
    mark: Mark = Mark.PENDING
    maintenance: str | None = None


@lru_cache(maxsize=100)
def _reading(hard: Status | None, mark: Mark, maintenance: str | None) -> tuple[Status, Mark]:
    state = CheckState(check="", hard=hard, mark=mark, maintenance=maintenance)
    return reads(state), mark_of(state)


_DECODER = msgspec.json.Decoder(CheckState)
_STANDING_DECODER = msgspec.json.Decoder(_Standing)
