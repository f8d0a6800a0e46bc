"""What comes with time alone, laid from rows, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from domain.facts import CheckState, Decision, Status
from domain.incidents import CLOSES_AFTER, Incident, Problem, Stage, problem_of
from domain.matching import Match
from domain.muting import Reason
from domain.operating import Order, Verb
from domain.paging import REPEAT_EVERY, Recipient, severities
from domain.rulestate import RuleState
from domain.silences import Silence
from storage import moments, schema, silences
from storage.incident_changes import IncidentChanges
from storage.incidents import newest
from storage.journal import Entry
from storage.rule_rows import Ruled
from tests.storage.stores import NOW, Store, after

ALL = severities(())
OPS, CHAT = Recipient(name="ops", severities=ALL), Recipient(name="chat", severities=ALL)
HOURS_5 = 5 * 3600.0


def fail(store: Store, seconds: float = 0, status: Status = Status.CRITICAL) -> Incident:
    """The check `api` reads this for good."""
    if "api" not in {row.name for row in store.readings.board(after(seconds)).checks}:
        store.publish("api")
    state = CheckState(check="api", hard=status, last_at=after(seconds))
    problem = problem_of(state, "http", after(seconds))
    store.commit(Entry(state=state, due=after(seconds + 30), problem=problem))
    return incident(store)


def fire(store: Store, seconds: float = 0, gate: Reason = Reason.PASSED, **more: object) -> None:
    """The rule `swap` is critical."""
    at, key = after(seconds), "rule:swap"
    problem = Problem(
        fingerprint=key,
        component="swap",
        kind="rule",
        at=at,
        status=Status.CRITICAL,
        gate=gate,
        message="90 %",
        **more,  # type: ignore[arg-type]
    )
    decision = Decision(subject=key, gate="incident", at=at, reason=gate.value)
    state = RuleState(rule="swap", level=Status.CRITICAL)
    entry = Ruled(fingerprint=key, state=state, at=at, problem=problem, decisions=(decision,))
    store.journal.commit(store.lease, [entry])


def incident(store: Store, key: str = "check:api") -> Incident:
    with store.engine.begin() as connection:
        found = newest(connection, key)
    assert found is not None
    return found


def sweep(
    store: Store, seconds: float, watched: Sequence[str] = ("check:api", "rule:swap")
) -> datetime | None:
    return store.journal.sweep(store.lease, frozenset(watched), after(seconds))


def mute(store: Store, seconds: float, lasts_s: float, match: Match) -> Silence:
    start = after(seconds)
    return silences.silence(
        store.engine,
        match,
        author="ana",
        reason="known",
        starts_at=start,
        ends_at=start + timedelta(seconds=lasts_s),
        now=start,
    )


def delivered(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(update(schema.outbox).values(state="delivered", settled_at=NOW))


def actions(store: Store) -> list[str]:
    query = select(schema.incident_lines.c.action).order_by(schema.incident_lines.c.id)
    with store.reading() as connection:
        return list(connection.scalars(query))


def events(store: Store) -> list[tuple[str, str, str]]:
    columns = (schema.outbox.c.channel, schema.outbox.c.event, schema.outbox.c.state)
    with store.reading() as connection:
        rows = connection.execute(select(*columns).order_by(schema.outbox.c.id)).all()
    return [(row[0], row[1], row[2]) for row in rows]


def decisions(store: Store) -> int:
    page = schema.decisions.c.gate == "page"
    with store.reading() as connection:
        return connection.execute(select(func.count()).where(page)).scalar_one()


def test_who_sends_is_woken_by_a_sweep_that_did_something_and_by_no_other(store: Store) -> None:
    woken: list[bool] = []
    store.journal.swept = lambda: woken.append(True)
    fail(store)
    fail(store, 60, status=Status.HEALTHY)
    sweep(store, 61, watched=["check:api"])
    assert woken == []

    sweep(store, 61 + CLOSES_AFTER.total_seconds(), watched=["check:api"])

    assert woken == [True]


def test_a_sweep_with_nothing_to_do_changes_nothing(store: Store) -> None:
    fail(store)
    before = store.revision, actions(store)

    assert sweep(store, 1) is None
    assert (store.revision, actions(store)) == before


def test_a_resolved_incident_closes_after_its_time_also_when_nobody_looked_meanwhile(
    store: Store,
) -> None:
    fail(store)
    fail(store, 60, Status.HEALTHY)

    sweep(store, 59 + CLOSES_AFTER.total_seconds())
    early = incident(store).stage
    sweep(store, 86_400)

    assert early is Stage.RESOLVED
    assert incident(store).stage is Stage.CLOSED
    assert actions(store)[-1] == "closed"


def test_what_nobody_takes_is_repeated_every_few_hours(store: Store) -> None:
    store.journal.recipients = (OPS,)
    fail(store)
    delivered(store)

    every = REPEAT_EVERY.total_seconds()
    for seconds in (every - 1, every, every + 10, every + 20):
        sweep(store, seconds)

    assert actions(store) == ["opened", "repeated"]
    assert events(store) == [("ops", "trigger", "delivered"), ("ops", "trigger", "pending")]


def test_a_silence_over_the_time_to_repeat_is_noted_once_and_not_with_each_sweep(
    store: Store,
) -> None:
    store.journal.recipients = (OPS,)
    fail(store)
    delivered(store)
    mute(store, 60, 2 * HOURS_5, Match(name=("api",)))

    for seconds in range(6):
        sweep(store, HOURS_5 + 10 * seconds)
    during = actions(store), decisions(store), incident(store).page_gate
    sweep(store, 60 + 2 * HOURS_5)

    told = ["opened", "silenced", "repeated"]
    assert during == (told, 2, "silenced")
    assert actions(store) == [*told, "silence ended", "released"]
    assert events(store)[-1] == ("ops", "trigger", "pending")


def test_a_rule_in_maintenance_is_not_repeated(store: Store) -> None:
    store.journal.recipients = (OPS,)
    fire(store)
    delivered(store)
    fire(store, 60, Reason.MAINTENANCE)

    sweep(store, HOURS_5)
    during = actions(store)
    fire(store, HOURS_5 + 10)
    sweep(store, HOURS_5 + 20)

    told = ["opened", "maintenance began"]
    assert during == told
    assert actions(store) == [*told, "maintenance ended", "repeated"]


def test_what_no_channel_takes_is_released_only_to_those_that_it_may_be_told(
    store: Store,
) -> None:
    fire(store, channels=("chat",))
    store.journal.recipients = (OPS,)

    for seconds in range(5):
        sweep(store, 10 + 10 * seconds)
    before = actions(store), decisions(store)
    store.journal.recipients = (OPS, CHAT)
    sweep(store, 60)
    sweep(store, 70)

    assert before == (["opened"], 1)
    assert actions(store) == ["opened", "released"]
    assert events(store) == [("chat", "trigger", "pending")]


def test_a_silence_that_begins_takes_back_what_waits_and_releases_it_at_its_end(
    store: Store,
) -> None:
    store.journal.recipients = (OPS,)
    fail(store)
    silences.silence(
        store.engine,
        Match(name=("api",)),
        author="ana",
        reason="known",
        starts_at=after(20),
        ends_at=after(40),
        now=after(10),
    )

    waiting = events(store)
    edge = sweep(store, 15)
    sweep(store, 20)
    muted = events(store)
    sweep(store, 40)

    assert (waiting, edge) == ([("ops", "trigger", "pending")], after(20))
    assert muted == [("ops", "trigger", "cancelled")]
    assert events(store) == [("ops", "trigger", "cancelled"), ("ops", "trigger", "pending")]


def test_an_acknowledgement_for_a_time_lapses_to_the_second(store: Store) -> None:
    store.journal.recipients = (OPS,)
    found = fail(store)
    delivered(store)
    order = Order(verb=Verb.ACKNOWLEDGE, lasts=timedelta(minutes=5))
    IncidentChanges(store.engine).carry_out(found.id, order, actor="ana", now=after(10))

    edge = sweep(store, 20)
    sweep(store, 310)

    assert edge == after(310)
    assert incident(store).stage is Stage.NEW
    assert actions(store)[-1] == "lapsed"


def test_what_nobody_watches_any_more_is_resolved_once(store: Store) -> None:
    store.journal.recipients = (OPS,)
    fire(store)
    delivered(store)

    sweep(store, 10, watched=())
    sweep(store, 20, watched=())

    found = incident(store, "rule:swap")
    assert (found.stage, found.resolution) == (Stage.RESOLVED, "no longer watched")
    assert [event for _, event, _ in events(store)] == ["trigger", "resolve"]


def test_the_next_moment_is_the_nearest_of_all_edges(store: Store) -> None:
    mute(store, 0, 500, Match(name=("x",)))
    mute(store, 0, 90, Match(name=("y",)))

    with store.reading() as connection:
        found = [moments.next_moment(connection, after(each)) for each in (0, 90, 500)]

    assert found == [after(90), after(500), None]
