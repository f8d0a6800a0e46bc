"""Gathers what decides over a page for one component, for `domain.whypaged` to explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from domain.alertrules import CHECK as CHECK_LABEL
from domain.alertrules import KIND
from domain.facts import CheckState, Status
from domain.incidents import Incident, fingerprint
from domain.incidenttexts import wrong_with
from domain.matching import Match, Subject
from domain.mistakes import ConfigError
from domain.muting import GATE, Reason, incident_gate
from domain.paging import Recipient, severities
from domain.ruletable import read_rule
from domain.silences import silenced_by
from domain.whypaged import Case, Delivered
from domain.windows import Window, covers
from domain.windowtable import read_window
from storage import backtesting, definitions, rule_rows, standing
from storage.changes import CHANNEL, CHECK, MAINTENANCE, RULE
from storage.definitions import Definition
from storage.engine import reader
from storage.incident_rows import read
from storage.schema import (
    check_state,
    decisions,
    incident_lines,
    incidents,
    outbox,
    rule_states,
)
from storage.silences import holding
from storage.state_rows import decode_state


def case_of_check(engine: Engine, name: str, now: datetime) -> Case | None:
    """The case of a check; None when none of this name is watched."""
    paused = _is_paused(engine, name)
    with reader(engine).connect() as connection:
        query = select(check_state.c.state).where(check_state.c.name == name, check_state.c.present)
        document = connection.execute(query).scalar_one_or_none()
        if document is None:
            return None
        state = decode_state(document)
        gate = incident_gate(state, enabled=not paused)
        detail = _detail(connection, state)
        case = _case(connection, engine, name, fingerprint(name), gate, detail, now)
        if gate is Reason.MAINTENANCE:
            until = _ends(connection, state.maintenance, state.failing_since, now)
            return replace(case, by=state.maintenance, until=until)
        return replace(case, by=state.blocked_by, critical_since=_critical_since(case, state))


def case_of_rule(engine: Engine, key: str, now: datetime) -> Case | None:
    """The case of an alert rule by the fingerprint of its series; None when it never spoke."""
    with reader(engine).connect() as connection:
        query = select(rule_states).where(rule_states.c.fingerprint == key)
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        decided = standing.decided(connection, key)
        check = dict(row.state.get("labels", ())).get(CHECK_LABEL)
        if check is None or decided is not None:
            gate = decided or (Reason.PASSED if row.level else Reason.HEALTHY)
            detail = str(row.state.get("message", ""))
            case = _case(connection, engine, row.rule, key, gate, detail, now)
            state = rule_rows.decode(row.state)
            since = None if state is None else state.since
            return _in_its_window(connection, engine, case, since, now)
    # It feeds the status of that check, whose incident it is.
    return case_of_check(engine, check, now)


def cases_of_rule(engine: Engine, rule: str, now: datetime) -> list[Case]:
    """One case for each series that a rule has spoken of, or why it has not; none without a rule."""
    query = select(rule_states.c.fingerprint).where(rule_states.c.rule == rule)
    with reader(engine).connect() as connection:
        keys = connection.scalars(query.order_by(rule_states.c.fingerprint)).all()
        definition = definitions.load_one(connection, RULE, rule)
    if keys or definition is None:
        found = (case_of_rule(engine, key, now) for key in keys)
        return [each for each in found if each is not None]
    return [_silent(engine, definition)]


def _silent(engine: Engine, definition: Definition) -> Case:
    """The case of a rule that has said nothing yet."""
    name, table = definition.name, definition.in_force
    if definition.orphaned or table.get("enabled") is False:
        return Case(component=name, gate=Reason.PAUSED, detail="the rule is switched off")
    try:
        is_measured = backtesting.is_measured(engine, read_rule(table))
    except ConfigError:
        return Case(component=name, gate=Reason.PAUSED, detail="the rule is not valid any more")
    detail = "it is evaluated with the next value" if is_measured else str(table.get("metric", ""))
    return Case(
        component=name,
        gate=Reason.NOT_YET_HARD if is_measured else Reason.NO_DATA,
        detail=detail,
        recipients=recipients(engine),
    )


def _in_its_window(
    connection: Connection, engine: Engine, case: Case, since: datetime | None, now: datetime
) -> Case:
    """The case of a rule with the window that covers it, of several the last to end."""
    if case.gate is not Reason.MAINTENANCE:
        return case
    rule = definitions.load_one(connection, RULE, case.component)
    listed = None if rule is None else rule.in_force.get("tags")
    tags = frozenset(str(tag) for tag in listed) if isinstance(listed, list) else frozenset()
    subject = Subject(name=case.component, kind=KIND, tags=tags)
    found = [
        (span.end, each.name)
        for each in definitions.load(engine, MAINTENANCE)
        if not each.orphaned
        and (window := _window(each)) is not None
        and (span := covers(window, subject, now, since)) is not None
    ]
    if not found:
        return case
    end, name = max(found)
    return replace(case, by=name, until=end)


def case_of_incident(engine: Engine, incident_id: str, now: datetime) -> Case | None:
    """The case of an incident: that of its component as it is now."""
    with reader(engine).connect() as connection:
        row = connection.execute(
            select(incidents).where(incidents.c.id == incident_id)
        ).one_or_none()
    if row is None:
        return None
    if row.fingerprint.startswith("check:"):
        found = case_of_check(engine, row.component, now)
    else:
        found = case_of_rule(engine, row.fingerprint, now)
    if found is not None and found.incident is not None and found.incident.id == incident_id:
        return found
    # It is past, or what it is about is gone: what was sent of it still stands.
    with reader(engine).connect() as connection:
        return Case(
            component=row.component,
            gate=Reason.PAUSED if found is None else found.gate,
            detail="it is not watched any more" if found is None else found.detail,
            since=None if found is None else found.since,
            incident=read(row),
            lines=_lines(connection, incident_id),
            deliveries=_deliveries(connection, incident_id),
        )


def _case(
    connection: Connection,
    engine: Engine,
    component: str,
    key: str,
    gate: Reason,
    detail: str,
    now: datetime,
) -> Case:
    incident = _newest(connection, key)
    silence = None
    if incident is not None and incident.is_open:
        silence = silenced_by(holding(connection, now), incident, now)
    return Case(
        component=component,
        gate=gate,
        detail=detail,
        since=_since(connection, key, gate),
        incident=incident,
        lines={} if incident is None else _lines(connection, incident.id),
        silence=silence,
        recipients=recipients(engine),
        deliveries=() if incident is None else _deliveries(connection, incident.id),
    )


def recipients(engine: Engine) -> tuple[Recipient, ...]:
    """The channels in force with the severities that they take."""
    return tuple(
        Recipient(name=each.name, severities=_severities(each.in_force.get("severities")))
        for each in definitions.load(engine, CHANNEL)
        if not each.orphaned and each.in_force.get("enabled") is not False
    )


def _severities(words: Any) -> Any:
    return severities([str(word) for word in words] if isinstance(words, list) else ())


def _is_paused(engine: Engine, name: str) -> bool:
    with reader(engine).connect() as connection:
        found = definitions.load_one(connection, CHECK, name)
    return found is not None and found.in_force.get("enabled") is False


def _newest(connection: Connection, key: str) -> Incident | None:
    query = (
        select(incidents)
        .where(incidents.c.fingerprint == key)
        .order_by(incidents.c.is_open.desc(), incidents.c.opened_at.desc(), incidents.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else read(row)


def _deliveries(connection: Connection, incident_id: str) -> tuple[Delivered, ...]:
    query = select(outbox).where(outbox.c.incident_id == incident_id).order_by(outbox.c.id)
    rows: Sequence[Row[Any]] = connection.execute(query).all()
    return tuple(
        Delivered(
            channel=row.channel,
            event=row.event,
            state=row.state,
            reason=row.reason,
            since=row.created_at,
            at=row.settled_at or row.due,
        )
        for row in rows
    )


def _since(connection: Connection, key: str, gate: Reason) -> datetime | None:
    """Since when the incident gate says that; None when it said something else last."""
    query = (
        select(decisions.c.reason, decisions.c.at)
        .where(decisions.c.subject == key, decisions.c.gate == GATE)
        .order_by(decisions.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return row.at if row is not None and row.reason == gate.value else None


def _lines(connection: Connection, incident_id: str) -> dict[str, datetime]:
    """When each thing last happened to an incident."""
    columns = (incident_lines.c.action, func.max(incident_lines.c.at))
    mine = select(*columns).where(incident_lines.c.incident_id == incident_id)
    rows = connection.execute(mine.group_by(incident_lines.c.action))
    return {row[0]: row[1] for row in rows}


def _detail(connection: Connection, state: CheckState) -> str:
    """What is wrong: with what blocks it where something does, since that is what is told."""
    if state.blocked_by is None:
        return state.last_message
    query = select(check_state.c.state).where(check_state.c.name == state.blocked_by)
    document = connection.execute(query).scalar_one_or_none()
    return "" if document is None else wrong_with(decode_state(document))


def _critical_since(case: Case, state: CheckState) -> datetime | None:
    is_critical = case.gate is Reason.PASSED and state.hard is Status.CRITICAL
    return state.since if is_critical else None


def _ends(
    connection: Connection, name: str | None, failing_since: datetime | None, now: datetime
) -> datetime | None:
    """When the window of this name is over, whatever it covers; None when that can't be told."""
    found = None if name is None else definitions.load_one(connection, MAINTENANCE, name)
    if found is None:
        return None
    window = _window(found)
    if window is None:
        return None
    # That it covers the check is known: what it matches need not be asked again.
    anything = replace(window, match=Match(name=("*",)))
    covered = covers(anything, Subject(name=found.name, kind=MAINTENANCE), now, failing_since)
    return None if covered is None else covered.end


def _window(definition: Definition) -> Window | None:
    """A maintenance window; None when its table is not valid any more."""
    try:
        return read_window(definition.in_force)
    except ConfigError:
        return None
