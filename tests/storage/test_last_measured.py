"""What checks measured last, as those read it that go on from there after a restart."""

from __future__ import annotations

from storage import last_measured
from tests.storage.stores import Store, entry


def test_the_numbers_of_the_last_result_are_read_of_those_that_are_asked_for(store: Store) -> None:
    store.publish("api", "shop", "new")
    store.commit(entry())

    found = last_measured.read(store.engine, ["api", "new", "gone"])

    assert {name: dict(each.metrics) for name, each in found.items()} == {
        "api": {"ms": 12.0},
        "new": {},
    }
    assert found["new"].details == {}
