"""The monitor's write face: everything of a run in one transaction, and nothing without the lease."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from domain.facts import CheckState, Decision, Mark, Status
from domain.intake import Refusal
from storage import catalogue, drivers, schema
from storage.journal import Beat, Journal
from storage.leadership import LeadershipLost
from storage.state_rows import decode_state
from tests.storage.stores import C, H, Store, after, entry, lead, line, result, sample

NOTHING = dict.fromkeys(("results", "transitions", "decisions", "samples", "series", "gaps"), 0)


def test_a_run_is_stored_with_its_state_timeline_decisions_and_samples(store: Store) -> None:
    store.publish("api")

    store.commit(entry(C))

    row = store.readings.check("api")
    assert row is not None
    assert (row.state.hard, row.due, row.metrics) == (C, after(30), {"ms": 12.0})
    assert store.readings.timeline(after(-1))[row.id] == [line()]
    assert store.readings.points("ms", {"check": "api"}, after(-1), after(1)).values == (12.0,)
    (kept,) = store.readings.results(row.id, start=after(-1), limit=9)
    assert (kept.status, kept.cause, kept.message) == (C, "none", "it is critical")
    assert store.measured() == dict.fromkeys(NOTHING, 1) | {"gaps": 0}


def test_of_a_run_of_which_one_part_fails_nothing_is_written(store: Store) -> None:
    store.publish("api")
    refused = Decision(subject="s", gate="g", at=after(0), reason=None)  # type: ignore[arg-type]
    before = store.revision

    with pytest.raises(DBAPIError):
        store.commit(entry(C), entry(C, 1, decisions=(refused,)))

    assert store.measured() == NOTHING
    row = store.readings.check("api")
    assert row is not None
    assert row.state == CheckState(check="api")
    assert store.revision == before


def test_after_a_refused_batch_the_next_one_is_written(store: Store) -> None:
    store.publish("api")
    refused = Decision(subject="s", gate="g", at=after(0), reason=None)  # type: ignore[arg-type]
    with pytest.raises(DBAPIError):
        store.commit(entry(decisions=(refused,)))

    store.commit(entry())

    assert store.readings.points("ms", {"check": "api"}, after(-1), after(1)).values == (12.0,)


def test_a_monitor_that_lost_its_lease_writes_nothing_at_all(store: Store) -> None:
    store.publish("api")
    before = store.revision
    lead(store.engine, "two")

    with pytest.raises(LeadershipLost, match="epoch 1 is no longer this monitor's"):
        store.commit(entry())
    with pytest.raises(LeadershipLost):
        store.journal.commit(store.lease, [entry()], [sample(1)], Beat(at=after(1)))
    with pytest.raises(LeadershipLost):
        store.publish("api", "shop")
    with pytest.raises(LeadershipLost):
        store.journal.record_gap(store.lease, after(0), after(9), "asleep")

    assert store.measured() == NOTHING
    assert store.readings.check("shop") is None
    assert (store.revision, store.readings.pulse().beat) == (before, after(0))


def test_of_several_runs_in_a_batch_the_last_state_stands_and_all_results_are_kept(
    store: Store,
) -> None:
    store.publish("api")

    store.commit(entry(H, 0), entry(C, 1), entry(C, 2, result=None, samples=()))

    row = store.readings.check("api")
    assert row is not None
    assert (row.state.last_at, row.due, row.response_ms) == (after(2), after(32), None)
    assert store.count(schema.results) == 2


def test_a_state_that_moved_without_a_run_keeps_the_last_numbers(store: Store) -> None:
    store.publish("api")
    store.commit(entry(result=result(response_time_ms=7.0, details={"ip": "::1"})))

    store.commit(entry(C, 5, result=None))

    row = store.readings.check("api")
    assert row is not None
    assert (row.metrics, row.details, row.response_ms) == ({"ms": 12.0}, {"ip": "::1"}, 7.0)


def test_a_result_of_the_same_moment_is_stored_once_and_the_last_one_wins(store: Store) -> None:
    store.publish("api")

    store.commit(entry(H, 0), entry(C, 0))

    (kept,) = store.readings.results(store.check_id(), start=after(-1), limit=9)
    assert kept.status is C


def test_the_message_of_a_healthy_run_is_not_kept(store: Store) -> None:
    store.publish("api")

    store.commit(entry(H))

    (kept,) = store.readings.results(store.check_id(), start=after(-1), limit=9)
    assert (kept.message, kept.cause, kept.mark) == (None, None, Mark.NONE)


def test_a_run_of_a_check_that_was_removed_meanwhile_goes_nowhere(store: Store) -> None:
    store.publish("api")

    store.commit(entry(check="gone"), entry())

    assert store.count(schema.results) == 1


def test_samples_of_no_check_are_stored_and_bad_numbers_are_counted(store: Store) -> None:
    store.commit(samples=(sample(1, name="cpu"), sample(math.nan, 1), sample(math.inf, 2)))

    assert store.count(schema.samples) == 1
    assert store.journal.refused == {Refusal.NOT_A_NUMBER: 2}


def test_publishing_again_keeps_states_and_ids(store: Store) -> None:
    first = store.publish("api", "shop")
    store.commit(entry(C))
    identity = store.check_id()

    states = store.publish("api", about={"title": "new"})

    assert first["api"] == CheckState(check="api")
    assert set(states) == {"api"}
    assert states["api"].hard is C
    row = store.readings.check("api")
    assert row is not None
    assert (row.id, row.about["title"]) == (identity, "new")


def test_a_check_that_is_no_longer_watched_leaves_the_board_and_keeps_its_history(
    store: Store,
) -> None:
    store.publish("api", "shop")
    store.commit(entry(C))
    identity = store.check_id()

    store.publish("shop")

    assert [row.name for row in store.readings.board(after(0)).checks] == ["shop"]
    assert len(store.readings.results(identity, start=after(-1), limit=9)) == 1


def test_a_check_that_comes_back_remembers_what_it_was(store: Store) -> None:
    store.publish("api")
    store.commit(entry(C))
    store.publish()

    assert store.publish("api")["api"].hard is C


def test_the_fields_of_each_kind_are_published_for_the_forms(store: Store) -> None:
    catalogue.publish(store.engine, {"http": {"type": "object"}, "gone": {"type": "object"}})
    catalogue.publish(store.engine, {"http": {"type": "string"}})

    with store.reading() as connection:
        rows = connection.execute(schema.catalogue.select()).all()
    assert [(row.kind, row.schema) for row in rows] == [("http", {"type": "string"})]


@pytest.mark.parametrize("nasty", ["a\0b", "lone \ud800 surrogate", "'; DROP TABLE results;--"])
def test_text_that_no_database_can_hold_spoils_no_batch(store: Store, nasty: str) -> None:
    store.publish("api")
    state = CheckState(check="api", last_message=nasty)
    told = replace(line(), message=nasty, reason=nasty)
    decided = Decision(subject="s", gate="g", at=after(0), reason="r", detail=nasty)
    run = result(C, message=nasty, details={"body": nasty, "deep": [{nasty: 1}]})

    store.commit(entry(state=state, result=run, transitions=(told,), decisions=(decided,)))

    (kept,) = store.readings.results(store.check_id(), start=after(-1), limit=9)
    assert kept.message == nasty.replace("\0", "\ufffd").replace("\ud800", "\ufffd")


def test_numbers_that_json_can_not_tell_become_nothing(store: Store) -> None:
    store.publish("api")

    store.commit(entry(result=result(metrics={"a": math.inf, "b": math.nan}), samples=()))

    row = store.readings.check("api")
    assert row is not None
    assert row.metrics == {"a": None, "b": None}


def test_a_state_written_by_a_newer_version_is_read_without_what_is_unknown() -> None:
    assert decode_state({"check": "api", "hard": 4, "of tomorrow": 1}).hard is Status.CRITICAL


def test_a_notice_stands_until_it_is_withdrawn(store: Store) -> None:
    store.journal.notify("config", "error", "The configuration is refused.", after(0))
    (up,) = store.readings.board(after(0)).notices

    store.journal.withdraw("config")

    assert (up.key, up.level, up.at) == ("config", "error", after(0))
    assert store.readings.board(after(0)).notices == ()


def test_a_notice_that_stands_already_keeps_its_time(store: Store) -> None:
    store.journal.notify("config", "error", "Refused.", after(0))
    before = store.revision

    store.journal.notify("config", "error", "Refused.", after(60))

    assert [each.at for each in store.readings.board(after(60)).notices] == [after(0)]
    assert store.revision == before


def test_a_notice_with_another_text_replaces_the_old_one(store: Store) -> None:
    store.journal.notify("config", "error", "Refused.", after(0))

    store.journal.notify("config", "warning", "Half refused.", after(60))

    (up,) = store.readings.board(after(60)).notices
    assert (up.level, up.text, up.at) == ("warning", "Half refused.", after(60))


def test_a_gap_in_the_measuring_is_on_record(store: Store) -> None:
    store.journal.record_gap(store.lease, after(0), after(90), "no monitor was running")

    (gap,) = store.readings.gaps(after(60))
    assert (gap.started, gap.ended, gap.reason) == (after(0), after(90), "no monitor was running")
    assert store.readings.gaps(after(90)) == ()


def test_series_of_before_a_start_are_looked_up_before_the_store_is_locked(store: Store) -> None:
    many = tuple(sample(1.0, check=f"check-{number}") for number in range(20))
    store.commit(samples=many)
    locked: list[str] = []

    def note(connection: Connection, _: object, statement: str, *__: object) -> None:
        if not connection.get_execution_options().get(drivers.READ):
            locked.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    Journal(store.engine).commit(store.lease, [], [*many, sample(1.0, check="a new one")])

    # To find the new one's place and to make it: the others are known by then.
    assert sum("FROM series" in statement for statement in locked) <= 2
    assert store.count(schema.series) == 21
