"""One run of one check, over checks that answer as told and a clock moved by hand."""

from __future__ import annotations

from domain.facts import Cause, Mark, Status
from domain.rules import Rule
from tests.monitor.stand_ins import bad, good, stage, watched


async def test_a_healthy_check_is_recorded_with_its_numbers_as_samples() -> None:
    at = stage(watched("api"))
    at.tell({"api": good(12.5)})

    await at.cycle.run("api", 1, slot=at.clock.now)

    (entry,) = at.kept.entries
    assert entry.result is not None
    assert entry.result.status is Status.HEALTHY
    assert entry.state.hard is Status.HEALTHY
    assert [(s.name, s.value, s.labels) for s in entry.samples] == [
        ("told.ms", 12.5, (("check", "api"),))
    ]
    assert entry.due is not None
    assert entry.due > at.clock.now


async def test_a_fault_is_hard_critical_after_three_tries_two_seconds_apart() -> None:
    at = stage(watched("api"))
    await at.confirm("api", good(), times=1)
    at.wishes.clear()

    await at.confirm("api", bad())

    assert at.watch("api").state.hard is Status.CRITICAL
    assert at.wishes == [(2.0, "api", 2), (2.0, "api", 3)]


async def test_a_check_that_raises_reads_unknown_and_never_stops_the_others() -> None:
    at = stage(watched("broken"), watched("api"))
    at.tell({"broken": RuntimeError("password=hunter2")})

    result = await at.cycle.run("broken")
    await at.cycle.run("api")

    assert result is not None
    assert (result.status, result.cause) == (Status.UNKNOWN, Cause.BUG)
    assert "RuntimeError" in result.message
    assert "hunter2" not in result.message
    assert at.watch("api").state.hard is Status.HEALTHY


async def test_a_level_on_the_checks_own_metric_turns_it_warning_and_says_so() -> None:
    rule = Rule(id="api:told.ms", metric="told.ms", title="Latency", warning=500, unit="ms")
    at = stage(watched("api", rules=(rule,)))
    at.tell({"api": good(812)})

    result = await at.cycle.run("api")

    assert result is not None
    assert (result.status, result.cause) == (Status.WARNING, Cause.THRESHOLD)
    assert result.message == "Latency 812 ms, expected < 500 ms"


async def test_a_paused_check_does_not_run() -> None:
    at = stage(watched("api", enabled=False))

    assert await at.cycle.run("api") is None
    assert at.kept.entries == []


async def test_a_child_about_to_be_critical_has_its_parent_run_at_once_and_waits() -> None:
    at = stage(watched("db"), watched("api", depends_on=(("db",),)))
    await at.confirm("db", good(), times=1)
    await at.confirm("api", good(), times=1)
    at.clock.forward(20)
    at.wishes.clear()

    await at.confirm("api", bad())

    child = at.watch("api").state
    assert (child.hard, child.mark) == (Status.HEALTHY, Mark.HELD)
    assert (0.0, "db", 1) in at.wishes


async def test_a_child_whose_parent_answers_meanwhile_turns_critical_by_itself() -> None:
    at = stage(watched("db"), watched("api", depends_on=(("db",),)))
    await at.confirm("api", good(), times=1)
    await at.confirm("api", bad())
    await at.confirm("db", good(), times=1)

    await at.cycle.run("api", 4)

    child = at.watch("api").state
    assert (child.hard, child.mark) == (Status.CRITICAL, Mark.NONE)


async def test_all_below_a_dead_parent_read_blocked_by_it_in_the_same_transaction() -> None:
    at = stage(
        watched("db"),
        watched("api", depends_on=(("db",),)),
        watched("shop", depends_on=(("api",),)),
    )
    for name in ("db", "api", "shop"):
        await at.confirm(name, good(), times=1)

    await at.confirm("db", bad())

    group = next(g for g in at.kept.groups if any(e.state.check == "shop" for e in g[1:]))
    assert [entry.state.check for entry in group] == ["db", "api", "shop"]
    for name in ("api", "shop"):
        state = at.watch(name).state
        assert (state.mark, state.blocked_by) == (Mark.BLOCKED, "db")


async def test_children_count_anew_and_run_at_once_when_their_parent_is_back() -> None:
    at = stage(watched("db"), watched("api", depends_on=(("db",),)))
    await at.confirm("api", good(), times=1)
    await at.confirm("db", bad())
    at.wishes.clear()

    await at.confirm("db", good(), times=2)

    assert at.watch("api").state.mark is Mark.ANEW
    assert (0.0, "api", 1) in at.wishes
    await at.confirm("api", good(), times=1)
    assert (at.watch("api").state.hard, at.watch("api").state.mark) == (Status.HEALTHY, Mark.NONE)


async def test_a_child_with_one_of_two_redundant_parents_left_is_not_blocked() -> None:
    at = stage(watched("a"), watched("b"), watched("api", depends_on=(("a", "b"),)))
    for name in ("a", "b", "api"):
        await at.confirm(name, good(), times=1)

    await at.confirm("a", bad())
    one_down = at.watch("api").state.mark
    await at.confirm("b", bad())

    assert one_down is Mark.NONE
    assert at.watch("api").state.mark is Mark.BLOCKED


async def test_the_decision_not_to_open_an_incident_is_stored_with_its_reason() -> None:
    at = stage(watched("db"), watched("api", depends_on=(("db",),)))
    await at.confirm("db", good(), times=1)
    await at.confirm("api", good(), times=1)

    await at.confirm("db", bad())

    reasons = [(row.subject, row.reason) for entry in at.kept.entries for row in entry.decisions]
    assert ("check:db", "not yet hard") in reasons
    assert ("check:db", "passed") in reasons
    assert ("check:api", "blocked") in reasons
