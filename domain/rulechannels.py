"""Whether the channels that rules name exist: a rule that tells nobody is found when it is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence

from domain.mistakes import Mistake, closest, shown

ARRAY = "rule"
KEY = "channels"


def examine(tables: Sequence[object], known: Collection[str]) -> tuple[Mistake, ...]:
    """The mistakes in the `channels` of raw `[[rule]]` tables; `known` are the names that exist."""
    names = {_normal(name) for name in known}
    return tuple(
        mistake
        for index, table in enumerate(tables)
        if isinstance(table, Mapping)
        for mistake in _unknown(table, index, names)
    )


def _unknown(table: Mapping[str, object], index: int, names: Collection[str]) -> Iterator[Mistake]:
    given = table.get(KEY)
    rule = shown(table["id"]) if isinstance(table.get("id"), str) else str(index + 1)
    for name in given if isinstance(given, list | tuple) else ():
        if isinstance(name, str) and _normal(name) not in names:
            meant = closest(name, names)
            hint = f', did you mean "{meant}"?' if meant else ""
            yield Mistake(
                key=f"{ARRAY} {rule} {KEY}",
                given=shown(given),
                reason=f"there is no channel {shown(name)}{hint}",
                path=(ARRAY, index, KEY),
            )


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)
