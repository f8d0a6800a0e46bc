"""How one field of the configuration is read: its strict type, and why a value does not fit it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import msgspec

from domain.mistakes import closest, shown
from domain.units import seconds, span

LONGEST_S = 366 * 86400.0
# Beyond it the difference of two levels is no number any more.
LARGEST_LEVEL = 1e300
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})
# msgspec's names of types, as people call them.
WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
    "datetime": "a date",
    "date": "a date",
    "time": "a time of day",
}
EXPECTED = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
BOUND = re.compile(r"Expected `(int|float)` (>=|<=|>|<) (\S+)")
LENGTH = re.compile(r"Expected `(str|array|object)` of length (>=|<=) (\d+)")
PATTERN = re.compile(r"Expected `str` matching regex (.+)")
PLACE = re.compile(r" - at `(?:key in )?\$(.*?)`$", re.DOTALL)
COMPARISON = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field: the strict type that msgspec converts to, then a check of our own on the value.

    `attribute` is its name in the model where that differs from the key (`interval` is stored as
    `interval_s`). `then` returns the final value or raises ValueError with the reason.
    """

    type: Any
    attribute: str | None = None
    then: Callable[[Any], Any] | None = None

    def read(self, value: object) -> Any:
        """The typed value. Raises ValueError with a reason for people."""
        typed = convert(value, self.type)
        return typed if self.then is None else self.then(typed)

    def read_text(self, text: str) -> Any:
        """The typed value of an environment variable; lists are separated by commas."""
        typed = convert_text(text, self.type)
        return typed if self.then is None else self.then(typed)


def convert(value: object, wanted: Any, *, strict: bool = True) -> Any:
    """The value as type `wanted`: a boolean is no number, a number no text. Raises ValueError.

    `strict=False` also reads numbers and booleans from text.
    """
    try:
        return msgspec.convert(value, wanted, strict=strict)
    except msgspec.MsgspecError as error:
        raise ValueError(reason(str(error), wanted, value)) from None
    except (OverflowError, RecursionError):
        raise ValueError("is too large") from None


def convert_text(text: str, wanted: Any) -> Any:
    """The text of an environment variable as type `wanted`. Raises ValueError with the reason."""
    if get_origin(wanted) in (tuple, list):
        return convert([part.strip() for part in text.split(",") if part.strip()], wanted)
    if wanted is bool:
        return switch(text)
    return convert(text, wanted, strict=False)


def switch(text: str) -> bool:
    """`true`, `1`, `yes`, `on` or their opposites. Raises ValueError naming them."""
    word = text.strip().lower()
    if word not in TRUE | FALSE:
        raise ValueError("must be true or false (1, 0, yes, no, on, off are understood)")
    return word in TRUE


def duration(text: str) -> float:
    """A duration longer than nothing, in seconds. Raises ValueError with the reason."""
    length = seconds(text)
    if not length > 0:
        raise ValueError("must be longer than 0 s")
    if length > LONGEST_S:
        raise ValueError(f"must be at most {span(LONGEST_S)}")
    return length


def finite(value: float) -> float:
    """The number itself. Raises ValueError for infinity and not-a-number."""
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


def level(value: float) -> float:
    """The number itself, with which values are compared. Raises ValueError for one without sense."""
    if abs(finite(value)) > LARGEST_LEVEL:
        raise ValueError(f"must lie between {-LARGEST_LEVEL:g} and {LARGEST_LEVEL:g}")
    return value


def reason(message: str, wanted: Any, value: object) -> str:
    """What msgspec says of a value, in words for people."""
    place = PLACE.search(message)
    core = message[: place.start()] if place else message
    return _core_reason(core, wanted, value) + (_where(place[1]) if place else "")


def _core_reason(message: str, wanted: Any, value: object) -> str:
    if message.startswith("Invalid enum value"):
        return _choice_reason(wanted, value)
    if found := EXPECTED.fullmatch(message):
        return f"must be {_words(found[1])}, not {_words(found[2])}"
    if found := BOUND.fullmatch(message):
        return f"must be {WORDS[found[1]]} of {COMPARISON[found[2]]} {float(found[3]):g}"
    if found := LENGTH.fullmatch(message):
        return _length_reason(found[1], found[2], int(found[3]))
    if found := PATTERN.fullmatch(message):
        return f"must match the pattern {found[1]}"
    return message[:1].lower() + message[1:].replace("`", '"')


def _choice_reason(wanted: Any, value: object) -> str:
    choices = [str(choice) for choice in _choices(wanted)]
    meant = closest(value, choices) if isinstance(value, str) else None
    hint = f', did you mean "{meant}"?' if meant else ""
    return f"must be one of {', '.join(map(shown, choices))}{hint}"


def _choices(wanted: Any) -> list[object]:
    if get_origin(wanted) is Literal:
        return list(get_args(wanted))
    return [choice for part in get_args(wanted) for choice in _choices(part)]


def _length_reason(kind: str, comparison: str, limit: int) -> str:
    if comparison == ">=" and limit == 1:
        return "must not be empty"
    unit = "characters" if kind == "str" else "entries"
    return f"must have {COMPARISON[comparison]} {limit} {unit}"


def _words(types: str) -> str:
    names = [name for name in types.split(" | ") if name != "null"] or ["null"]
    return " or ".join(WORDS.get(name, name) for name in names)


def _where(place: str) -> str:
    index = re.match(r"\[(\d+)\]", place)
    return f" (entry {int(index[1]) + 1})" if index else ""
