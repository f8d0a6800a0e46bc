"""Rows of one group that are sent together: leased, settled and tried again as one message."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from domain.outbox import delivered, failed, refused
from storage import outbox, schema
from storage.bundles import LARGEST
from tests.storage.stores import Store, after, lead
from tests.storage.test_outbox import DAY, Post


@pytest.fixture
def post(store: Store) -> Post:
    return Post(store)


def wait(post: Post, incident: str, seconds: float = 0, channel: str = "mail") -> int:
    """A page that waits 30 s for its group from then on."""
    return post.put(
        channel,
        incident,
        group_key="tag:shop",
        reason="grouped",
        created_at=after(seconds),
        due=after(seconds + 30),
    )


def bundles(post: Post) -> list[str | None]:
    query = select(schema.outbox.c.bundle).order_by(schema.outbox.c.id)
    with post.store.reading() as connection:
        return list(connection.scalars(query))


def states(post: Post, incidents: str = "ABC") -> list[str]:
    return [state for incident in incidents for _, _, state in post.told(incident)]


def test_all_that_waits_is_leased_with_the_first_that_is_due(post: Post) -> None:
    numbers = [wait(post, name, seconds) for seconds, name in enumerate("ABC")]

    early = post.lease(29.5)
    (leased,) = post.lease(30)

    assert early == ()
    assert list(leased.rows) == numbers
    assert leased.key == f"{numbers[0]}:mail"
    assert states(post) == ["leased"] * 3
    assert post.lease(33) == ()


def test_rows_of_other_groups_and_channels_and_those_without_a_group_go_alone(post: Post) -> None:
    wait(post, "A")
    post.put("mail", "B", due=after(30))
    post.put("mail", "C", group_key="tag:db", reason="grouped", due=after(30))
    wait(post, "D", channel="chat")

    assert [each.companions for each in post.lease(30)] == [()] * 4


def test_a_message_tells_of_a_hundred_at_most_and_the_next_one_of_the_rest(post: Post) -> None:
    for number in range(LARGEST + 3):
        wait(post, f"I{number:03}")

    (first,) = post.lease(30)
    (second,) = post.lease(30)

    assert (len(first.rows), len(second.rows)) == (LARGEST, 3)
    assert not set(first.rows) & set(second.rows)


def test_all_of_a_message_is_settled_in_one_transaction(post: Post) -> None:
    for name in "ABC":
        wait(post, name)
    (leased,) = post.lease(30)
    revision = post.store.revision

    post.settle(leased, delivered(), 31)

    assert states(post) == ["delivered"] * 3
    assert post.store.revision == revision + 1
    assert post.settle(leased, delivered(), 32) is None


def test_what_a_dead_monitor_had_leased_together_goes_together_again_under_its_key(
    post: Post,
) -> None:
    for name in "AB":
        wait(post, name)
    (first,) = post.lease(30)
    engine, successor = post.store.engine, lead(post.store.engine, "two")

    outbox.take_back(engine, successor)
    wait(post, "C", 1)
    (again, *more) = outbox.lease(engine, successor, after(31))

    assert (again.key, again.rows) == (first.key, first.rows)
    assert [each.incident_id for each in more] == ["C"]


def test_one_that_a_dead_monitor_had_leased_alone_never_goes_along_with_another(
    post: Post,
) -> None:
    wait(post, "A")
    (alone,) = post.lease(30)
    engine, successor = post.store.engine, lead(post.store.engine, "two")
    outbox.take_back(engine, successor)
    wait(post, "B", 1)

    leased = outbox.lease(engine, successor, after(31))

    assert [(each.key, each.companions) for each in leased] == [
        (alone.key, ()),
        (leased[1].key, ()),
    ]


def test_a_lease_that_ran_out_is_taken_again_whole(post: Post) -> None:
    for name in "AB":
        wait(post, name)
    (first,) = post.lease(30)

    early, (again,) = post.lease(89), post.lease(90)

    assert early == ()
    assert (again.key, again.rows) == (first.key, first.rows)


def test_what_is_left_of_a_message_whose_first_row_was_taken_back_keeps_its_key(
    post: Post,
) -> None:
    first_row, second_row, third_row = (wait(post, name) for name in "ABC")
    (first,) = post.lease(30)
    post.settle(first, failed("down"), 30)
    with post.store.engine.begin() as connection:
        cancelled = {"state": "cancelled", "reason": "silenced", "settled_at": after(31)}
        connection.execute(
            update(schema.outbox).where(schema.outbox.c.id == first_row).values(cancelled)
        )

    (again,) = post.lease(35)

    assert (again.key, again.rows) == (first.key, (second_row, third_row))
    post.settle(again, delivered(), 36)
    assert states(post) == ["cancelled", "delivered", "delivered"]


def test_a_row_behind_an_earlier_one_of_its_incident_does_not_go_along(post: Post) -> None:
    post.put("mail", "B", due=after(600))
    wait(post, "A")
    wait(post, "B")

    (leased,) = post.lease(30)

    assert [leased.incident_id, *(each.incident_id for each in leased.companions)] == ["A"]


def test_what_follows_a_row_that_was_told_along_waits_for_it(post: Post) -> None:
    wait(post, "A")
    wait(post, "B")
    post.put("mail", "B", event="resolve")
    (leased,) = post.lease(30)

    during = post.lease(31)
    post.settle(leased, delivered(), 32)
    (resolve,) = post.lease(32)

    assert (during, resolve.event.value) == ((), "resolve")


def test_a_message_that_was_not_tried_is_given_back_whole(post: Post) -> None:
    for name in "AB":
        wait(post, name)
    (leased,) = post.lease(30)

    outbox.release(post.store.engine, post.store.lease, [leased])

    assert states(post, "AB") == ["pending", "pending"]
    assert [each.rows for each in post.lease(30)] == [leased.rows]


def test_a_message_to_a_channel_that_is_gone_is_cancelled_whole(post: Post) -> None:
    for name in "AB":
        wait(post, name)
    (leased,) = post.lease(30)

    assert outbox.cancel(post.store.engine, post.store.lease, leased, "gone", after(31))
    assert states(post, "AB") == ["cancelled", "cancelled"]


def test_what_dies_together_is_taken_over_together(post: Post) -> None:
    for name in "AB":
        wait(post, name)
    post.put("mail", "B", event="resolve")
    (leased,) = post.lease(30)

    post.settle(leased, refused("HTTP 401"), 31)

    assert post.told("A") == [("mail", "trigger", "dead"), ("chat", "trigger", "pending")]
    assert post.told("B") == [
        ("mail", "trigger", "dead"),
        ("mail", "resolve", "cancelled"),
        ("chat", "trigger", "pending"),
        ("chat", "resolve", "pending"),
    ]
    (taken_over,) = post.lease(31)
    assert len(taken_over.rows) == 2


def test_after_24_hours_a_message_dies_whole_though_its_rows_are_not_as_old(post: Post) -> None:
    wait(post, "A")
    wait(post, "B", 20)
    (leased,) = post.lease(30)
    post.settle(leased, failed("down"), 30)
    (again,) = post.lease(DAY)

    post.settle(again, failed("down"), DAY)

    assert [post.told(name)[0][2] for name in "AB"] == ["dead", "dead"]
    assert [post.told(name)[1][0] for name in "AB"] == ["chat", "chat"]


def test_a_channel_that_takes_no_more_bundles_is_told_of_each_by_its_own_key(post: Post) -> None:
    for name in "AB":
        wait(post, name)
    (leased,) = post.lease(30)
    post.settle(leased, failed("down"), 30)
    post.put("mail", "C", state="delivered", settled_at=after(30))
    with post.store.engine.begin() as connection:
        connection.execute(schema.channel_health.delete())

    one, other = post.lease(35, alone={"mail"})

    assert (one.companions, other.companions) == ((), ())
    assert one.key != other.key
    assert bundles(post)[:2] == [None, None]


def test_a_failing_channel_is_tried_with_one_message(post: Post) -> None:
    post.put("mail", "A")
    (first,) = post.lease()
    post.settle(first, failed("down"))
    for name in "BC":
        wait(post, name)

    probe = post.lease(31)

    assert [each.incident_id for each in probe] == ["A"]
