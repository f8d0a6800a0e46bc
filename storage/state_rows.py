"""How states become documents in their rows, and states again."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.facts import CheckState


def encode_state(state: CheckState) -> Any:
    """A state as plain JSON values."""
    return msgspec.to_builtins(state)


def decode_state(document: Any) -> CheckState:
    """A state from the values that `encode_state` made; fields unknown to it are ignored."""
    return msgspec.convert(document, CheckState)
