"""Deliveries: back-off, death, the channel's health, and what follows a trigger nobody got."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from domain.outbox import (
    LONGEST_TITLE,
    Companion,
    Delivery,
    DeliveryState,
    Health,
    after,
    channel_after,
    delivered,
    failed,
    key_of,
    message_of,
    orphans,
    refused,
    told_together,
)
from domain.paging import Event

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    id: int
    event: str
    state: str


def rows(*told: tuple[str, str]) -> list[Row]:
    return [Row(number, event, state) for number, (event, state) in enumerate(told, 1)]


def waits(attempts: int, retry_after_s: float | None = None) -> float:
    settled = after(failed("down", retry_after_s), attempts, NOW, NOW)
    assert settled.state is DeliveryState.RETRY
    return (settled.due - NOW).total_seconds()


def test_a_failed_try_is_repeated_after_5_s_doubling_to_60_s() -> None:
    assert [waits(attempts) for attempts in (1, 2, 3, 4, 5, 6, 5000)] == [5, 10, 20, 40, 60, 60, 60]


def test_the_other_side_may_ask_for_a_longer_pause_but_not_for_a_shorter_one() -> None:
    assert (waits(1, 300), waits(5, 1)) == (300, 60)


def test_what_was_delivered_has_ended_with_what_the_channel_said() -> None:
    settled = after(delivered("HTTP 200"), 1, NOW, NOW)

    assert (settled.state, settled.reason) == (DeliveryState.DELIVERED, "HTTP 200")


def test_what_is_refused_for_good_dies_at_once() -> None:
    settled = after(refused("HTTP 400"), 1, NOW, NOW)

    assert (settled.state, settled.reason) == (DeliveryState.DEAD, "refused: HTTP 400")


@pytest.mark.parametrize(
    ("hours", "state"), [(23.99, DeliveryState.RETRY), (24, DeliveryState.DEAD)]
)
def test_what_fails_for_24_hours_dies(hours: float, state: DeliveryState) -> None:
    assert after(failed("down"), 9, NOW, NOW + timedelta(hours=hours)).state is state


def test_what_is_delivered_after_more_than_24_hours_is_delivered() -> None:
    late = NOW + timedelta(hours=30)

    assert after(delivered(), 9, NOW, late).state is DeliveryState.DELIVERED


def test_a_channel_backs_off_with_each_failure_and_recovers_at_once() -> None:
    first = channel_after(Health(), failed("down"), NOW)
    second = channel_after(first, failed("down"), NOW)

    assert first == Health(failures=1, next_try=NOW + timedelta(seconds=5))
    assert second == Health(failures=2, next_try=NOW + timedelta(seconds=10))
    assert channel_after(second, delivered(), NOW) == Health()


def test_a_channel_that_refuses_is_not_spared_since_it_answers() -> None:
    failing = Health(failures=3, next_try=NOW)

    assert channel_after(failing, refused("HTTP 401"), NOW) == Health(failures=4)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([("trigger", "dead"), ("resolve", "pending")], (2,)),
        ([("trigger", "dead"), ("acknowledge", "retry"), ("resolve", "pending")], (2, 3)),
        ([("trigger", "dead"), ("trigger", "pending"), ("resolve", "pending")], ()),
        ([("trigger", "delivered"), ("trigger", "dead"), ("resolve", "pending")], ()),
        ([("trigger", "dead"), ("resolve", "leased")], ()),
        (
            [
                ("trigger", "delivered"),
                ("resolve", "delivered"),
                ("trigger", "dead"),
                ("resolve", "pending"),
            ],
            (4,),
        ),
    ],
)
def test_what_follows_a_trigger_that_nobody_got_is_an_orphan(
    told: list[tuple[str, str]], expected: tuple[int, ...]
) -> None:
    assert orphans(rows(*told)) == expected


BODY = {
    "title": "shop is critical",
    "severity": "critical",
    "component": "shop",
    "message": "{{7*7}}",
    "opened_at": NOW.isoformat(),
    "at": NOW.isoformat(),
    "stage": "new",
}


def delivery(*companions: Companion) -> Delivery:
    return Delivery(
        id=1,
        key=key_of(7, "mail"),
        incident_id="INC-1",
        channel="mail",
        event=Event.TRIGGER,
        body=BODY,
        attempts=0,
        created_at=NOW,
        due=NOW,
        companions=companions,
    )


def test_a_message_is_read_from_the_rows_body() -> None:
    message = message_of(delivery())

    assert (message.key, message.message, message.at) == ("7:mail", "{{7*7}}", NOW)
    assert message.others == ()


def test_a_message_names_those_that_go_along_as_well_as_they_can_be_read() -> None:
    long = Companion(id=2, incident_id="INC-2", body={**BODY, "title": "x" * 5000})
    empty = Companion(id=3, incident_id="INC-3", body={})

    made = delivery(long, empty)
    second, third = message_of(made).others

    assert made.rows == (1, 2, 3)
    assert (second.severity, second.link) == ("critical", "/incidents/INC-2")
    assert len(second.title) == LONGEST_TITLE
    assert (third.id, third.title) == ("INC-3", "INC-3")


def test_a_timeline_names_five_of_those_that_were_told_together_and_counts_the_rest() -> None:
    ids = [f"INC-{number}" for number in range(8)]

    assert told_together([]) == ""
    assert told_together(ids[:1]) == ", told together with INC-0"
    assert told_together(ids).endswith("INC-3, INC-4 and 3 more")
