"""Bodies that hold tables of any shape: what could be read in two ways, or not be shown, is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from dashboard.api.orders import TURNING, UNWRITABLE, Body, Refused, decode
from domain.operating import LONGEST_TEXT

B = TypeVar("B", bound=Body)

LARGEST = 256 * 1024
DEEPEST = 16
MOST = 100
LONGEST = 2_000
# The keys that hold more than a paragraph.
LONGEST_OF = {"runbook": 10_000, "text": LONGEST_TEXT, "notes": LONGEST_TEXT}


def strictly(data: bytes, body: type[B]) -> B:
    """The body of a request, as `decode` reads it. Raises Refused naming the field.

    Beyond that no key may stand there twice, texts must be writable, and tables and lists have
    their limits: what validates them would else take long.
    """
    if len(data) > LARGEST:
        raise Refused(f"the body has more than {LARGEST // 1024} KiB")
    read = decode(data, body)
    try:
        found = json.loads(data or b"{}", object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON, or nested too deeply") from None
    _examine(found)
    return read


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Refused(f"{_shown(key)}: it is given twice")
        found[key] = value
    return found


def _examine(body: dict[str, Any]) -> None:
    waiting: list[tuple[str, Any, int]] = [("", body, 0)]
    while waiting:
        field, value, depth = waiting.pop()
        if depth > DEEPEST:
            raise Refused(f"{field}: it is nested too deeply")
        if isinstance(value, str):
            _examine_text(field, value)
        if isinstance(value, dict | list):
            if len(value) > MOST:
                raise Refused(f"{field}: it has more than {MOST} entries")
            waiting += [(*each, depth + 1) for each in _parts(field, value)]


def _examine_text(field: str, text: str) -> None:
    longest = LONGEST_OF.get(field.rpartition(".")[2], LONGEST)
    if len(text) > longest:
        raise Refused(f"{field}: it has more than {longest:,} characters")
    if _is_unwritable(text):
        raise Refused(f"{field}: it has control characters in it")


def _parts(field: str, value: dict[str, Any] | list[Any]) -> Iterator[tuple[str, Any]]:
    """What a table or a list holds, each under its name."""
    if isinstance(value, list):
        yield from ((field, each) for each in value)
        return
    for key, each in value.items():
        if _is_unwritable(key):
            raise Refused(f"{_shown(key)}: it has control characters in it")
        yield f"{field}.{key[:50]}".lstrip("."), each


def _is_unwritable(text: str) -> bool:
    return bool(UNWRITABLE.search(text) or TURNING.search(text))


def _shown(key: str) -> str:
    return ascii(key[:50]).strip("'")
