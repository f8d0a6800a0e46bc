"""Fault → state → what the page says, over a real store and a clock moved by hand."""

from __future__ import annotations

from sqlalchemy import Engine

from domain.facts import Mark, Status
from domain.rules import Rule
from tests.monitor.stand_ins import bad, good, watched
from tests.scenarios.stage import play


async def test_a_fault_turns_the_page_critical_and_says_why(engine: Engine) -> None:
    at = play(engine, watched("api"))
    await at.slot()
    assert at.page("api").why == "Healthy for 0 s: fine."

    await at.slot(api=bad())
    at.later(60)

    page = at.page("api")
    assert page.reading.status is Status.CRITICAL
    assert page.why == "Critical for 1 min: refused."
    assert page.results[0].reading.status is Status.CRITICAL


async def test_one_bad_result_is_told_as_not_confirmed_and_changes_no_colour(
    engine: Engine,
) -> None:
    at = play(engine, watched("api"))
    await at.slot()

    await at.once(api=bad())

    page = at.page("api")
    assert page.reading.status is Status.HEALTHY
    assert page.why.endswith("Critical 1 of 3, not confirmed yet.")


async def test_behind_a_dead_parent_the_page_names_it_and_recovers_by_itself(
    engine: Engine,
) -> None:
    at = play(engine, watched("db"), watched("api", depends_on=(("db",),)))
    await at.slot()

    await at.slot(db=bad(), api=bad())
    blocked = at.page("api")
    await at.slot(db=good(), api=good())
    await at.slot()

    assert (blocked.reading.status, blocked.reading.mark) == (Status.UNKNOWN, Mark.BLOCKED)
    assert "because db, which it needs, is down" in blocked.why
    assert at.page("api").reading.status is Status.HEALTHY
    assert [part.letter for part in at.page("api").day] == ["-", "h", "b", "h"]


async def test_a_level_crossed_for_three_slots_is_a_warning_with_its_value(engine: Engine) -> None:
    rule = Rule(id="api:told.ms", metric="told.ms", title="Latency", warning=500, unit="ms")
    at = play(engine, watched("api", rules=(rule,)))
    await at.slot()

    await at.slot(api=good(812))

    page = at.page("api")
    assert page.reading.status is Status.WARNING
    assert page.why == "Warning for 0 s: Latency 812 ms, expected < 500 ms."


async def test_a_check_that_stops_running_reads_stale_and_is_not_green(engine: Engine) -> None:
    at = play(engine, watched("api"))
    await at.slot()

    at.later(91)

    page = at.page("api")
    assert (page.reading.status, page.reading.mark) == (Status.UNKNOWN, Mark.STALE)
    assert page.why.startswith("Stale for")


async def test_uptime_counts_neither_blocked_nor_unmeasured_time(engine: Engine) -> None:
    at = play(engine, watched("db"), watched("api", depends_on=(("db",),)))
    for _ in range(10):
        await at.slot()
    await at.slot(db=bad(), api=bad())
    for _ in range(10):
        await at.slot()

    day = at.page("api").uptimes[0]

    assert day.percent == 100


async def test_the_page_of_a_failing_check_leads_to_its_incident(engine: Engine) -> None:
    at = play(engine, watched("api"))
    await at.slot()
    before = at.page("api").incident

    await at.slot(api=bad())
    during = at.page("api").incident
    await at.slot(api=good())

    assert before is None
    assert during == at.incidents()[0].incident.id
    assert at.page("api").incident is None
