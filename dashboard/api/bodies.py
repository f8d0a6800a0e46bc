"""Bodies that hold tables of any shape: what could be read in two ways, or not be shown, is refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from dashboard.api.orders import (
    TURNING,
    UNWRITABLE,
    Body,
    Nothing,
    Refused,
    convert,
    decode,
)
from domain.operating import LONGEST_TEXT

B = TypeVar("B", bound=Body)

FORM = "application/x-www-form-urlencoded"
LARGEST = 256 * 1024
DEEPEST = 16
MOST = 100
# The lists of checks, which may be all that somebody has selected.
MOST_OF = {"names": 1_000, "table.match.name": 1_000}
LONGEST = 2_000
# The keys that hold more than a paragraph.
LONGEST_OF = {"runbook": 10_000, "text": LONGEST_TEXT, "notes": LONGEST_TEXT}


# What the store's own numbers reach to, of either sign.
WHOLE = 2**63
UNPAIRED = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Stands where a value was that can't be one, until its field is known."""

    reason: str


def strictly(data: bytes, body: type[B]) -> B:
    """The body of a request, as `decode` reads it. Raises Refused naming the field.

    Beyond that no key may stand there twice, numbers and texts must be such as can be stored and
    shown, and tables and lists have their limits: what validates them would else take long.
    """
    if len(data) > LARGEST:
        raise Refused(f"the body has more than {LARGEST // 1024} KiB")
    _examine(parsed(data))
    return decode(data, body)


def wordless(data: bytes) -> None:
    """The body of an order that needs no words: empty, or an object without fields. Raises Refused."""
    strictly(data, Nothing)


def written(data: bytes, body: type[B], mimetype: str) -> B:
    """The body of a request that may be a form as well; what begins as JSON does is read as that.

    That is what curl sends when its caller forgets to say what it is. Raises Refused.
    """
    if mimetype != FORM or not data or data.lstrip().startswith(b"{"):
        return strictly(data, body)
    if len(data) > LARGEST:
        raise Refused(f"the body has more than {LARGEST // 1024} KiB")
    fields = _fields(data)
    _examine(fields)
    return convert(fields, body)


def _fields(data: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            data.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST,
        )
    except ValueError:
        raise Refused("the body is not a form, or has too many fields") from None
    return _once(pairs)


def parsed(data: bytes) -> dict[str, Any]:
    """The JSON object of a body; Wrong stands where a value can't be one. Raises Refused."""
    try:
        found = json.loads(
            data.decode() or "{}",
            object_pairs_hook=_once,
            parse_int=_whole,
            parse_float=_number,
            parse_constant=lambda word: Wrong(f"{word} is not a number"),
        )
    except UnicodeDecodeError:
        raise Refused("the body is not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON, or nested too deeply") from None
    if not isinstance(found, dict):
        raise Refused("the body is not a JSON object")
    return found


def _whole(text: str) -> int | Wrong:
    # By its length first: Python itself refuses to read thousands of digits.
    number = int(text) if len(text) <= len(str(-WHOLE)) else WHOLE
    return number if -WHOLE <= number < WHOLE else Wrong("it is beyond 64 bits")


def _number(text: str) -> float | Wrong:
    number = float(text)
    return number if math.isfinite(number) else Wrong("it is larger than a number can be")


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found[key] = Wrong("it is given twice") if key in found else value
    return found


def _examine(body: dict[str, Any]) -> None:
    waiting: list[tuple[str, Any, int]] = [("", body, 0)]
    while waiting:
        field, value, depth = waiting.pop()
        if depth > DEEPEST:
            raise Refused(f"{field}: it is nested too deeply")
        if isinstance(value, Wrong):
            raise Refused(f"{field}: {value.reason}")
        if isinstance(value, str):
            _examine_text(field, value)
        if isinstance(value, dict | list):
            most = MOST_OF.get(field, MOST)
            if len(value) > most:
                raise Refused(f"{field}: it has more than {most:,} entries")
            waiting += [(*each, depth + 1) for each in _parts(field, value)]


def _examine_text(field: str, text: str) -> None:
    longest = LONGEST_OF.get(field.rpartition(".")[2], LONGEST)
    if len(text) > longest:
        raise Refused(f"{field}: it has more than {longest:,} characters")
    if UNPAIRED.search(text):
        raise Refused(f"{field}: it has half a character in it (a lone surrogate)")
    if _is_unwritable(text):
        raise Refused(f"{field}: it has control characters in it")


def _parts(field: str, value: dict[str, Any] | list[Any]) -> Iterator[tuple[str, Any]]:
    """What a table or a list holds, each under its name."""
    if isinstance(value, list):
        yield from ((field, each) for each in value)
        return
    for key, each in value.items():
        if _is_unwritable(key):
            raise Refused(f"{_within(field, _shown(key))}: it has control characters in it")
        yield _within(field, key[:50]), each


def _within(field: str, key: str) -> str:
    return f"{field}.{key}" if field else key


def _is_unwritable(text: str) -> bool:
    return any(found.search(text) for found in (UNWRITABLE, TURNING, UNPAIRED))


def _shown(key: str) -> str:
    return ascii(key[:50]).strip("'")
