"""Check kind `composite`: its config, its members, and how it follows them through the cycle."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.facts import Cause, Mark, Measurement, Policy, Status
from domain.matching import Match
from domain.settings import ConfigError, Settings
from domain.windows import Recurrence, Window
from monitor.checks import Deadline
from monitor.checks.composite import CompositeCheck
from monitor.definitions import build
from monitor.windows import Windows
from tests.monitor.stand_ins import Stage, bad, good, stage, watched

ONCE = Policy(failures=1, successes=1, retry_interval_s=None)
SHOPS = ("shop-a", "shop-b", "shop-c")


def tables(*composites: dict[str, Any]) -> list[dict[str, Any]]:
    shops = [
        {"name": name, "kind": "tcp", "host": "localhost", "port": 1, "tags": ["shop"]}
        for name in SHOPS
    ]
    return [*shops, *({"kind": "composite", "at_least": 2, **each} for each in composites)]


def refusal(*composites: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        build(tables(*composites), Settings(), {})
    return str(caught.value)


def farm(**fields: Any) -> Any:
    check = CompositeCheck(**{"of": SHOPS, "at_least": 2, **fields})
    made = watched("farm", policy=ONCE)
    definition = replace(made.definition, kind="composite")
    return replace(made, definition=definition, check=check, members=SHOPS)


async def opened(*more: Any, **fields: Any) -> Stage:
    """A farm of three shops that are all healthy, and it is."""
    at = stage(*(watched(name) for name in SHOPS), farm(**fields), *more)
    for name in SHOPS:
        await at.confirm(name, good(), times=1)
    await follow(at)
    return at


async def follow(at: Stage) -> None:
    """Run what asked to be run at once, until nothing does."""
    while wishes := [name for seconds, name, _ in at.wishes if seconds == 0.0]:
        at.wishes.clear()
        for name in dict.fromkeys(wishes):
            await at.cycle.run(name)


def test_members_are_named_or_matched_and_confirmed_at_once() -> None:
    built = build(
        tables({"name": "farm", "of": ["shop-c"], "match": {"name": ["shop-[ab]"]}}), Settings(), {}
    )

    made = built[-1]
    assert made.members == ("shop-c", "shop-a", "shop-b")
    policy = made.definition.policy
    assert (policy.failures, policy.successes, policy.retry_interval_s) == (1, 1, None)
    assert made.group == "Services"
    assert made.check.target() == "2 of shop-c, name shop-[ab]"


def test_composites_can_be_made_of_composites() -> None:
    built = build(
        tables(
            {"name": "farm", "match": {"tags": "shop"}},
            {"name": "all", "of": ["farm"], "at_least": 1},
        ),
        Settings(),
        {},
    )

    assert built[-1].members == ("farm",)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"of": ["shop-a", "shop-x"]},
            'of = ["shop-a", "shop-x"]: no check is named "shop-x", did',
        ),
        ({"match": {"tags": "shp"}}, 'match = {tags = "shp"}: no check matches'),
        ({"match": {"tag": "shop"}}, "has no key 'tag'"),
        ({"of": ["shop-a"]}, "at_least = 2: must be at most 1: it has so many members"),
        (
            {"of": SHOPS, "at_least": 1, "warn_below": 4},
            "warn_below = 4: must be at most 3: it has so many members",
        ),
        ({"of": SHOPS, "weights": {"shop-x": 2}}, '"shop-x" is no member, did you mean "shop-'),
        ({"of": SHOPS, "weights": {"shop-a": 0}}, "must be a number of more than 0"),
        ({"of": SHOPS, "warn_below": 2}, "warn_below = 2: must be more than at_least"),
        ({"of": SHOPS, "at_least_percent": 50}, "or at_least_percent must be given, one of the"),
        ({"of": SHOPS, "warn_below_percent": 70}, "does not go with at_least"),
        ({}, "or match must be given"),
    ],
)
def test_what_could_never_work_is_refused_at_its_key(fields: dict[str, Any], reason: str) -> None:
    assert reason in refusal({"name": "farm", **fields})


def test_a_composite_that_contains_itself_is_refused_by_name() -> None:
    itself = refusal({"name": "farm", "of": ["farm"], "at_least": 1})
    each_other = refusal(
        {"name": "farm", "of": ["shop-a", "web"]},
        {"name": "web", "of": ["shop-b", "farm"]},
    )

    assert itself.endswith("it would be made of itself: farm → farm")
    assert each_other.count("it would be made of itself") == 1
    assert "farm → web → farm" in each_other or "web → farm → web" in each_other


def test_a_member_that_needs_its_composite_is_a_circle_and_told_with_its_line(
    tmp_path: Any,
) -> None:
    file = tmp_path / "config.toml"
    text = """
[[check]]
name = "shop-a"
kind = "tcp"
host = "localhost"
port = 1
depends_on = ["farm"]

[[check]]
name = "farm"
kind = "composite"
of = ["shop-a"]
at_least = 1
"""
    file.write_text(text)

    with pytest.raises(ConfigError) as caught:
        build(tomllib.loads(text)["check"], Settings(), {}, source=str(file))

    assert str(caught.value) == (
        f'{file}:12: check "farm" of = ["shop-a"]: it would be made of itself: farm → shop-a → farm'
    )


@pytest.mark.case("wrong")
async def test_it_follows_a_hard_change_of_a_member_at_once_and_says_who_is_down() -> None:
    at = await opened()

    await at.confirm("shop-b", bad())
    await follow(at)
    one_down = at.watch("farm").state
    await at.confirm("shop-c", bad())
    asked = (0.0, "farm", 1) in at.wishes
    await follow(at)

    assert (one_down.hard, one_down.last_message) == (
        Status.HEALTHY,
        "2 of 3 healthy: shop-b critical",
    )
    assert asked
    state = at.watch("farm").state
    assert (state.hard, state.mark, state.last_cause) == (
        Status.CRITICAL,
        Mark.NONE,
        Cause.THRESHOLD,
    )
    assert state.last_message == (
        "1 of 3 healthy, expected at least 2: shop-b critical, shop-c critical"
    )


async def test_a_soft_failure_of_a_member_moves_nothing() -> None:
    at = await opened()
    at.wishes.clear()

    await at.confirm("shop-b", bad(), times=2)

    assert [wish for wish in at.wishes if wish[1] == "farm"] == []


@pytest.mark.case("healthy")
async def test_it_recovers_with_its_members() -> None:
    at = await opened()
    for name in SHOPS:
        await at.confirm(name, bad())
    await follow(at)

    for name in SHOPS[:2]:
        await at.confirm(name, good(), times=2)
    await follow(at)

    assert at.watch("farm").state.hard is Status.HEALTHY


@pytest.mark.case("refused")
async def test_members_behind_a_dead_parent_leave_it_unknown_and_open_no_incident_of_its_own() -> (
    None
):
    at = stage(
        watched("switch"),
        *(watched(name, depends_on=(("switch",),)) for name in SHOPS),
        farm(),
    )
    for name in ("switch", *SHOPS):
        await at.confirm(name, good(), times=1)
    await follow(at)

    await at.confirm("switch", bad())
    await follow(at)

    state = at.watch("farm").state
    assert (state.hard, state.mark) == (Status.HEALTHY, Mark.INCONCLUSIVE)
    assert state.last_message.endswith("shop-a blocked, shop-b blocked, shop-c blocked")
    opened_for = {e.problem.component for e in at.kept.entries if e.problem and _opens(e.problem)}
    assert opened_for == {"switch"}

    await at.confirm("switch", good(), times=2)
    for name in SHOPS:
        await at.confirm(name, good(), times=1)
    await follow(at)

    state = at.watch("farm").state
    assert (state.hard, state.mark) == (Status.HEALTHY, Mark.NONE)


async def test_what_needs_it_waits_for_its_members_and_is_then_blocked_by_it() -> None:
    at = await opened(watched("customer", depends_on=(("farm",),)))
    await at.confirm("customer", good(), times=1)
    at.clock.forward(20)
    at.wishes.clear()

    await at.confirm("customer", bad())
    held, asked = at.watch("customer").state, {name for _, name, _ in at.wishes}
    for name in SHOPS[1:]:
        await at.confirm(name, bad())
    await follow(at)

    assert (held.hard, held.mark) == (Status.HEALTHY, Mark.HELD)
    assert {*SHOPS, "farm"} <= asked
    state = at.watch("customer").state
    assert (state.mark, state.blocked_by) == (Mark.BLOCKED, "farm")
    opened_for = {e.problem.component for e in at.kept.entries if e.problem and _opens(e.problem)}
    assert "customer" not in opened_for


async def test_what_needs_it_turns_critical_by_itself_once_its_members_have_answered() -> None:
    at = await opened(watched("customer", depends_on=(("farm",),)))
    await at.confirm("customer", good(), times=1)
    at.clock.forward(20)
    await at.confirm("customer", bad())
    for name in SHOPS:
        await at.confirm(name, good(), times=1)
    await at.cycle.run("farm")

    await at.cycle.run("customer", 4)

    state = at.watch("customer").state
    assert (state.hard, state.mark) == (Status.CRITICAL, Mark.NONE)


async def test_what_needs_it_is_blocked_by_what_its_members_are_blocked_by() -> None:
    at = stage(
        watched("switch"),
        *(watched(name, depends_on=(("switch",),)) for name in SHOPS),
        farm(),
        watched("customer", depends_on=(("farm",),)),
    )
    for name in ("switch", *SHOPS, "farm", "customer"):
        await at.confirm(name, good(), times=1)

    await at.confirm("switch", bad())
    await follow(at)

    state = at.watch("customer").state
    assert (state.mark, state.blocked_by) == (Mark.BLOCKED, "switch")

    await at.confirm("switch", good(), times=2)
    for name in SHOPS:
        await at.confirm(name, good(), times=1)
    await follow(at)

    assert at.watch("farm").state.mark is Mark.NONE
    assert at.watch("customer").state.mark in (Mark.ANEW, Mark.NONE)


async def test_before_its_members_are_measured_it_reads_unknown_and_alarms_nobody() -> None:
    at = stage(*(watched(name) for name in SHOPS), farm())

    await at.cycle.run("farm")

    state = at.watch("farm").state
    assert (state.hard, state.mark) == (None, Mark.INCONCLUSIVE)
    assert not any(entry.problem and _opens(entry.problem) for entry in at.kept.entries)


async def test_a_paused_member_is_left_out() -> None:
    at = stage(*(watched(name, enabled=name != "shop-c") for name in SHOPS), farm())
    for name in SHOPS[:2]:
        await at.confirm(name, good(), times=1)
    await follow(at)

    state = at.watch("farm").state
    assert (state.hard, state.last_message) == (
        Status.HEALTHY,
        "2 of 2 healthy; left out: shop-c paused",
    )


async def test_a_member_whose_maintenance_begins_is_left_out_at_once() -> None:
    at = await opened()
    for name in SHOPS[1:]:
        await at.confirm(name, bad())
    await follow(at)
    window = Window(
        name="repair",
        match=Match(name=("shop-b", "shop-c")),
        start=at.clock.now.replace(tzinfo=None),
        duration=timedelta(hours=1),
        recurrence=Recurrence.ONCE,
        timezone="UTC",
    )
    at.cycle.windows = Windows((window,))

    at.cycle.wake(at.cycle.windows.settle(at.cycle.roster, at.clock.now))
    await follow(at)

    state = at.watch("farm").state
    assert state.hard is Status.HEALTHY
    assert state.last_message == (
        "1 of 1 healthy; left out: shop-b in maintenance, shop-c in maintenance"
    )


@pytest.mark.case("timeout")
async def test_a_stale_member_counts_as_not_known() -> None:
    at = await opened()
    at.clock.forward(3600)

    result = await at.cycle.run("farm")

    assert result is not None
    assert result.status is Status.UNKNOWN
    assert "shop-a stale" in result.message


async def test_its_numbers_are_samples() -> None:
    at = await opened()
    await at.confirm("shop-b", bad())
    await follow(at)

    (entry,) = [each for each in at.kept.entries if each.state.check == "farm"][-1:]

    assert {sample.name: sample.value for sample in entry.samples} == {
        "composite.healthy": 2,
        "composite.critical": 1,
        "composite.members": 3,
        "composite.healthy_percent": 66.67,
    }


async def test_alone_it_measures_nothing() -> None:
    found = await CompositeCheck(of=("a",), at_least=1).run(Deadline.after(1))

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)


@pytest.mark.case("hostile")
async def test_a_bug_in_weighing_is_a_result_and_stops_nothing() -> None:
    class Broken(CompositeCheck, frozen=True):
        def weigh(self, members: Any) -> Measurement:
            raise RuntimeError("password=hunter2")

    made = replace(farm(), check=Broken(of=SHOPS, at_least=2))
    at = stage(*(watched(name) for name in SHOPS), made)

    result = await at.cycle.run("farm")

    assert result is not None
    assert (result.status, result.cause) == (Status.UNKNOWN, Cause.BUG)
    assert "hunter2" not in result.message


def _opens(problem: Any) -> bool:
    return bool(problem.gate.value == "passed")
