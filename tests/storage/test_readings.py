"""The screens' read face: what stands, since when, and when a screen must look again."""

from __future__ import annotations

from collections.abc import Callable

from storage import definitions
from storage.changes import CHECK
from storage.leadership import claim
from tests.storage.stores import (
    C,
    H,
    Store,
    W,
    after,
    alive,
    entry,
    line,
    process,
    result,
    sample,
)


def test_the_board_shows_all_watched_checks_by_name_and_who_leads(store: Store) -> None:
    store.publish("shop", "api")

    board = store.readings.board(after(1))

    assert [row.name for row in board.checks] == ["api", "shop"]
    assert board.holder is not None
    assert (board.holder.process, board.standbys, board.stopped) == (process("one"), 0, False)


def test_an_empty_store_has_an_empty_board(store: Store) -> None:
    board = store.readings.board(after(0))

    assert (board.checks, board.notices) == ((), ())


def test_a_check_that_nobody_knows_is_not_found(store: Store) -> None:
    assert store.readings.check("gone") is None


def test_a_pause_shows_at_once_also_while_the_monitor_is_dead(store: Store) -> None:
    definitions.publish(store.engine, CHECK, [{"name": "api"}], "file", after(0))
    store.publish("api", "shop")

    store.changes.pause("api", actor="ann", now=after(1))

    assert [row.enabled for row in store.readings.board(after(1)).checks] == [False, True]
    row = store.readings.check("api")
    assert row is not None
    assert not row.enabled


def test_stopping_all_monitoring_pauses_every_check_at_once(store: Store) -> None:
    store.publish("api", "shop")

    store.changes.monitor(False, actor="ann", now=after(1))

    board = store.readings.board(after(1))
    assert board.stopped
    assert [row.enabled for row in board.checks] == [False, False]


def test_a_check_that_is_off_in_the_file_is_not_enabled(store: Store) -> None:
    store.publish("api", about={"enabled": False})

    assert not store.readings.board(after(0)).checks[0].enabled


def test_the_newest_results_come_first_and_no_more_than_asked(store: Store) -> None:
    store.publish("api", "shop")
    store.commit(*(entry(seconds=at) for at in range(5)), entry(check="shop"))

    found = store.readings.results(store.check_id(), start=after(1), limit=3)

    assert [row.at for row in found] == [after(4), after(3), after(2)]
    assert len(store.readings.results(store.check_id(), start=after(1), limit=99)) == 4


def test_a_result_tells_what_it_was(store: Store) -> None:
    store.publish("api")
    run = result(W, response_time_ms=7.5, attempt=3, message="slow")
    store.commit(entry(W, result=run))

    (row,) = store.readings.results(store.check_id(), start=after(0), limit=1)

    assert (row.status, row.attempt, row.response_ms, row.message) == (W, 3, 7.5, "slow")


def test_the_timeline_is_told_by_check_oldest_first(store: Store) -> None:
    store.publish("api", "shop")
    there, back = line(1), line(2, before=C, to=H)
    other = line(1.5, "shop")
    store.commit(
        entry(seconds=1, transitions=(there,)),
        entry(seconds=2, check="shop", transitions=(other,)),
        entry(seconds=3, transitions=(back,)),
    )

    api, shop = store.check_id("api"), store.check_id("shop")

    assert store.readings.timeline(after(0)) == {api: [there, back], shop: [other]}
    assert store.readings.timeline(after(2)) == {api: [back]}
    assert store.readings.timeline(after(0), shop) == {shop: [other]}


def test_gaps_that_reach_into_the_window_are_told_oldest_first(store: Store) -> None:
    for start, end in ((50, 60), (0, 10), (20, 40)):
        store.journal.record_gap(store.lease, after(start), after(end), "asleep")

    assert [gap.started for gap in store.readings.gaps(after(30))] == [after(20), after(50)]


def test_the_audit_of_a_definition_is_newest_first_and_no_more_than_asked(store: Store) -> None:
    definitions.publish(store.engine, CHECK, [{"name": "api"}], "file", after(0))
    for seconds in (1, 2, 3):
        store.changes.edit(CHECK, "api", {"weight": seconds}, actor="ann", now=after(seconds))

    found = store.readings.audit(CHECK, "api", 2)

    assert [(row.at, row.after) for row in found] == [
        (after(3), {"weight": 3}),
        (after(2), {"weight": 2}),
    ]


def test_the_revision_moves_with_whatever_is_shown(store: Store) -> None:
    moves: dict[str, Callable[[], object]] = {
        "a published set of checks": lambda: store.publish("api"),
        "a result": lambda: store.commit(entry()),
        "a gap": lambda: store.journal.record_gap(store.lease, after(0), after(1), "asleep"),
        "a notice": lambda: store.journal.notify("k", "info", "text", after(0)),
        "a notice taken back": lambda: store.journal.withdraw("k"),
        "the file's definitions": lambda: definitions.publish(
            store.engine, CHECK, [{"name": "api"}], "file", after(0)
        ),
        "a pause": lambda: store.changes.pause("api", actor="ann", now=after(1)),
        "a second monitor": lambda: claim(store.engine, process("two"), after(0), alive),
    }

    for what, move in moves.items():
        before = store.revision
        move()
        assert store.revision > before, what


def test_the_revision_stands_still_while_nothing_shown_changes(store: Store) -> None:
    store.publish("api")
    before = store.revision

    store.beat(2)
    store.commit(samples=(sample(1, name="cpu"),))
    store.commit()
    store.commit(entry(check="gone"))
    store.journal.withdraw("never put up")
    store.readings.board(after(2))

    assert store.revision == before


def test_a_beat_is_seen_without_the_revision(store: Store) -> None:
    before = store.readings.pulse()

    store.beat(2)

    found = store.readings.pulse()
    assert (before.beat, found.beat) == (after(0), after(2))
    assert found.revision == before.revision
