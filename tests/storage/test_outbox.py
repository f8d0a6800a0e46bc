"""The outbox in the store: leased once, in order, settled once, and never without an end."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from domain.outbox import Delivery, DeliveryState, Outcome, Settled, delivered, failed, refused
from domain.paging import Event
from storage import outbox, schema
from storage.leadership import LeadershipLost
from tests.storage.stores import Store, after, lead

DAY = 24 * 3600
FALLBACKS = {"mail": "chat"}


class Post:
    """The outbox of a store, with short ways to write, lease and settle."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._incidents: set[str] = set()

    def put(
        self, channel: str = "mail", incident: str = "A", event: str = "trigger", **more: Any
    ) -> int:
        with self.store.engine.begin() as connection:
            if incident not in self._incidents:
                connection.execute(insert(schema.incidents).values(incident_row(incident)))
                self._incidents.add(incident)
            line = {"incident_id": incident, "at": after(0), "actor": "x", "action": "opened"}
            rest = {"stage": "new", "severity": 3, "reason": "down"}
            made = connection.execute(
                insert(schema.incident_lines)
                .values(**line, **rest)
                .returning(schema.incident_lines.c.id)
            ).scalar_one()
            row = {
                "key": f"{made}:{channel}",
                "incident_id": incident,
                "line_id": made,
                "fingerprint": f"check:{incident}",
                "channel": channel,
                "event": event,
                "body": {"title": "t"},
                "state": "pending",
                "reason": "sent",
                "attempts": 0,
                "created_at": after(0),
                "due": after(0),
                **more,
            }
            statement = insert(schema.outbox).values(row).returning(schema.outbox.c.id)
            return int(connection.execute(statement).scalar_one())

    def lease(self, seconds: float = 0, **more: Any) -> tuple[Delivery, ...]:
        return outbox.lease(self.store.engine, self.store.lease, after(seconds), **more)

    def settle(self, delivery: Delivery, outcome: Outcome, seconds: float = 0) -> Settled | None:
        engine, lease = self.store.engine, self.store.lease
        return outbox.settle(engine, lease, delivery, outcome, after(seconds), FALLBACKS)

    def told(self, incident: str = "A") -> list[tuple[str, str, str]]:
        rows = outbox.recent(self.store.engine, incident)
        return [(row.channel, row.event.value, row.state.value) for row in rows]


def incident_row(name: str) -> dict[str, Any]:
    flags = {"is_open": True, "flapping": False, "sticky": False, "held": False}
    texts = {"component": name, "kind": "http", "title": "t", "stage": "new", "resolution": ""}
    numbers = {"severity": 3, "state_severity": 3, "version": 1}
    return {
        "id": name,
        "fingerprint": f"check:{name}",
        "opened_at": after(0),
        **flags,
        **texts,
        **numbers,
    }


@pytest.fixture
def post(store: Store) -> Post:
    return Post(store)


def test_a_row_that_is_due_is_leased_once(post: Post) -> None:
    number = post.put()

    (leased,) = post.lease()

    assert (leased.id, leased.event, leased.attempts) == (number, Event.TRIGGER, 0)
    assert post.lease() == ()


def test_a_row_is_not_leased_before_it_is_due(post: Post) -> None:
    post.put(due=after(30))

    assert post.lease(29) == ()
    assert len(post.lease(30)) == 1


def test_a_row_leased_by_a_process_that_died_is_leased_again_with_the_same_key(post: Post) -> None:
    post.put()
    (first,) = post.lease()

    assert post.lease(59) == ()
    (second,) = post.lease(60)
    settled = post.settle(second, delivered(), 61)

    assert second.key == first.key
    # The one that died may have sent it.
    assert settled is not None
    assert [row.attempts for row in outbox.recent(post.store.engine, "A")] == [2]


def test_a_new_leader_takes_back_what_the_one_before_it_had_leased(post: Post) -> None:
    post.put()
    (first,) = post.lease()
    engine = post.store.engine
    successor = lead(engine, "two")

    assert outbox.take_back(engine, successor) == 1
    (second,) = outbox.lease(engine, successor, after(0))

    # What was leased when the leader ended may have been sent, and counts as an attempt.
    assert (second.key, first.attempts, second.attempts) == (first.key, 0, 1)
    with pytest.raises(LeadershipLost):
        outbox.take_back(engine, post.store.lease)


def test_a_monitor_that_lost_the_leadership_neither_leases_nor_settles(post: Post) -> None:
    post.put()
    post.put(incident="B")
    (first, _) = post.lease()
    lead(post.store.engine, "two")

    with pytest.raises(LeadershipLost):
        post.settle(first, delivered())
    with pytest.raises(LeadershipLost):
        post.lease(60)

    assert post.told() == [("mail", "trigger", "leased")]


def test_a_resolve_never_overtakes_its_trigger(post: Post) -> None:
    post.put()
    post.put(event="resolve")

    (trigger,) = post.lease()
    while_sent = post.lease()
    post.settle(trigger, failed("down"), 0)
    while_waiting = post.lease(4)
    (again,) = post.lease(5)
    post.settle(again, delivered(), 5)
    (resolve,) = post.lease(5)

    assert (while_sent, while_waiting) == ((), ())
    assert (again.event, resolve.event) == (Event.TRIGGER, Event.RESOLVE)


def test_a_resolve_waits_for_a_trigger_that_is_not_due_yet(post: Post) -> None:
    post.put(due=after(30))
    post.put(event="resolve")

    assert post.lease(29) == ()
    assert [each.event for each in post.lease(30)] == [Event.TRIGGER]


def test_a_channel_that_fails_is_tried_with_its_oldest_row_alone(post: Post) -> None:
    for incident in "ABC":
        post.put(incident=incident)
    first, *others = post.lease()
    post.settle(first, failed("down"))
    outbox.release(post.store.engine, post.store.lease, others)

    early = post.lease(4)
    (probe,) = post.lease(5)
    post.settle(probe, delivered(), 6)
    rest = post.lease(6)

    assert early == ()
    assert probe.incident_id == "A"
    assert [each.incident_id for each in rest] == ["B", "C"]


def test_a_channel_that_fails_does_not_hold_another_back(post: Post) -> None:
    post.put("mail")
    post.put("chat")
    mail, _chat = post.lease()
    post.settle(mail, failed("down"))
    post.put("mail", "B")
    post.put("chat", "B")

    assert [each.channel for each in post.lease(1)] == ["chat"]


def test_channels_that_are_busy_are_left_out(post: Post) -> None:
    post.put("mail")
    post.put("chat")

    assert [each.channel for each in post.lease(busy={"mail"})] == ["chat"]


def test_no_more_rows_are_leased_than_asked_for(post: Post) -> None:
    for incident in "ABCDE":
        post.put("mail", incident)
        post.put("chat", incident)

    assert len(post.lease(limit=7)) == 7


def test_a_delivery_that_was_taken_shows_it_and_when(post: Post) -> None:
    post.put()
    revision = post.store.revision
    (leased,) = post.lease()

    post.settle(leased, delivered("HTTP 204"), 3)

    (row,) = outbox.recent(post.store.engine, "A")
    assert (row.state, row.reason, row.attempts) == (DeliveryState.DELIVERED, "HTTP 204", 1)
    assert row.settled_at == after(3)
    assert post.store.revision == revision + 1
    assert not outbox.is_waiting(post.store.engine)


def test_a_delivery_is_settled_once(post: Post) -> None:
    post.put()
    (leased,) = post.lease()
    post.settle(leased, delivered())

    assert post.settle(leased, refused("no")) is None
    assert post.told() == [("mail", "trigger", "delivered")]


def test_a_try_that_was_overtaken_by_a_later_one_is_not_settled(post: Post) -> None:
    post.put()
    (slow,) = post.lease()
    (again,) = post.lease(60)
    post.settle(again, failed("down"), 61)
    post.lease(66)

    assert post.settle(slow, delivered(), 67) is None


def test_the_fallback_takes_over_what_its_channel_can_not_deliver(post: Post) -> None:
    post.put()
    (leased,) = post.lease()

    post.settle(leased, refused("HTTP 401"))

    dead, taken_over = outbox.recent(post.store.engine, "A")
    assert (dead.state, dead.reason) == (DeliveryState.DEAD, "refused: HTTP 401")
    assert (taken_over.channel, taken_over.state) == ("chat", DeliveryState.PENDING)
    assert taken_over.reason == "in place of mail: refused: HTTP 401"
    (next_one,) = post.lease()
    assert next_one.key == f"{dead.line_id}:chat"


def test_a_fallback_that_was_told_in_its_own_right_is_not_told_twice(post: Post) -> None:
    post.put()
    (leased,) = post.lease()
    (row,) = outbox.recent(post.store.engine, "A")
    own: dict[str, Any] = {
        "key": f"{row.line_id}:chat",
        "line_id": row.line_id,
        "state": "delivered",
    }
    post.put("chat", **own)

    post.settle(leased, refused("no"))

    assert post.told() == [("mail", "trigger", "dead"), ("chat", "trigger", "delivered")]


def test_a_resolve_whose_trigger_died_goes_by_the_fallback_that_carried_it(post: Post) -> None:
    post.put()
    post.put(event="resolve")
    (trigger,) = post.lease()

    post.settle(trigger, refused("no"))

    assert post.told() == [
        ("mail", "trigger", "dead"),
        ("mail", "resolve", "cancelled"),
        ("chat", "trigger", "pending"),
        ("chat", "resolve", "pending"),
    ]
    assert "its trigger was not delivered" in outbox.recent(post.store.engine, "A")[1].reason


def test_a_dead_row_without_a_fallback_releases_its_line(post: Post) -> None:
    post.put("chat")
    post.put("chat")
    post.put("chat", event="resolve")
    (first,) = post.lease()
    post.settle(first, refused("no"))

    (second,) = post.lease()
    post.settle(second, refused("no"))

    assert [state for _, _, state in post.told()] == ["dead", "dead", "cancelled"]
    assert not outbox.is_waiting(post.store.engine)


def test_after_24_hours_everything_as_old_dies_with_the_probe(post: Post) -> None:
    for incident in "ABC":
        post.put(incident=incident)
    post.put(incident="D", created_at=after(3600))
    first, *others = post.lease()
    outbox.release(post.store.engine, post.store.lease, others)

    (abandoned, *rest) = post.lease(DAY)
    outbox.release(post.store.engine, post.store.lease, rest)
    post.settle(abandoned, failed("down"), DAY)

    assert first.id == abandoned.id
    for incident in "ABC":
        assert post.told(incident) == [("mail", "trigger", "dead"), ("chat", "trigger", "pending")]
    assert post.told("D") == [("mail", "trigger", "pending")]


def test_a_row_that_is_cancelled_ends_with_its_reason(post: Post) -> None:
    post.put()
    (leased,) = post.lease()

    ended = outbox.cancel(post.store.engine, post.store.lease, leased, "gone", after(1))

    (row,) = outbox.recent(post.store.engine, "A")
    assert ended
    assert (row.state, row.reason) == (DeliveryState.CANCELLED, "gone")


def test_the_health_of_a_channel_tells_failures_and_what_waits_and_what_died(post: Post) -> None:
    for incident in "ABC":
        post.put(incident=incident)
    first, second, _ = post.lease()
    post.settle(first, delivered(), 1)
    post.settle(second, refused("HTTP\0 400"), 2)

    chat, mail = outbox.health(post.store.engine)

    assert (mail.channel, mail.failures, mail.pending, mail.dead) == ("mail", 1, 1, 1)
    assert (mail.last_delivered, mail.last_dead) == (after(1), after(2))
    assert mail.last_error == "HTTP\ufffd 400"
    assert (chat.pending, chat.dead, chat.last_error) == (1, 0, None)
