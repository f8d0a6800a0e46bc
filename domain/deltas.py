"""What changed between two documents of the same kind: small enough to be sent each time.

A document has top-level fields, one of which is a list of named entries. A delta has the fields that
changed, of entries that changed the fields that did, and the order of all names when that changed.
`assets/modules/snapshot.mjs` puts the two together again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ENTRIES = "checks"
NAME = "name"
Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """A document taken apart: its top-level fields, and its entries by name, in order.

    Entries that did not change since the one before are the same objects, which makes comparing
    two documents cheap and keeping several of them small.
    """

    top: Mapping[str, Any]
    entries: Mapping[str, Entry]


def taken(document: Mapping[str, Any], before: Taken | None) -> Taken:
    """The document, sharing what it can with the one before."""
    known = before.entries if before else {}
    top = {key: value for key, value in document.items() if key != ENTRIES}
    entries: dict[str, Entry] = {}
    for each in document[ENTRIES]:
        held = known.get(each[NAME])
        entries[each[NAME]] = held if held is not None and (held is each or held == each) else each
    return Taken(top=top, entries=entries)


def delta(base: Taken, now: Taken) -> dict[str, Any]:
    """What makes `now` of `base`: `top`, `changed` (fields by entry), `added` (whole), `order`.

    `order` is None while the names and their order are the same. Top-level fields never go away.
    """
    changed: list[Entry] = []
    added: list[Entry] = []
    for name, entry in now.entries.items():
        held = base.entries.get(name)
        if held is entry:
            continue
        if held is None or held.keys() != entry.keys():
            added.append(entry)
            continue
        news = {key: value for key, value in entry.items() if held[key] != value}
        if news:
            changed.append({NAME: name, **news})
    names = list(now.entries)
    return {
        "top": {
            key: value
            for key, value in now.top.items()
            if key not in base.top or base.top[key] != value
        },
        "changed": changed,
        "added": added,
        "order": None if names == list(base.entries) else names,
    }
