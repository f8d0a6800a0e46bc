"""Maintenance windows as the monitor lays them over results, and settles them at their edges."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from domain.facts import CheckState, Mark, Status
from domain.matching import Match, Subject
from domain.windows import Recurrence, Window
from monitor.roster import Roster, Watch
from monitor.windows import Windows
from tests.monitor.stand_ins import START, watched

HOUR = timedelta(hours=1)


def window(called: str = "move", /, **match: str) -> Window:
    """An hour from the start of the tests on."""
    return Window(
        name=called,
        match=Match(**{key: (text,) for key, text in match.items()}),
        start=datetime(*START.timetuple()[:6]),
        duration=HOUR,
        recurrence=Recurrence.ONCE,
        timezone="UTC",
    )


def watch(name: str, status: Status = Status.CRITICAL, by: str | None = None) -> Watch:
    mark = Mark.NONE if by is None else Mark.BLOCKED
    parents = () if by is None else ((by,),)
    state = CheckState(check=name, hard=status, mark=mark, blocked_by=by, failing_since=START)
    return Watch(watched=watched(name, parents, tags=("shop",)), state=state)


def test_a_check_is_covered_by_what_its_definition_is() -> None:
    api = watch("api")

    for match in ({"name": "a*"}, {"kind": "told"}, {"tags": "shop"}, {}):
        assert Windows([window(**match)]).covering(api, api.state, START) == "move"
    for match in ({"name": "b*"}, {"kind": "http"}, {"tags": "office"}, {"group": "Shop"}):
        assert Windows([window(**match)]).covering(api, api.state, START) is None


def test_of_several_windows_the_last_to_end_is_told() -> None:
    longer = replace(window("longer"), duration=2 * HOUR)
    other = replace(window("other", name="b"), duration=3 * HOUR)
    laid = Windows([other, window("short"), longer, window("z")])
    subject = Subject(name="api", kind="told")

    assert laid.over(subject, None, START) == "longer"
    assert laid.over(subject, None, START + 2 * HOUR) is None
    assert Windows().over(subject, None, START) is None


def test_a_window_that_begins_and_ends_between_results_is_settled_once() -> None:
    roster = Roster([watch("api"), watch("mail")])
    laid = Windows([window(name="api")])

    begun = laid.settle(roster, START)
    again = laid.settle(roster, START + HOUR / 2)
    over = laid.settle(roster, START + HOUR)

    assert [each.state.check for each in begun] == ["api"]
    assert [row.reason for each in begun for row in each.decisions] == ["maintenance"]
    assert again == []
    assert [row.reason for each in over for row in each.decisions] == ["passed"]
    assert over[0].problem is not None


def test_what_is_blocked_by_a_check_is_told_again_with_it() -> None:
    roster = Roster([watch("db"), watch("api", by="db"), watch("mail", by="other")])
    laid = Windows([window(name="db")])
    laid.settle(roster, START)

    over = laid.settle(roster, START + HOUR)

    assert [each.state.check for each in over] == ["db", "api"]


def test_a_window_that_is_taken_away_ends() -> None:
    roster = Roster([watch("api")])
    Windows([window()]).settle(roster, START)

    (entry,) = Windows().settle(roster, START + timedelta(minutes=1))

    assert entry.state.maintenance is None


def test_a_flexible_window_covers_what_fails_for_so_long() -> None:
    laid = Windows([replace(window(), flexible=2 * HOUR)])
    subject = Subject(name="api", kind="told")
    fails = START + HOUR / 2

    assert laid.over(subject, None, fails) is None
    assert laid.over(subject, fails, fails) == "move"
    assert laid.over(subject, fails, fails + 2 * HOUR) is None


def test_the_next_edge_is_the_next_beginning_or_end() -> None:
    laid = Windows([window()])

    assert laid.next_edge(START - HOUR) == START
    assert laid.next_edge(START) == START + HOUR
    assert laid.next_edge(START + HOUR) is None
