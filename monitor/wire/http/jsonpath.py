"""One value in a JSON document, by the part of JSONPath (RFC 9535) that names exactly one.

That is: `$`, members (`.name`, `['name']`, `["name"]`) and indexes (`[0]`, `[-1]`). No wildcards,
filters or code.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import msgspec

Path: TypeAlias = "tuple[str | int, ...]"

LONGEST = 500
STEP = re.compile(
    r"""\.(?P<name>[A-Za-z_\u0080-\U0010FFFF][\w\u0080-\U0010FFFF-]*)
      | \[(?P<index>0|-?[1-9][0-9]{0,8})\]
      | \['(?P<single>(?:[^'\\]|\\['\\])*)'\]
      | \["(?P<double>(?:[^"\\]|\\["\\])*)"\]""",
    re.VERBOSE | re.ASCII,
)
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
# Parsed, values take up to 30 times their room. What these weigh together bounds the memory.
WEIGHTS = {b",": 1, b"[": 2, b"{": 4}
HEAVIEST = 150_000


class Missing(LookupError):
    """Nothing stands at the path."""


class NotJson(ValueError):
    """The text is no JSON, or more of it than is looked at. The text of the error says which."""


def parse(text: str) -> Path:
    """The steps of a path. Raises ValueError with the reason."""
    if not text.startswith("$"):
        raise ValueError("must begin with $")
    if len(text) > LONGEST:
        raise ValueError(f"must have at most {LONGEST} characters")
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        found = STEP.match(text, at)
        if found is None:
            raise ValueError(
                f"can't be read from character {at + 1} on: write it like $.queue[0]['a name']"
            )
        steps.append(_step(found))
        at = found.end()
    return tuple(steps)


def _step(found: re.Match[str]) -> str | int:
    if found["name"] is not None:
        return found["name"]
    if found["index"] is not None:
        return int(found["index"])
    quoted = found["single"] if found["single"] is not None else found["double"]
    return ESCAPED.sub(r"\1", quoted)


def find(document: object, path: Path) -> object:
    """What stands at the path. Raises Missing."""
    found: Any = document
    for step in path:
        fits = isinstance(found, dict) if isinstance(step, str) else isinstance(found, list)
        if not fits:
            raise Missing
        try:
            found = found[step]
        except LookupError:
            raise Missing from None
    return found


def decode(body: bytes) -> object:
    """The JSON document in a body that may be hostile. Raises NotJson."""
    if sum(weight * body.count(mark) for mark, weight in WEIGHTS.items()) > HEAVIEST:
        raise NotJson("has too many values to be looked at")
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise NotJson("is not JSON") from None
