"""Whom a step tells, what waits in which group, and what holds a page back until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.incidents import Action, Incident, Severity, Stage, Step
from domain.paging import (
    FLAPPING_CRITICAL,
    GROUP_WAIT,
    LONGEST_GROUP,
    Event,
    PageReason,
    Paging,
    Recipient,
    Told,
    group_of,
    held_by,
    passes_flapping,
    plan,
    severities,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPS = Recipient(name="ops", severities=severities(()))
PAGED = {"ops": Told(last_trigger=NOW - timedelta(hours=1), stands=True)}


def incident(severity: Severity = Severity.MINOR, **more: Any) -> Incident:
    fields: dict[str, Any] = {
        "id": "INC-20260301-0001",
        "fingerprint": "check:api",
        "component": "api",
        "kind": "http",
        "title": "api is bad",
        "stage": Stage.NEW,
        "severity": severity,
        "state_severity": severity,
        "opened_at": NOW,
        **more,
    }
    return Incident(**fields)


def asked(action: Action, about: Incident, told: dict[str, Told] | None = None, **more: Any) -> Any:
    return plan(Step(action=action, reason="x"), about, [OPS], told or {}, NOW, **more)


def held(action: Action, about: Incident, told: dict[str, Told] | None = None) -> str | None:
    step = Step(action=action, reason="x")
    return held_by(step, about, asked(action, about, told))


def test_what_is_not_urgent_waits_with_its_group_and_what_is_urgent_has_none() -> None:
    (waits,) = asked(Action.OPENED, incident()).plans
    (leaves,) = asked(Action.OPENED, incident(Severity.CRITICAL)).plans
    (rises,) = asked(Action.ROSE, incident()).plans

    assert (waits.due, waits.reason, waits.group) == (NOW + GROUP_WAIT, "grouped", "kind:http")
    assert (leaves.due, leaves.group) == (rises.due, rises.group) == (NOW, None)


def test_within_the_cooldown_it_waits_longer_and_still_with_its_group() -> None:
    told = {"ops": Told(last_trigger=NOW - timedelta(minutes=1))}

    (waits,) = asked(Action.OPENED, incident(), told).plans

    assert (waits.due, waits.reason) == (NOW + timedelta(minutes=14), "cooldown")
    assert waits.group == "kind:http"


@pytest.mark.parametrize(
    ("tags", "group"), [((), "kind:http"), (("shop",), "tag:shop"), (("b", "a"), "tag:b")]
)
def test_the_group_is_the_first_tag_else_the_kind(tags: tuple[str, ...], group: str) -> None:
    assert group_of(incident(tags=tags)) == group


def test_a_group_with_a_very_long_tag_fits_its_column_and_stays_distinct() -> None:
    one, other = (group_of(incident(tags=("x" * 900 + end,))) for end in "ab")

    assert len(one) == len(other) == LONGEST_GROUP
    assert one != other


def test_a_critical_that_flaps_is_held_back_until_it_has_lasted() -> None:
    flapping = incident(Severity.CRITICAL, flapping=True)

    now = asked(Action.OPENED, flapping)
    later = asked(Action.RELEASED, flapping, lasting=True)

    assert now == Paging(plans=(), reason=PageReason.FLAPPING)
    assert [(each.event, each.due) for each in later.plans] == [(Event.TRIGGER, NOW)]


@pytest.mark.parametrize(
    ("more", "reason"),
    [({"parent_id": "P"}, "nested"), ({"stage": Stage.ACKNOWLEDGED}, "acknowledged")],
)
def test_lasting_passes_its_flapping_and_nothing_else(more: dict[str, Any], reason: str) -> None:
    flapping = incident(Severity.CRITICAL, flapping=True, **more)

    assert asked(Action.RELEASED, flapping, lasting=True).reason == reason


def test_less_than_critical_is_held_back_for_as_long_as_it_flaps() -> None:
    assert asked(Action.RELEASED, incident(flapping=True), lasting=True).plans == ()


def test_flapping_passes_after_five_minutes_of_critical_and_never_without() -> None:
    assert not passes_flapping(None, NOW)
    assert not passes_flapping(NOW - FLAPPING_CRITICAL + timedelta(milliseconds=1), NOW)
    assert passes_flapping(NOW - FLAPPING_CRITICAL, NOW)


@pytest.mark.parametrize(
    ("action", "gate", "told", "expected"),
    [
        # A page that is held back is remembered; one that leaves is not.
        (Action.OPENED, None, {}, "flapping"),
        (Action.ROSE, "silenced", {}, "flapping"),
        # Remarks and what is no page free nothing and hold nothing.
        (Action.FLAPPING, None, {}, None),
        (Action.FLAPPING, "no channel", {}, "no channel"),
        (Action.FLAPPING, None, PAGED, None),
        (Action.GREW, None, PAGED, None),
        (Action.GREW, "flapping", PAGED, "flapping"),
        (Action.FELL, "flapping", {}, "flapping"),
        # Steady: who was told hears it, and what was held is decided anew.
        (Action.STEADY, None, {}, "flapping"),
        (Action.STEADY, "flapping", PAGED, "flapping"),
        (Action.STEADY, None, PAGED, None),
    ],
)
def test_what_holds_a_page_back_is_remembered_until_it_is_over(
    action: Action, gate: str | None, told: dict[str, Told], expected: str | None
) -> None:
    about = incident(Severity.CRITICAL, flapping=True, page_gate=gate)

    assert held(action, about, told) == expected


def test_what_is_over_holds_nothing_back() -> None:
    over = incident(Severity.CRITICAL, stage=Stage.RESOLVED, page_gate="flapping")

    assert held(Action.RESOLVED, over) is None
    assert held(Action.OPENED, incident(Severity.CRITICAL, page_gate="silenced")) is None
