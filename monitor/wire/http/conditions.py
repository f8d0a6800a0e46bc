"""Conditions on the values of an answer: `ok`, `< 10`, `/^up/`, and the sentence when one fails.

A condition is a value, which must be equal; or a text that begins with an operator and a space; or a
regular expression between slashes. What follows an operator is read as JSON, else it is text.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import msgspec

Wanted: TypeAlias = "str | int | float | bool"
Matcher: TypeAlias = "Callable[[str, str], Awaitable[bool]]"

OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
COMPARISON = re.compile(r"(==|!=|<=|>=|<|>) +(\S.*)", re.DOTALL)


def pattern_of(wanted: Wanted) -> str | None:
    """The regular expression of a condition written as `/pattern/`, None of any other."""
    if isinstance(wanted, str) and len(wanted) > 2 and wanted[0] == wanted[-1] == "/":
        return wanted[1:-1]
    return None


def why_wrong(wanted: Wanted) -> str | None:
    """Why this can be no condition; None when it can."""
    if (pattern := pattern_of(wanted)) is not None:
        try:
            re.compile(pattern)
        except re.error as error:
            return f"is not a regular expression: {error}"
    if isinstance(wanted, str) and (found := COMPARISON.fullmatch(wanted)):
        ordered = found[1] not in ("==", "!=")
        if ordered and _kind(_operand(found[2])) not in ("number", "text"):
            return f"{found[1]} compares numbers and texts only"
    return None


async def holds(actual: object, wanted: Wanted, matches: Matcher) -> bool:
    """Whether a JSON value is as wanted. `matches` looks for a pattern in a text."""
    if (pattern := pattern_of(wanted)) is not None:
        return isinstance(actual, str) and await matches(pattern, actual)
    if isinstance(wanted, str) and (found := COMPARISON.fullmatch(wanted)):
        return _compare(actual, found[1], _operand(found[2]))
    return _compare(actual, "==", wanted)


def written(value: object) -> str:
    """A JSON value for people: `12`, `true`, `"ok"`; of lists and objects how much they hold."""
    if isinstance(value, dict):
        return f"an object with {len(value)} members"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        return f'"{value}"'
    return msgspec.json.encode(value).decode()


def expected(wanted: Wanted) -> str:
    """A condition as messages say it: `"ok"`, `< 10`, `true`."""
    if isinstance(wanted, str) and (pattern_of(wanted) or COMPARISON.fullmatch(wanted)):
        return wanted
    return written(wanted)


def _operand(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return text


def _kind(value: object) -> str:
    if isinstance(value, bool):  # before numbers, which it is to Python
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else type(value).__name__


def _compare(actual: Any, sign: str, wanted: Any) -> bool:
    """Values of different kinds are only ever unequal (RFC 9535, 2.3.5.2.2)."""
    if _kind(actual) != _kind(wanted):
        return sign == "!="
    if sign not in ("==", "!=") and _kind(actual) not in ("number", "text"):
        return False
    return bool(OPERATORS[sign](actual, wanted))
