"""Dependencies: whose fault it is, how long a child waits for the answer, and cycles."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.dependencies import (
    CLEAR,
    Parents,
    ParentVerdict,
    ParentView,
    blocking,
    consult,
    cycle,
    root_block,
)
from domain.facts import CheckState, Mark, Policy, Status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAILING = NOW - timedelta(seconds=4)
H, W, C = Status.HEALTHY, Status.WARNING, Status.CRITICAL
POLICY = Policy(failures=3, timeout_s=10, retry_interval_s=2)


def parent(
    name: str = "db",
    hard: Status | None = H,
    last: Status | None = None,
    at: datetime | None = NOW,
    *,
    mark: Mark = Mark.NONE,
    by: str | None = None,
    idle: bool = False,
) -> ParentView:
    """A parent: confirmed `hard`, `last` measured at `at`."""
    state = CheckState(
        check=name,
        hard=hard,
        mark=mark,
        blocked_by=by,
        last_status=hard if last is None else last,
        last_at=at,
    )
    return ParentView(state=state, policy=POLICY, idle=idle)


def ask(*views: ParentView, since: datetime | None = FAILING, group: bool = False) -> Parents:
    """What a child hears that needs all of `views`, or one of them when they are a group."""
    names = [view.state.check for view in views]
    groups = [names] if group else [[name] for name in names]
    return consult(groups, {view.state.check: view for view in views}, since, NOW)


def test_a_child_of_a_hard_down_parent_is_blocked_by_it() -> None:
    verdict = ask(parent(hard=C))

    assert (verdict.verdict, verdict.by) == (ParentVerdict.BLOCKED, "db")
    assert verdict.reason == "blocked by db"


def test_a_healthy_child_is_blocked_too() -> None:
    assert ask(parent(hard=C), since=None).verdict is ParentVerdict.BLOCKED


def test_a_grandchild_is_blocked_by_the_root_and_not_by_what_lies_between() -> None:
    assert ask(parent("api", mark=Mark.BLOCKED, by="router")).by == "router"


def test_a_parent_that_only_warns_does_not_block() -> None:
    assert ask(parent(hard=W)) == CLEAR


def test_paused_and_stale_parents_do_not_block() -> None:
    assert ask(parent(hard=C, idle=True)) == CLEAR


def test_a_parent_that_counts_anew_does_not_block() -> None:
    assert root_block(parent(hard=C, mark=Mark.ANEW)) is None


def test_all_parents_are_required_unless_they_share_a_redundancy_group() -> None:
    down, up = parent("a", hard=C), parent("b")

    assert ask(down, up).verdict is ParentVerdict.BLOCKED
    assert ask(down, up, group=True) == CLEAR
    assert ask(down, parent("b", hard=C), group=True).by == "a"


def test_a_parent_that_is_not_watched_does_not_matter() -> None:
    assert blocking([["gone"]], {}) is None
    assert consult([["gone"]], {}, FAILING, NOW) == CLEAR


def test_parents_without_a_result_newer_than_the_first_failure_run_at_once() -> None:
    verdict = ask(
        parent("old", at=FAILING - timedelta(seconds=1)), parent("new"), parent("never", at=None)
    )

    assert verdict.verdict is ParentVerdict.WAIT
    assert set(verdict.run) == {"old", "never"}


def test_a_child_waits_while_a_parent_is_soft_bad_and_does_not_run_it_again() -> None:
    verdict = ask(parent(hard=H, last=C))

    assert verdict == Parents(verdict=ParentVerdict.WAIT)
    assert verdict.reason == ""


def test_a_child_waits_for_a_parent_that_counts_anew_and_fails() -> None:
    assert ask(parent(hard=C, last=C, mark=Mark.ANEW)).verdict is ParentVerdict.WAIT


def test_a_child_does_not_wait_for_a_redundancy_group_of_which_one_member_stands() -> None:
    shaky = parent("b", hard=H, last=C)

    assert ask(parent("a"), shaky, group=True) == CLEAR
    assert ask(parent("a", hard=C), shaky, group=True).verdict is ParentVerdict.WAIT
    assert ask(parent("a", hard=C, idle=True), shaky, group=True) == CLEAR


def test_a_healthy_child_waits_for_nobody() -> None:
    assert ask(parent(at=None), since=None) == CLEAR


def test_a_child_does_not_wait_for_a_paused_parent() -> None:
    assert ask(parent(hard=H, last=C, at=None, idle=True)) == CLEAR


def test_a_child_waits_failures_times_timeout_and_retry_and_opens_then() -> None:
    patience = timedelta(seconds=3 * (10 + 2))

    waiting = ask(parent(hard=H, last=C), since=NOW - patience)
    over = ask(parent(hard=H, last=C), since=NOW - patience - timedelta(milliseconds=1))

    assert waiting.verdict is ParentVerdict.WAIT
    assert (over.verdict, over.reason) == (ParentVerdict.UNDECIDED, "parent undecided")


GRAPHS = st.dictionaries(
    st.sampled_from("abcde"), st.lists(st.sampled_from("abcde"), max_size=3, unique=True)
)


def has_cycle(parents_of: dict[str, list[str]]) -> bool:
    """Brute force: whether some walk from a node comes back to it."""
    reach = {name: set(parents) for name, parents in parents_of.items()}
    for middle, start in itertools.product(list(reach) * len(reach), reach):
        if middle in reach[start]:
            reach[start] |= reach[middle]
    return any(name in reached for name, reached in reach.items())


@given(GRAPHS)
def test_a_dependency_cycle_is_found_if_there_is_one_and_named_along_its_way(
    graph: dict[str, list[str]],
) -> None:
    found = cycle(graph)

    assert bool(found) == has_cycle(graph)
    if found:
        assert found[0] == found[-1]
        assert all(above in graph[below] for below, above in itertools.pairwise(found))
