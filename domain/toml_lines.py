"""Where things stand in a TOML text: the line of each table, array entry and key.

tomllib tells no lines. This reads only as much TOML as that takes, of a text that parsed already,
and only when a mistake is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from domain.mistakes import KeyPath

KEY_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")
# What can hide a bracket or a line's end: strings (long ones first) and comments.
OPAQUE = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)
# A line break within a string ends no statement. TOML allows this character nowhere.
HIDDEN_BREAK = "\x00"


def lines(text: str) -> dict[KeyPath, int]:
    """Each path (`("check", 0, "url")`) with its line, counted from 1. Never raises."""
    found: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, statement in _statements(text):
        if statement.startswith("["):
            table = _header(statement, counts)
            found.setdefault(table, number)
        elif keys := _keys(statement):
            path = table
            for key in keys:
                path = (*path, key)
                found.setdefault(path, number)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each header and each `key = value` with its first line; values may span several lines."""
    # Strings keep their length, so that places in both texts are the same.
    bare = OPAQUE.sub(lambda match: "".join(map(_hidden, match[0])), text)
    depth, statement = 0, ""
    number, offset = 1, 0
    # Not splitlines(): a form feed or U+2028 in a comment ends no line of TOML.
    for line in bare.split("\n"):
        if depth == 0:
            statement = text[offset : offset + len(line)].strip()
            if statement and not statement.startswith("#"):
                yield number, statement
        if depth or not statement.startswith("["):
            depth = max(0, depth + _opened(line))
        offset += len(line) + 1
        number += 1 + line.count(HIDDEN_BREAK)


def _hidden(character: str) -> str:
    return HIDDEN_BREAK if character == "\n" else "_"


def _opened(line: str) -> int:
    return sum(line.count(sign) for sign in "[{") - sum(line.count(sign) for sign in "]}")


def _header(statement: str, counts: dict[KeyPath, int]) -> KeyPath:
    """The path of `[a.b]` or `[[a]]`; parts that are arrays get the index of their last entry."""
    is_array = statement.startswith("[[")
    names = _keys(statement.lstrip("["))
    path: KeyPath = ()
    for position, name in enumerate(names):
        path = (*path, name)
        if is_array and position == len(names) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _keys(text: str) -> list[str]:
    keys: list[str] = []
    position = 0
    while part := KEY_PART.match(text, position):
        keys.append(next(group for group in part.groups() if group is not None))
        position = part.end()
        if text[position : position + 1] != ".":
            break
        position += 1
    return keys
