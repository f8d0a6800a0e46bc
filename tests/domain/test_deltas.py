"""Deltas: whatever happened between two documents, the base and what changed give the newer one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.deltas import Taken, delta, taken

VALUES = st.none() | st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=3)
FIELDS = st.fixed_dictionaries({"status": VALUES, "spark": VALUES}, optional={"incident": VALUES})
CHECKS = st.dictionaries(st.sampled_from("abcdef"), FIELDS, max_size=6)
DOCUMENTS = st.builds(
    lambda at, groups, checks, turned: {
        "at": at,
        "groups": groups,
        "checks": [
            {"name": name, **fields} for name, fields in sorted(checks.items(), reverse=turned)
        ],
    },
    st.integers(0, 2),
    VALUES,
    CHECKS,
    st.booleans(),
)


def applied(base: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """What the browser makes of both, as `applied` in snapshot.mjs."""
    entries = {each["name"]: each for each in base["checks"]}
    for patch in found["changed"]:
        entries[patch["name"]] = {**entries[patch["name"]], **patch}
    entries |= {each["name"]: each for each in found["added"]}
    names = found["order"] or [each["name"] for each in base["checks"]]
    names = [] if found["order"] == [] else names
    return {**base, **found["top"], "checks": [entries[name] for name in names]}


@given(st.lists(DOCUMENTS, min_size=2, max_size=6), st.data())
def test_any_earlier_document_and_what_changed_since_give_the_newest(
    documents: list[dict[str, Any]], data: st.DataObject
) -> None:
    kept: list[Taken] = []
    for document in documents:
        kept.append(taken(document, kept[-1] if kept else None))
    earlier = data.draw(st.integers(0, len(documents) - 2))

    found = delta(kept[earlier], kept[-1])

    assert applied(documents[earlier], found) == documents[-1]


@given(DOCUMENTS)
def test_of_a_document_that_is_the_same_nothing_is_told(document: dict[str, Any]) -> None:
    first = taken(document, None)

    found = delta(first, taken({**document, "checks": [*document["checks"]]}, first))

    assert found == {"top": {}, "changed": [], "added": [], "order": None}
