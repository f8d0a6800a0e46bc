"""What operators do with incidents, on both databases: allowed, refused, told, and audited."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from domain.facts import CheckState, Mark, Status
from domain.incidents import Incident, Problem, Severity, Stage, problem_of
from domain.operating import NotAllowed, Order, Verb
from domain.paging import Recipient
from storage import definitions
from storage.incident_changes import IncidentChanges, UnknownIncident
from storage.incident_readings import IncidentReadings
from storage.incidents import take_up
from storage.journal import Entry
from storage.schema import audit, outbox
from tests.storage.stores import C, H, Store, W, after

OPS = Recipient(name="ops", severities=frozenset({Severity.CRITICAL}))
CHAT = Recipient(name="chat", severities=frozenset({Severity.MINOR}))


class Desk:
    """An operator's desk over one store with the check `api`."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.changes = IncidentChanges(store.engine)
        self.readings = IncidentReadings(store.engine)
        store.publish("api")

    def reads(self, status: Status, seconds: float) -> None:
        """The check reads this now, and its incident follows, as the monitor writes it."""
        state = CheckState(check="api", hard=status, mark=Mark.NONE, last_at=after(seconds))
        problem = problem_of(state, "http", after(seconds))
        self.store.journal.recipients = (OPS, CHAT)
        self.store.commit(Entry(state=state, due=after(seconds + 30), problem=problem))

    def does(self, verb: Verb, seconds: float, actor: str = "mara", **more: object) -> Incident:
        order = Order(verb=verb, **more)  # type: ignore[arg-type]
        return self.changes.carry_out(self.last, order, actor=actor, now=after(seconds))

    def channels(self, *names: str) -> None:
        """These channels stand in the file, as the web reads them."""
        tables = [{"name": name, "kind": "log"} for name in names]
        definitions.publish(self.store.engine, "channel", tables, "config.toml", after(0))

    @property
    def last(self) -> str:
        return self.readings.since(after(-1), 10)[0].id

    def lines(self) -> list[tuple[str, str]]:
        told = self.readings.tell(self.last)
        assert told is not None
        return [(line.actor, line.action) for line in told.lines]

    def sent(self) -> list[tuple[str, str]]:
        with self.store.reading() as connection:
            rows = connection.execute(select(outbox).order_by(outbox.c.id)).all()
        return [(row.channel, row.event) for row in rows]


@pytest.fixture
def desk(store: Store) -> Desk:
    """A desk with one critical incident."""
    desk = Desk(store)
    desk.reads(C, 0)
    return desk


def test_an_acknowledgement_says_who_and_when_and_moves_what_screens_show(desk: Desk) -> None:
    revision, changes = desk.store.revision, desk.store.change_counter

    taken = desk.does(Verb.ACKNOWLEDGE, 10)

    assert (taken.stage, taken.acknowledged_by) == (Stage.ACKNOWLEDGED, "mara")
    assert taken.acknowledged_at == after(10)
    assert desk.store.revision > revision
    assert desk.store.change_counter > changes
    assert desk.lines() == [("nocturne", "opened"), ("mara", "acknowledged")]


def test_a_second_acknowledgement_is_refused_and_says_who_was_first(desk: Desk) -> None:
    desk.does(Verb.ACKNOWLEDGE, 10)

    with pytest.raises(NotAllowed, match="acknowledged by mara already"):
        desk.does(Verb.ACKNOWLEDGE, 11, actor="jonas")

    assert desk.readings.open()[0].acknowledged_by == "mara"


def test_an_unknown_incident_is_named(desk: Desk) -> None:
    with pytest.raises(UnknownIncident, match="INC-20260301-9999"):
        desk.changes.carry_out(
            "INC-20260301-9999", Order(verb=Verb.ACKNOWLEDGE), actor="mara", now=after(1)
        )


def test_a_rise_in_severity_drops_an_acknowledgement_and_keeps_a_sticky_one(store: Store) -> None:
    found = {}
    desk = Desk(store)
    for start, sticky in ((0, False), (5000, True)):
        desk.reads(W, start)
        desk.does(Verb.ACKNOWLEDGE, start + 10, sticky=sticky)
        desk.reads(C, start + 20)
        found[sticky] = desk.readings.open()[0].acknowledged_by
        desk.reads(H, start + 30)

    assert found == {False: None, True: "mara"}


def test_an_acknowledgement_is_told_only_to_channels_that_were_told_of_the_incident(
    desk: Desk,
) -> None:
    desk.does(Verb.ACKNOWLEDGE, 10)

    assert desk.sent() == [("ops", "trigger"), ("ops", "acknowledge")]


def test_nobody_is_told_of_a_comment_an_assignment_or_a_move(desk: Desk) -> None:
    desk.does(Verb.COMMENT, 10, text="looking at the disk")
    desk.does(Verb.ASSIGN, 11, assignee="jonas")
    desk.does(Verb.INVESTIGATE, 12)
    desk.does(Verb.PROGRESS, 13)

    assert desk.sent() == [("ops", "trigger")]
    assert desk.readings.open()[0].assignee == "jonas"
    assert [action for _, action in desk.lines()[1:]] == [
        "commented",
        "assigned",
        "moved",
        "moved",
    ]


def test_what_is_still_bad_is_not_resolved_without_force(desk: Desk) -> None:
    with pytest.raises(NotAllowed, match="api is still bad"):
        desk.does(Verb.RESOLVE, 10)

    assert desk.readings.open()[0].stage is Stage.NEW
    assert desk.sent() == [("ops", "trigger")]


def test_a_forced_resolution_holds_until_the_check_was_healthy_once(desk: Desk) -> None:
    resolved = desk.does(Verb.RESOLVE, 10, force=True, text="known, the vendor is on it")
    desk.reads(C, 20)
    still_held = desk.readings.open()
    desk.reads(H, 30)
    desk.reads(C, 40)

    assert resolved.held
    assert resolved.resolution == "known, the vendor is on it"
    assert still_held == ()
    assert [each.component for each in desk.readings.open()] == ["api"]


def test_a_resolution_is_told_to_those_who_were_told(desk: Desk) -> None:
    desk.does(Verb.RESOLVE, 10, force=True)

    assert desk.sent() == [("ops", "trigger"), ("ops", "resolve")]


def test_reopening_by_hand_what_is_still_bad_pages_and_holds_the_check_no_longer(
    desk: Desk,
) -> None:
    desk.does(Verb.ACKNOWLEDGE, 5)
    desk.does(Verb.RESOLVE, 10, force=True)
    desk.channels("ops")

    reopened = desk.does(Verb.REOPEN, 20)

    assert (reopened.stage, reopened.resolved_at) == (Stage.NEW, None)
    assert (reopened.held, reopened.acknowledged_by, reopened.page_gate) == (False, None, None)
    assert [event for _, event in desk.sent()] == ["trigger", "acknowledge", "resolve", "trigger"]
    assert desk.lines()[-1] == ("mara", "reopened")


def test_an_incident_is_not_reopened_while_another_stands_for_its_check(desk: Desk) -> None:
    first = desk.last
    desk.reads(H, 10)
    desk.reads(C, 10 + 11 * 60)

    with pytest.raises(NotAllowed, match="stands for api already"):
        desk.changes.carry_out(first, Order(verb=Verb.REOPEN), actor="mara", now=after(1000))


def test_a_closed_incident_takes_no_comment_and_is_not_reopened(desk: Desk) -> None:
    desk.reads(H, 10)
    desk.store.journal.sweep(desk.store.lease, ["api"], after(10 + 3601))

    for verb in (Verb.COMMENT, Verb.REOPEN, Verb.ACKNOWLEDGE):
        with pytest.raises(NotAllowed, match="closed"):
            desk.does(verb, 4000, text="too late")


def test_every_order_leaves_an_audit_row_and_a_refused_one_leaves_none(desk: Desk) -> None:
    desk.does(Verb.ACKNOWLEDGE, 10)
    with pytest.raises(NotAllowed):
        desk.does(Verb.RESOLVE, 11)
    desk.does(Verb.ASSIGN, 12, assignee="jonas")

    with desk.store.reading() as connection:
        rows = connection.execute(
            select(audit).where(audit.c.kind == "incident").order_by(audit.c.id)
        ).all()
    assert [(row.actor, row.action, row.name) for row in rows] == [
        ("mara", "acknowledge", desk.last),
        ("mara", "assign", desk.last),
    ]
    assert rows[0].before == {"stage": "new", "assignee": None}
    assert rows[0].after == {"stage": "acknowledged", "assignee": None}
    assert rows[1].after["assignee"] == "jonas"


def test_of_two_operators_at_once_the_second_is_refused(desk: Desk) -> None:
    ready = threading.Barrier(2, timeout=60)
    ends: list[str] = []

    def acknowledge(who: str) -> None:
        ready.wait()
        try:
            desk.does(Verb.ACKNOWLEDGE, 10, actor=who)
            ends.append("done")
        except NotAllowed:
            ends.append("refused")

    both = [threading.Thread(target=acknowledge, args=(who,)) for who in ("mara", "jonas")]
    for each in both:
        each.start()
    for each in both:
        each.join(20)

    assert sorted(ends) == ["done", "refused"]
    assert [action for _, action in desk.lines()].count("acknowledged") == 1


def test_an_incident_whose_check_is_gone_counts_as_over(store: Store) -> None:
    desk = Desk(store)
    desk.reads(C, 0)
    store.publish("other")

    assert desk.does(Verb.RESOLVE, 10).held is False


def test_figures_tell_how_long_people_and_recoveries_took(desk: Desk, engine: Engine) -> None:
    desk.does(Verb.ACKNOWLEDGE, 10)
    desk.reads(H, 40)
    _open(engine, "db", after(50))

    figures = desk.readings.statistics(after(-1))

    assert (figures.all.count, figures.all.open) == (2, 1)
    assert (figures.all.mtta_s, figures.all.mttr_s) == (10.0, 40.0)
    assert {name: each.count for name, each in figures.by_severity.items()} == {"critical": 2}
    assert {name: each.mttr_s for name, each in figures.by_component.items()} == {
        "api": 40.0,
        "db": None,
    }


def test_figures_are_told_by_the_monday_of_their_week(desk: Desk, engine: Engine) -> None:
    monday = datetime(2026, 3, 30, tzinfo=UTC)
    _open(engine, "db", monday - timedelta(milliseconds=1))
    _open(engine, "api-2", monday)
    _open(engine, "api-3", monday + timedelta(days=6, hours=23))

    weeks = desk.readings.statistics(monday - timedelta(days=9)).by_week

    assert {name: each.count for name, each in weeks.items()} == {
        "2026-03-23": 1,
        "2026-03-30": 2,
    }


def _open(engine: Engine, name: str, at: datetime) -> None:
    state = CheckState(check=name, hard=Status.CRITICAL, mark=Mark.NONE, last_at=at)
    problem: Problem = problem_of(state, "http", at)
    with engine.begin() as connection:
        take_up(connection, [problem], ())
