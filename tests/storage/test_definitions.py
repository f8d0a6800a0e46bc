"""Definitions as rows: what the file says, what was edited, and what becomes of either."""

from __future__ import annotations

from domain.facts import Detail
from storage import schema
from storage.changes import CHECK
from storage.definitions import Definition, load, publish
from tests.storage.stores import Store, after

API: dict[str, Detail] = {"name": "api", "kind": "http", "weight": 2, "tags": ["a", {"b": 1.5}]}
SHOP: dict[str, Detail] = {"name": "shop", "kind": "tcp"}


def file_says(store: Store, *tables: dict[str, Detail], seconds: float = 0) -> None:
    publish(store.engine, CHECK, tables, "config.toml", after(seconds))


def standing(store: Store) -> dict[str, Definition]:
    return {each.name: each for each in load(store.engine, CHECK)}


def test_the_tables_of_the_file_become_definitions(store: Store) -> None:
    file_says(store, API, SHOP)

    found = standing(store)

    assert list(found) == ["api", "shop"]
    assert found["api"] == Definition(
        kind=CHECK, name="api", base=API, patch={}, version=1, source="file"
    )
    assert found["api"].in_force == API


def test_publishing_the_same_file_again_writes_nothing(store: Store) -> None:
    file_says(store, API, SHOP)
    before = standing(store), store.revision, store.count(schema.audit)

    file_says(store, SHOP, API, seconds=60)

    assert (standing(store), store.revision, store.count(schema.audit)) == before


def test_a_changed_table_becomes_the_base_and_edits_stay(store: Store) -> None:
    file_says(store, API)
    store.changes.edit(CHECK, "api", {"weight": 9}, actor="ann", now=after(1))

    file_says(store, {**API, "weight": 3, "url": "http://b"}, seconds=2)

    api = standing(store)["api"]
    assert (api.in_force["weight"], api.in_force["url"], api.version) == (9, "http://b", 3)
    assert api.drifted == {"weight": 3}


def test_each_change_of_the_file_is_audited_with_before_and_after(store: Store) -> None:
    file_says(store, SHOP)
    file_says(store, {**SHOP, "port": 80}, seconds=1)

    rows = store.readings.audit(CHECK, "shop", 9)

    assert [(row.actor, row.action, row.before, row.after) for row in rows] == [
        ("config.toml", "publish", SHOP, {**SHOP, "port": 80}),
        ("config.toml", "publish", None, SHOP),
    ]


def test_a_check_gone_from_the_file_is_an_orphan_that_keeps_its_edits(store: Store) -> None:
    file_says(store, API, SHOP)
    store.changes.edit(CHECK, "api", {"weight": 9}, actor="ann", now=after(1))

    file_says(store, SHOP, seconds=2)
    file_says(store, SHOP, seconds=3)

    api = standing(store)["api"]
    assert (api.orphaned, api.base, dict(api.patch)) == (True, None, {"weight": 9})
    assert not standing(store)["shop"].orphaned
    assert len(store.readings.audit(CHECK, "api", 9)) == 3


def test_an_orphan_that_is_back_in_the_file_has_its_edits_again(store: Store) -> None:
    file_says(store, API)
    store.changes.edit(CHECK, "api", {"weight": 9}, actor="ann", now=after(1))
    file_says(store, seconds=2)

    file_says(store, API, seconds=3)

    api = standing(store)["api"]
    assert (api.orphaned, api.in_force["weight"]) == (False, 9)


def test_a_definition_made_by_an_edit_is_no_orphan_and_outlives_the_file(store: Store) -> None:
    store.changes.edit(CHECK, "new", {"kind": "tcp"}, actor="ann", now=after(0), create=True)

    file_says(store, API)

    new = standing(store)["new"]
    assert (new.orphaned, new.base, new.in_force) == (False, None, {"kind": "tcp"})


def test_a_definition_made_by_an_edit_and_named_in_the_file_later_gets_a_base(
    store: Store,
) -> None:
    store.changes.edit(CHECK, "api", {"weight": 9}, actor="ann", now=after(0), create=True)

    file_says(store, API)

    api = standing(store)["api"]
    assert (api.base, api.in_force["weight"], api.source) == (API, 9, "file")


def test_kinds_do_not_mix(store: Store) -> None:
    publish(store.engine, "rule", [{"name": "api"}], "config.toml", after(0))

    file_says(store, SHOP)

    assert [each.name for each in load(store.engine, "rule")] == ["api"]
    assert list(standing(store)) == ["shop"]
