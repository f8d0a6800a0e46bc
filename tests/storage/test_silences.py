"""Silences as rows, and what they do to pages that wait, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Row, select, update

from domain.facts import CheckState, Detail, Status
from domain.incidents import Incident, problem_of
from domain.matching import Match, Subject
from domain.outbox import Outcome, Verdict
from domain.paging import Recipient, severities
from domain.silences import Silence
from storage import definitions, outbox, schema, silences
from storage.incidents import newest, take_up
from storage.journal import Published
from storage.silences import UnknownSilence
from tests.storage.stores import NOW, Store, after

OPS = Recipient(name="ops", severities=severities(()))
API = Match(name=("api",))
ABOUT = {"tags": ["eu"], "group": "Shop"}


def mute(
    store: Store, match: Match = API, start: float = 0, end: float = 3600, now: datetime = NOW
) -> Silence:
    return silences.silence(
        store.engine,
        match,
        author="ana",
        reason="known",
        starts_at=now + timedelta(seconds=start),
        ends_at=now + timedelta(seconds=end),
        now=now,
    )


def fail(store: Store, name: str = "api", seconds: float = 0) -> Incident:
    """A check is critical for good; `ops` is to be told."""
    at = after(seconds)
    state = CheckState(check=name, hard=Status.CRITICAL, last_at=at)
    problem = problem_of(state, "http", at)
    with store.engine.begin() as connection:
        take_up(connection, [problem], [OPS])
        found = newest(connection, problem.fingerprint)
    assert found is not None
    return found


def incident(store: Store, name: str = "api") -> Incident:
    with store.engine.begin() as connection:
        found = newest(connection, f"check:{name}")
    assert found is not None
    return found


def deliveries(store: Store) -> list[Row[tuple[str, str]]]:
    query = select(schema.outbox.c.state, schema.outbox.c.reason).order_by(schema.outbox.c.id)
    with store.reading() as connection:
        return list(connection.execute(query))


def states(store: Store) -> list[str]:
    return [row.state for row in deliveries(store)]


def test_a_silence_is_read_as_it_was_made_and_audited(store: Store) -> None:
    made = mute(store, Match(name=("shop-*",), severity=("minor", "major")))

    assert silences.listed(store.engine, NOW) == (made,)
    (row,) = store.readings.audit("silence", str(made.id), 9)
    assert (row.actor, row.action, row.before) == ("ana", "silence", None)
    assert row.after == {
        "match": {"name": ["shop-*"], "severity": ["minor", "major"]},
        "reason": "known",
        "starts_at": NOW.isoformat(),
        "ends_at": after(3600).isoformat(),
    }


def test_making_and_ending_one_moves_the_counters(store: Store) -> None:
    before = store.change_counter, store.revision
    made = mute(store)
    silences.end(store.engine, made.id, actor="ben", now=after(1))

    assert (store.change_counter, store.revision) == (before[0] + 2, before[1] + 2)


def test_a_silence_from_now_on_holds_at_once_whatever_part_of_a_millisecond_it_is(
    store: Store,
) -> None:
    now = NOW + timedelta(microseconds=1_900)
    fail(store)

    made = mute(store, now=now)
    held = made.is_active(now), states(store)
    ended = silences.end(store.engine, made.id, actor="ben", now=now + timedelta(microseconds=90))

    assert held == (True, ["cancelled"])
    assert not ended.is_active(now + timedelta(microseconds=90))


def test_it_ends_once_and_by_one(store: Store) -> None:
    made = mute(store)

    def end(actor: str) -> bool:
        try:
            silences.end(store.engine, made.id, actor=actor, now=after(9))
        except UnknownSilence:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(end, ["ben", "cem", "dan", "eva"]))

    assert sum(ended) == 1
    (only,) = silences.listed(store.engine, NOW)
    assert (only.ends_at, only.ended_by in ("ben", "cem", "dan", "eva")) == (after(9), True)


@pytest.mark.parametrize("number", [0, -1, 999, 2**63 - 1, 2**63, 2**80])
def test_one_that_is_not_there_is_unknown(store: Store, number: int) -> None:
    with pytest.raises(UnknownSilence, match=str(number)):
        silences.end(store.engine, number, actor="ben", now=NOW)

    assert store.count(schema.audit) == 0


def test_the_edges_ahead_are_beginnings_and_ends(store: Store) -> None:
    mute(store, start=100, end=200)
    mute(store, start=-50, end=150)

    def ahead(seconds: float) -> datetime | None:
        with store.reading() as connection:
            return silences.next_edge(connection, after(seconds))

    assert [ahead(each) for each in (0, 100, 150, 200)] == [
        after(100),
        after(150),
        after(200),
        None,
    ]


def test_a_silence_takes_back_the_pages_of_its_incidents_alone(store: Store) -> None:
    fail(store)
    fail(store, "mail")

    mute(store)

    assert states(store) == ["cancelled", "pending"]
    assert deliveries(store)[0].reason == "silenced by ana: known"
    assert (incident(store).page_gate, incident(store, "mail").page_gate) == ("silenced", None)


def test_one_that_begins_later_takes_nothing_back_yet(store: Store) -> None:
    fail(store)

    mute(store, start=60)

    assert states(store) == ["pending"]


def test_a_page_that_is_being_sent_is_not_taken_back_and_holds_nothing(store: Store) -> None:
    fail(store)
    (delivery,) = outbox.lease(store.engine, store.lease, after(1))

    mute(store, now=after(1))
    during = states(store), incident(store).page_gate
    accepted = Outcome(verdict=Verdict.DELIVERED)
    outbox.settle(store.engine, store.lease, delivery, accepted, after(2), {})

    assert during == (["leased"], None)
    assert states(store) == ["delivered"]
    assert incident(store).page_gate is None


def test_a_page_that_was_taken_back_is_not_sent(store: Store) -> None:
    fail(store)

    mute(store)

    assert outbox.lease(store.engine, store.lease, after(1)) == ()


def test_silences_and_the_sender_at_once_leave_each_page_sent_or_taken_back(store: Store) -> None:
    names = [f"api-{number}" for number in range(12)]
    for name in names:
        fail(store, name)

    def hush(name: str) -> None:
        mute(store, Match(name=(name,)))

    def send() -> list[str]:
        sent: list[str] = []
        for _ in range(6):
            for each in outbox.lease(store.engine, store.lease, after(1), limit=2):
                accepted = Outcome(verdict=Verdict.DELIVERED)
                outbox.settle(store.engine, store.lease, each, accepted, after(1), {})
                sent.append(each.incident_id)
        return sent

    with ThreadPoolExecutor(4) as pool:
        sending = pool.submit(send)
        list(pool.map(hush, names))
        sent = sending.result()

    for name in names:
        found = incident(store, name)
        assert found.page_gate == (None if found.id in sent else "silenced"), name
    assert set(states(store)) <= {"delivered", "cancelled"}
    assert states(store).count("delivered") == len(sent)


def test_what_was_delivered_stays_delivered(store: Store) -> None:
    fail(store)
    with store.engine.begin() as connection:
        connection.execute(update(schema.outbox).values(state="delivered"))

    mute(store)

    assert states(store) == ["delivered"]
    assert incident(store).page_gate is None


def test_what_is_there_to_be_matched_are_watched_checks_and_rules_in_force(store: Store) -> None:
    tables: list[dict[str, Detail]] = [{"id": "queue", "metric": "q", "tags": ["shop"]}]
    published = [Published(name=name, kind="tcp", about=ABOUT) for name in ("api", "old")]
    store.journal.publish(store.lease, published)
    definitions.publish(store.engine, "rule", tables, "config.toml", NOW, key="id")

    # Only what is published last is watched.
    store.journal.publish(store.lease, published[:1])
    found = silences.present(store.engine)

    tags = frozenset({"eu"})
    assert found.checks == (Subject(name="api", kind="tcp", tags=tags, group="Shop"),)
    assert found.rules == (Subject(name="queue", kind="rule", tags=frozenset({"shop"})),)


def test_a_silence_that_could_not_be_written_any_more_is_still_read(store: Store) -> None:
    mute(store, Match(name=("x[",)))

    assert [each.match for each in silences.listed(store.engine, NOW)] == [Match(name=("x[",))]
