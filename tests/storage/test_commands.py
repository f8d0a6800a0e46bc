"""Commands: asked for by others, run at most once by the leader, answered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from storage import schema
from storage.commands import (
    ABANDONED,
    Command,
    CommandState,
    Reply,
    answer,
    reply,
    request,
    take,
)
from storage.leadership import LeadershipLost
from tests.storage.stores import Store, after, lead


def ask(store: Store, subject: str = "api", seconds: float = 0) -> int:
    return request(store.engine, "check", subject, actor="ann", now=after(seconds))


def test_a_command_is_taken_with_what_was_asked(store: Store) -> None:
    number = request(
        store.engine, "try", "api", actor="ann", now=after(0), arguments={"url": "http://a"}
    )

    (taken,) = take(store.engine, store.lease, after(1))

    assert taken == Command(
        id=number, verb="try", subject="api", arguments={"url": "http://a"}, actor="ann"
    )


def test_commands_are_taken_oldest_first(store: Store) -> None:
    numbers = [ask(store, name) for name in "abc"]

    assert [each.id for each in take(store.engine, store.lease, after(1))] == numbers


def test_a_command_is_taken_at_most_once(store: Store) -> None:
    ask(store)

    first = take(store.engine, store.lease, after(1))
    second = take(store.engine, store.lease, after(1))

    assert (len(first), second) == (1, ())


def test_a_command_is_taken_at_most_once_also_by_many_at_once(store: Store) -> None:
    numbers = [ask(store, str(number)) for number in range(20)]

    with ThreadPoolExecutor(4) as pool:
        takes = pool.map(lambda _: take(store.engine, store.lease, after(1)), range(8))
        taken = [each.id for batch in takes for each in batch]

    assert sorted(taken) == numbers


def test_an_expired_command_never_runs(store: Store) -> None:
    number = ask(store)

    assert take(store.engine, store.lease, after(60)) == ()
    assert take(store.engine, store.lease, after(1)) == ()
    assert reply(store.engine, number) == Reply(state=CommandState.EXPIRED, document=None)


def test_a_command_may_be_given_longer_than_a_minute(store: Store) -> None:
    request(store.engine, "x", "y", actor="ann", now=after(0), expires=timedelta(minutes=5))

    assert len(take(store.engine, store.lease, after(299))) == 1


@pytest.mark.parametrize(("ok", "state"), [(True, "done"), (False, "failed")])
def test_the_reply_is_found_by_the_commands_number(store: Store, ok: bool, state: str) -> None:
    number = ask(store)
    pending = reply(store.engine, number)
    take(store.engine, store.lease, after(1))
    taken = reply(store.engine, number)

    answer(store.engine, number, ok=ok, document={"status": "healthy"}, now=after(2))

    assert pending == Reply(state=CommandState.PENDING, document=None)
    assert taken == Reply(state=CommandState.TAKEN, document=None)
    assert reply(store.engine, number) == Reply(
        state=CommandState(state), document={"status": "healthy"}
    )


def test_there_is_no_reply_to_a_command_nobody_gave(store: Store) -> None:
    assert reply(store.engine, 4711) is None


def test_what_was_not_taken_or_is_answered_already_is_not_answered(store: Store) -> None:
    untaken, done = ask(store), ask(store, "shop")
    answer(store.engine, untaken, ok=True, document={}, now=after(1))
    take(store.engine, store.lease, after(1))
    answer(store.engine, done, ok=True, document={"first": True}, now=after(2))

    answer(store.engine, done, ok=False, document={"first": False}, now=after(3))

    assert reply(store.engine, untaken) == Reply(state=CommandState.TAKEN, document=None)
    assert reply(store.engine, done) == Reply(state=CommandState.DONE, document={"first": True})


def test_a_monitor_that_lost_its_lease_takes_no_command(store: Store) -> None:
    number = ask(store)
    new = lead(store.engine, "two")

    with pytest.raises(LeadershipLost):
        take(store.engine, store.lease, after(61))

    assert reply(store.engine, number) == Reply(state=CommandState.PENDING, document=None)
    assert len(take(store.engine, new, after(1))) == 1


def test_a_command_moves_the_change_counter_and_is_in_the_audit(store: Store) -> None:
    changes, revision = store.change_counter, store.revision

    ask(store)

    (row,) = store.readings.audit("command", "api", 9)
    assert (row.actor, row.action, row.at) == ("ann", "check", after(0))
    assert (store.change_counter, store.revision) == (changes + 1, revision)


def test_a_command_that_can_not_be_stored_leaves_no_trace(store: Store) -> None:
    changes = store.change_counter

    with pytest.raises(DBAPIError):
        request(store.engine, "check", None, actor="ann", now=after(0))  # type: ignore[arg-type]

    assert (store.count(schema.commands), store.count(schema.audit)) == (0, 0)
    assert store.change_counter == changes


def test_what_a_dead_monitor_had_taken_is_answered_as_failed_by_the_next_leader(
    store: Store,
) -> None:
    number = ask(store)
    take(store.engine, store.lease, after(1))
    new = lead(store.engine, "two", after(20))

    assert take(store.engine, new, after(20)) == ()

    failed = Reply(state=CommandState.FAILED, document={"error": ABANDONED})
    assert reply(store.engine, number) == failed


def test_a_late_answer_of_the_former_leader_changes_nothing(store: Store) -> None:
    number = ask(store)
    take(store.engine, store.lease, after(1))
    take(store.engine, lead(store.engine, "two", after(20)), after(20))

    answer(store.engine, number, ok=True, document={"status": "healthy"}, now=after(21))

    failed = Reply(state=CommandState.FAILED, document={"error": ABANDONED})
    assert reply(store.engine, number) == failed


def test_a_leader_that_takes_again_leaves_what_it_is_carrying_out(store: Store) -> None:
    number = ask(store)
    take(store.engine, store.lease, after(1))

    take(store.engine, store.lease, after(300))

    assert reply(store.engine, number) == Reply(state=CommandState.TAKEN, document=None)


def test_a_command_that_expired_while_nobody_led_is_not_run_by_the_next_leader(
    store: Store,
) -> None:
    number = ask(store)
    new = lead(store.engine, "two", after(90))

    assert take(store.engine, new, after(90)) == ()

    assert reply(store.engine, number) == Reply(state=CommandState.EXPIRED, document=None)
