"""How states become documents in their rows, and states again."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Text, type_coerce

from domain.facts import CheckState
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


_DECODER = msgspec.json.Decoder(CheckState)
