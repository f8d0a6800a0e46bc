"""Incidents as rows: what is written of an incident while it stands, on both databases."""

from __future__ import annotations

from sqlalchemy import select, update

from domain.facts import CheckState, Status
from domain.incidents import Incident, Problem, Severity, Stage, problem_of
from domain.muting import Reason
from domain.paging import REMEMBERED, Recipient, severities
from domain.rulestate import RuleState
from storage import schema
from storage.incidents import newest
from storage.journal import Entry
from storage.rule_rows import Ruled
from tests.storage.stores import NOW, Store, after

OPS = Recipient(name="ops", severities=severities(()))
DAY_S = REMEMBERED.total_seconds()


def reads(store: Store, status: Status, seconds: float, *, flapping: bool = False) -> Incident:
    """The check `api` reads this for good; its newest incident."""
    if store.readings.check("api") is None:
        store.publish("api")
    store.journal.recipients = (OPS,)
    at = after(seconds)
    state = CheckState(
        check="api", hard=status, last_at=at, last_message="refused", flapping=flapping
    )
    store.commit(Entry(state=state, due=after(seconds + 30), problem=problem_of(state, "http", at)))
    return incident(store)


def fires(store: Store, level: Status, seconds: float, title: str) -> Incident:
    """A rule with a severity of its own says this, under that title."""
    problem = Problem(
        fingerprint="rule:mem",
        component="mem",
        kind="rule",
        at=after(seconds),
        status=level,
        gate=Reason.PASSED,
        message="93 %",
        severity=Severity.CRITICAL,
        title=title,
        runbook=title,
    )
    state = RuleState(rule="mem", level=level)
    ruled = Ruled(fingerprint="rule:mem", state=state, at=after(seconds), problem=problem)
    store.journal.commit(store.lease, [ruled])
    return incident(store, "rule:mem")


def incident(store: Store, key: str = "check:api") -> Incident:
    with store.engine.begin() as connection:
        found = newest(connection, key)
    assert found is not None
    return found


def events(store: Store, incident_id: str) -> list[str]:
    query = select(schema.outbox.c.event).where(schema.outbox.c.incident_id == incident_id)
    with store.reading() as connection:
        return list(connection.scalars(query.order_by(schema.outbox.c.id)))


def lines(store: Store) -> list[str]:
    query = select(schema.incident_lines.c.action).order_by(schema.incident_lines.c.id)
    with store.reading() as connection:
        return list(connection.scalars(query))


def test_the_title_follows_the_status_also_where_the_severity_stays(store: Store) -> None:
    reads(store, Status.UNKNOWN, 0)

    warning = reads(store, Status.WARNING, 30)

    assert (warning.title, warning.severity) == ("api is warning", Severity.MINOR)
    assert lines(store) == ["opened"]


def test_what_a_rule_says_of_itself_follows_also_where_its_severity_is_its_own(
    store: Store,
) -> None:
    first = fires(store, Status.WARNING, 0, "mem is warning")

    second = fires(store, Status.CRITICAL, 10, "mem is critical")

    assert (first.title, second.title, second.id) == ("mem is warning", "mem is critical", first.id)
    assert second.runbook == "mem is critical"
    assert lines(store) == ["opened"]


def test_a_result_that_says_the_same_writes_nothing_into_the_incident(store: Store) -> None:
    first = reads(store, Status.CRITICAL, 0)

    assert reads(store, Status.CRITICAL, 30).version == first.version


def test_who_knows_the_problem_hears_that_a_new_incident_of_it_flaps(store: Store) -> None:
    old = reads(store, Status.CRITICAL, 0)
    reads(store, Status.HEALTHY, 60)

    new = reads(store, Status.CRITICAL, 60 + 601, flapping=True)

    assert new.id != old.id
    assert (new.flapping, new.page_gate) == (True, "flapping")
    assert lines(store)[-2:] == ["opened", "flapping"]
    assert events(store, new.id) == ["notice"]


def test_who_was_told_of_the_problem_days_ago_hears_nothing_of_its_flapping(store: Store) -> None:
    reads(store, Status.CRITICAL, 0)
    reads(store, Status.HEALTHY, 60)

    new = reads(store, Status.CRITICAL, DAY_S + 60, flapping=True)

    assert events(store, new.id) == []


def test_who_was_told_of_an_incident_days_ago_hears_that_it_reopens_and_flaps(
    store: Store,
) -> None:
    reads(store, Status.CRITICAL, 0)
    with store.engine.begin() as connection:
        connection.execute(update(schema.outbox).values(state="delivered", settled_at=NOW))
    reads(store, Status.HEALTHY, 2 * DAY_S)

    again = reads(store, Status.CRITICAL, 2 * DAY_S + 30, flapping=True)

    assert again.stage is Stage.NEW
    assert lines(store)[-2:] == ["reopened", "flapping"]
    assert events(store, again.id) == ["trigger", "resolve", "notice"]


def test_a_page_names_the_last_bad_result_when_the_very_last_one_went_well(store: Store) -> None:
    state = CheckState(
        check="api",
        hard=Status.CRITICAL,
        last_at=after(30),
        last_status=Status.HEALTHY,
        last_message="fine",
        last_error="refused",
    )

    assert problem_of(state, "http", after(30)).message == "refused"
