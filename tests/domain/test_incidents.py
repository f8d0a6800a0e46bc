"""When incidents open, how bad they are, and what follows from each answer of the gate."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.facts import Status
from domain.incidents import (
    CLOSES_AFTER,
    REOPENS_WITHIN,
    Action,
    Incident,
    Problem,
    Severity,
    Stage,
    closes,
    reconcile,
    severity_of,
    title_of,
)
from domain.incidenttexts import told_with
from domain.muting import Reason
from tests.domain.test_silences import INCIDENT, NOW

BAD = Problem(
    fingerprint="check:api",
    component="api",
    kind="http",
    at=NOW,
    status=Status.CRITICAL,
    gate=Reason.PASSED,
    message="refused",
)
OVER = replace(INCIDENT, stage=Stage.RESOLVED, resolved_at=NOW)


def steps(incident: Incident | None, **problem: Any) -> list[str]:
    return [step.action.value for step in reconcile(replace(BAD, **problem), incident)]


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        (Status.WARNING, Severity.MINOR),
        (Status.DEGRADED, Severity.MAJOR),
        (Status.CRITICAL, Severity.CRITICAL),
        (Status.UNKNOWN, Severity.MINOR),
    ],
)
def test_warning_opens_minor_degraded_major_critical_critical_and_unknown_minor(
    status: Status, severity: Severity
) -> None:
    assert severity_of(replace(BAD, status=status)) is severity


def test_info_comes_from_a_rule_that_names_it() -> None:
    assert severity_of(replace(BAD, severity=Severity.INFO)) is Severity.INFO


def test_within_ten_minutes_it_reopens_and_later_it_opens_anew() -> None:
    in_time = steps(OVER, at=NOW + REOPENS_WITHIN)
    late = steps(OVER, at=NOW + REOPENS_WITHIN + timedelta(milliseconds=1))

    assert (in_time, late) == ([Action.REOPENED], [Action.OPENED])


@pytest.mark.parametrize("last", [None, OVER])
def test_what_opens_or_reopens_while_it_flaps_says_so(last: Incident | None) -> None:
    assert steps(last, flapping=True)[1:] == [Action.FLAPPING]


def test_what_was_resolved_by_force_opens_nothing() -> None:
    assert steps(replace(OVER, held=True)) == []


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        (Reason.HEALTHY, [Action.RESOLVED]),
        (Reason.PAUSED, [Action.RESOLVED]),
        (Reason.BLOCKED, [Action.NESTED]),
        (Reason.INCONCLUSIVE, [Action.NESTED]),
        (Reason.MAINTENANCE, []),
        (Reason.NOT_YET_HARD, []),
        (Reason.HELD, []),
    ],
)
def test_an_open_incident_stays_open_under_a_later_gate(
    gate: Reason, expected: list[Action]
) -> None:
    assert steps(INCIDENT, gate=gate, parent="check:db") == expected
    assert steps(None, gate=gate, parent="check:db") == []


def test_while_it_flaps_nothing_resolves() -> None:
    flapping = replace(INCIDENT, flapping=True)

    assert steps(flapping, gate=Reason.HEALTHY, flapping=True) == []
    assert steps(flapping, gate=Reason.HEALTHY) == [Action.STEADY, Action.RESOLVED]


def test_a_sticky_acknowledgement_outlives_a_rise_and_another_does_not() -> None:
    taken = replace(INCIDENT, stage=Stage.ACKNOWLEDGED, state_severity=Severity.MINOR)

    (plain,) = reconcile(BAD, taken)
    (sticky,) = reconcile(BAD, replace(taken, sticky=True))

    assert plain.action is sticky.action is Action.ROSE
    assert (plain.drops_acknowledgement, plain.stage) == (True, Stage.NEW)
    assert (sticky.drops_acknowledgement, sticky.stage) == (False, None)


def test_what_stands_alone_again_says_what_is_wrong() -> None:
    (alone,) = reconcile(BAD, replace(INCIDENT, parent_id="INC-20260301-0009"))

    assert alone.action is Action.STANDS_ALONE
    assert alone.reason == "refused — what it needs is back, still critical"


def test_a_resolved_incident_closes_after_an_hour() -> None:
    assert not closes(OVER, NOW + CLOSES_AFTER - timedelta(milliseconds=1))
    assert closes(OVER, NOW + CLOSES_AFTER)


def test_the_title_names_the_status_unless_it_has_one_of_its_own() -> None:
    assert title_of(replace(BAD, status=Status.WARNING)) == "api is warning"
    assert title_of(replace(BAD, status=None)) == "api is unknown"
    assert title_of(replace(BAD, title="mem fires")) == "mem fires"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [("refused", "refused — it lapsed"), (" Refused. ", "Refused — it lapsed"), ("", "it lapsed")],
)
def test_what_happened_follows_what_is_wrong(wrong: str, told: str) -> None:
    assert told_with(wrong, "it lapsed") == told
