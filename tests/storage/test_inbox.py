"""The inbox on both databases: kept when it is answered, taken in once, full at its limit."""

from __future__ import annotations

import pytest

from storage import counters, inbox, schema
from storage.inbox import InboxFull
from storage.journal import TakenIn
from tests.storage.stores import Store, after, entry, sample


def edits(store: Store) -> int:
    with store.reading() as connection:
        return counters.edits(connection)


def test_what_arrives_waits_in_its_order_by_kind(store: Store) -> None:
    inbox.append(store.engine, "beat", "job", b"one", after(1))
    inbox.append(store.engine, "samples", "", b"two", after(2))
    inbox.append(store.engine, "beat", "job", b"\x00three", after(3))

    found = inbox.waiting(store.engine, "beat")

    assert [(each.subject, each.body, each.at) for each in found] == [
        ("job", b"one", after(1)),
        ("job", b"\x00three", after(3)),
    ]


def test_it_leaves_with_what_it_means_in_one_transaction(store: Store) -> None:
    store.publish("api")
    number = inbox.append(store.engine, "beat", "api", b"", after(1))
    taken = TakenIn(ids=(number,), samples=(sample(3.0, 1, "pushed", host="a"),))

    store.journal.commit(store.lease, [taken, entry()])

    assert inbox.waiting(store.engine, "beat") == ()
    assert store.count(schema.results) == 1
    assert store.count(schema.samples) == 2


def test_it_stays_when_what_it_means_could_not_be_written(store: Store) -> None:
    store.publish("api")
    number = inbox.append(store.engine, "beat", "api", b"", after(1))
    bad = entry(decisions=("no decision",))

    with pytest.raises(AttributeError):
        store.journal.commit(store.lease, [TakenIn(ids=(number,)), bad])

    assert [each.id for each in inbox.waiting(store.engine, "beat")] == [number]
    assert store.count(schema.results) == 0


def test_a_full_inbox_refuses_and_keeps_what_it_has(store: Store) -> None:
    for second in range(3):
        inbox.append(store.engine, "beat", "job", b"", after(second), full=3)

    with pytest.raises(InboxFull, match="3 arrivals wait"):
        inbox.append(store.engine, "beat", "job", b"", after(4), full=3)

    assert len(inbox.waiting(store.engine, "beat")) == 3


def test_an_arrival_wakes_the_monitor_and_is_no_edit(store: Store) -> None:
    store.publish("api")
    changes, before = store.change_counter, edits(store)

    inbox.append(store.engine, "beat", "api", b"", after(1))

    assert store.change_counter == changes + 1
    assert edits(store) == before


def test_an_edit_beside_arrivals_is_seen(store: Store) -> None:
    store.publish("api")
    before = edits(store)

    inbox.append(store.engine, "beat", "api", b"", after(1))
    with store.engine.begin() as connection:
        counters.bump(connection, counters.CHANGES)

    assert edits(store) == before + 1
