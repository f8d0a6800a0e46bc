"""Which checks are watched is written a slice at a time, and only where it differs."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from domain.facts import CheckState
from storage import watched
from storage.leadership import LeadershipLost
from storage.schema import check_state
from storage.slices import Slices
from storage.state_rows import encode_state
from tests.storage.stores import Store, lead


def row(name: str, kind: str = "http") -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "present": True,
        "about": {"enabled": True, "tags": ["shop", "eu"]},
        "due": None,
        "metrics": {},
        "details": {},
        "response_ms": None,
        "state": encode_state(CheckState(check=name)),
    }


def shown(store: Store) -> dict[str, str]:
    query = select(check_state.c.name, check_state.c.kind).where(check_state.c.present)
    with store.reading() as connection:
        return {found.name: found.kind for found in connection.execute(query)}


def one_by_one(store: Store, seen: list[dict[str, str]]) -> Slices:
    pause = lambda _: seen.append(shown(store))  # noqa: E731 - said once, used once
    return Slices(store.engine, store.lease, first=1, most=1, pause=pause)


def test_while_checks_change_none_that_stays_is_ever_missing(store: Store) -> None:
    watched.publish(store.slices, [row("a"), row("b"), row("c")])
    seen: list[dict[str, str]] = []

    watched.publish(one_by_one(store, seen), [row("b", "tcp"), row("c"), row("d"), row("e")])

    assert shown(store) == {"b": "tcp", "c": "http", "d": "http", "e": "http"}
    # Two are new, one is another kind now, one goes, and the revision comes last.
    assert len(seen) == 5
    assert all({"b", "c"} <= set(each) for each in seen)


def test_what_stands_as_it_is_published_is_not_written_again(store: Store) -> None:
    rows = [row(name) for name in "abc"]
    watched.publish(store.slices, rows)
    seen: list[dict[str, str]] = []

    watched.publish(one_by_one(store, seen), rows)

    assert len(seen) == 1


def test_a_publishing_that_was_cut_short_ends_the_same_when_it_is_done_again(store: Store) -> None:
    watched.publish(store.slices, [row("a"), row("b")])
    lost = one_by_one(store, [])
    lead(store.engine, "another")
    with pytest.raises(LeadershipLost):
        watched.publish(lost, [row("b"), row("c")])
    assert set(shown(store)) == {"a", "b"}

    fresh = Slices(store.engine, lead(store.engine, "one more"), pause=lambda _: None)
    watched.publish(fresh, [row("b"), row("c")])

    assert set(shown(store)) == {"b", "c"}
