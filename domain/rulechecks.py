"""Whether the checks that rules name exist: a rule on one that does not would never say anything."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence

from domain.mistakes import KeyPath, Mistake, closest, shown

ARRAY = "rule"
KEY = "check"
LABELS = "labels"
# A pattern may wait for checks to come; a name can't.
PATTERN = re.compile(r"[*?\[]")


def examine(tables: Sequence[object], known: Collection[str]) -> tuple[Mistake, ...]:
    """The mistakes in raw `[[rule]]` tables that name a check; `known` are the names that exist."""
    names = {_normal(name) for name in known}
    return tuple(
        mistake
        for index, table in enumerate(tables)
        if isinstance(table, Mapping)
        for mistake in _unknown(table, index, names)
    )


def _unknown(table: Mapping[str, object], index: int, names: Collection[str]) -> Iterator[Mistake]:
    rule = shown(table["id"]) if isinstance(table.get("id"), str) else str(index + 1)
    for key, path, name in _named(table, index):
        if _normal(name) in names:
            continue
        meant = closest(name, names)
        hint = f', did you mean "{meant}"?' if meant else ""
        yield Mistake(
            key=f"{ARRAY} {rule} {key}",
            given=shown(name),
            reason=f"there is no check {shown(name)}{hint}",
            path=path,
        )


def _named(table: Mapping[str, object], index: int) -> Iterator[tuple[str, KeyPath, str]]:
    """The checks named by a table, each with its key and the place of that."""
    name, labels = table.get(KEY), table.get(LABELS)
    if isinstance(name, str):
        yield KEY, (ARRAY, index, KEY), name
    within = labels.get(KEY) if isinstance(labels, Mapping) else None
    if isinstance(within, str) and not PATTERN.search(within):
        yield f"{LABELS}.{KEY}", (ARRAY, index, LABELS, KEY), within


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)
