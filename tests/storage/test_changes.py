"""What an operator changes: by compare-and-set, audited, in one transaction."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.facts import Detail
from storage import definitions, schema
from storage.changes import (
    CHECK,
    MONITORING,
    RULE,
    AlreadyDefined,
    NotInFile,
    StandsInFile,
    UnknownDefinition,
    VersionConflict,
)
from storage.definitions import Definition
from storage.leadership import LeadershipLost
from tests.storage.stores import Store, after, lead

TABLE: dict[str, Detail] = {"name": "api", "kind": "http", "url": "http://a", "weight": 2}


@pytest.fixture
def defined(store: Store) -> Store:
    definitions.publish(store.engine, CHECK, [TABLE], "config.toml", after(0))
    return store


def edit(store: Store, expected: int | None = None, **fields: Detail) -> Definition:
    return store.changes.edit(CHECK, "api", fields, actor="ann", now=after(5), expected=expected)


def standing(store: Store) -> Definition:
    (only,) = definitions.load(store.engine, CHECK)
    return only


def test_a_check_is_paused_and_resumed(defined: Store) -> None:
    paused = defined.changes.pause("api", actor="ann", now=after(1))
    resumed = defined.changes.resume("api", actor="bob", now=after(2))

    assert paused.in_force["enabled"] is False
    assert (dict(resumed.patch), resumed.version) == ({}, 3)
    rows = defined.readings.audit(CHECK, "api", 2)
    assert [(row.actor, row.action, row.before, row.after) for row in rows] == [
        ("bob", "resume", {"enabled": False}, {}),
        ("ann", "pause", {}, {"enabled": False}),
    ]


def test_pausing_twice_is_one_change(defined: Store) -> None:
    defined.changes.pause("api", actor="ann", now=after(1))
    counters = defined.change_counter, defined.revision, defined.count(schema.audit)

    again = defined.changes.pause("api", actor="bob", now=after(2))

    assert again.version == 2
    assert (defined.change_counter, defined.revision, defined.count(schema.audit)) == counters


def test_an_edit_moves_the_change_counter_and_the_revision(defined: Store) -> None:
    changes, revision = defined.change_counter, defined.revision

    edit(defined, weight=3)

    assert (defined.change_counter, defined.revision) == (changes + 1, revision + 1)


def test_what_nobody_defined_can_not_be_changed(defined: Store) -> None:
    with pytest.raises(UnknownDefinition, match="there is no check named 'shop'"):
        defined.changes.pause("shop", actor="ann", now=after(1))

    assert defined.readings.audit(CHECK, "shop", 9) == ()


def test_an_edit_of_an_old_version_is_refused_and_shows_what_stands_now(defined: Store) -> None:
    edit(defined, expected=1, weight=3)

    with pytest.raises(
        VersionConflict, match="it is at version 2, the edit was made on version 1"
    ) as told:
        edit(defined, expected=1, weight=9)

    assert dict(told.value.current.patch) == {"weight": 3}
    assert dict(standing(defined).patch) == {"weight": 3}


def test_an_edit_on_the_present_version_is_taken(defined: Store) -> None:
    edit(defined, expected=1, weight=3)

    assert edit(defined, expected=2, weight=4).in_force["weight"] == 4


def test_of_edits_of_one_version_made_at_once_one_is_taken(defined: Store) -> None:
    def one(weight: int) -> bool:
        try:
            edit(defined, expected=1, weight=weight)
        except VersionConflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(one, range(10, 18)))

    assert sum(taken) == 1
    assert standing(defined).version == 2


def test_edits_of_several_fields_at_once_that_expect_no_version_are_all_kept(
    defined: Store,
) -> None:
    names = [f"field-{number}" for number in range(8)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: edit(defined, **{name: True}), names))

    assert set(standing(defined).patch) == set(names)
    assert standing(defined).version == 1 + len(names)
    assert len(defined.readings.audit(CHECK, "api", 99)) == 1 + len(names)


def test_a_field_set_back_to_the_files_value_leaves_the_patch(defined: Store) -> None:
    edit(defined, weight=3, description="x")

    back = edit(defined, weight=2)

    assert dict(back.patch) == {"description": "x"}
    assert back.drifted == {"description": None}


def test_a_check_that_is_off_in_the_file_can_be_switched_on(store: Store) -> None:
    definitions.publish(store.engine, CHECK, [{**TABLE, "enabled": False}], "file", after(0))

    on = store.changes.resume("api", actor="ann", now=after(1))

    assert on.in_force["enabled"] is True


def test_all_monitoring_can_be_stopped_and_started(store: Store) -> None:
    stopped = store.changes.monitor(False, actor="ann", now=after(1))
    during = store.readings.board(after(1)).stopped
    store.changes.monitor(True, actor="ann", now=after(2))

    assert (stopped.kind, stopped.name) == MONITORING
    assert during
    assert not store.readings.board(after(2)).stopped
    rows = store.readings.audit(*MONITORING, 9)
    assert [row.action for row in rows] == ["start", "stop"]
    assert rows[-1].before is None


def test_an_operator_can_pause_while_no_monitor_leads(defined: Store) -> None:
    lead(defined.engine, "two")

    defined.changes.pause("api", actor="ann", now=after(99))

    with pytest.raises(LeadershipLost):
        defined.beat(99)
    assert standing(defined).in_force["enabled"] is False


# ── Adding, reverting, removing ─────────────────────────────────────────────────────────────────

QUEUE: dict[str, Detail] = {"id": "queue", "metric": "shop.queue", "warning": 10}


def add(store: Store, name: str = "queue", table: dict[str, Detail] = QUEUE) -> Definition:
    return store.changes.add(RULE, name, table, actor="ann", now=after(1))


def publish(store: Store, *tables: dict[str, Detail]) -> None:
    definitions.publish(store.engine, RULE, tables, "config.toml", after(0), key="id")


def rules(store: Store) -> dict[str, Definition]:
    return {each.name: each for each in definitions.load(store.engine, RULE)}


def test_what_is_added_is_in_force_and_audited(store: Store) -> None:
    changes = store.change_counter

    made = add(store)

    assert (made.in_force, made.version, made.base) == (QUEUE, 1, None)
    assert rules(store) == {"queue": made}
    assert not made.orphaned
    assert store.change_counter == changes + 1
    (row,) = store.readings.audit(RULE, "queue", 9)
    assert (row.actor, row.action, row.before, row.after) == ("ann", "add", None, QUEUE)


def test_a_name_is_added_once(store: Store) -> None:
    publish(store, {**QUEUE, "id": "filed"})
    add(store)

    for name in ("queue", "filed"):
        with pytest.raises(AlreadyDefined, match=f"there is a rule named '{name}' already"):
            add(store, name)

    assert len(store.readings.audit(RULE, "queue", 9)) == 1


def test_of_many_who_add_one_name_at_once_one_does(store: Store) -> None:
    def one(number: int) -> bool:
        try:
            add(store, table={**QUEUE, "warning": number})
        except AlreadyDefined:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(one, range(8)))

    assert sum(added) == 1
    assert rules(store)["queue"].in_force["warning"] == added.index(True)


def test_one_that_is_gone_from_the_file_is_added_anew_with_its_history(store: Store) -> None:
    publish(store, {**QUEUE, "warning": 5})
    publish(store)
    before = rules(store)["queue"]

    made = add(store)

    assert before.orphaned
    assert (made.orphaned, made.version, made.in_force) == (False, before.version + 1, QUEUE)
    assert rules(store)["queue"] == made


def test_one_that_was_added_goes_on_when_the_file_gets_it_and_loses_it(store: Store) -> None:
    add(store)
    publish(store, {**QUEUE, "warning": 5})
    both = rules(store)["queue"]
    publish(store)

    assert (both.in_force["warning"], both.drifted) == (10, {"warning": 5})
    assert rules(store)["queue"].orphaned


def test_a_revert_takes_all_edits_back(store: Store) -> None:
    publish(store, QUEUE)
    store.changes.edit(RULE, "queue", {"warning": 20, "for": "5m"}, actor="ann", now=after(2))

    back = store.changes.revert(RULE, "queue", actor="bob", now=after(3), expected=2)

    assert (back.in_force, back.version) == (QUEUE, 3)
    row = store.readings.audit(RULE, "queue", 1)[0]
    assert (row.actor, row.action, row.after) == ("bob", "revert", {})
    assert row.before == {"warning": 20, "for": "5m"}


def test_a_revert_of_nothing_is_no_change(store: Store) -> None:
    publish(store, QUEUE)
    before = store.change_counter, store.count(schema.audit)

    same = store.changes.revert(RULE, "queue", actor="bob", now=after(3))

    assert same.version == 1
    assert (store.change_counter, store.count(schema.audit)) == before


def test_what_the_file_does_not_have_can_not_be_reverted(store: Store) -> None:
    add(store)

    with pytest.raises(NotInFile, match="does not stand in the configuration file"):
        store.changes.revert(RULE, "queue", actor="bob", now=after(3))

    assert rules(store)["queue"].version == 1


def test_what_was_added_is_removed_and_what_it_was_stays_in_the_audit(store: Store) -> None:
    add(store)

    store.changes.remove(RULE, "queue", actor="bob", now=after(3), expected=1)

    assert rules(store) == {}
    row = store.readings.audit(RULE, "queue", 1)[0]
    assert (row.actor, row.action, row.before) == ("bob", "remove", QUEUE)


def test_what_stands_in_the_file_is_not_removed(store: Store) -> None:
    publish(store, QUEUE)

    with pytest.raises(StandsInFile, match="remove it there, or switch it off"):
        store.changes.remove(RULE, "queue", actor="bob", now=after(3))

    assert rules(store).keys() == {"queue"}


@pytest.mark.parametrize("verb", ["revert", "remove"])
def test_neither_is_done_on_an_old_version_or_to_what_is_unknown(store: Store, verb: str) -> None:
    add(store)
    change = getattr(store.changes, verb)

    with pytest.raises(VersionConflict):
        change(RULE, "queue", actor="bob", now=after(3), expected=7)
    for name in ("other", "", "a\0b", "x" * 10_000):
        with pytest.raises(UnknownDefinition):
            change(RULE, name, actor="bob", now=after(3))

    assert rules(store)["queue"].version == 1


def test_a_field_of_what_was_added_leaves_it_with_none(store: Store) -> None:
    add(store, table={**QUEUE, "critical": 20})

    after_it = store.changes.edit(RULE, "queue", {"critical": None}, actor="bob", now=after(3))

    assert after_it.in_force == QUEUE
