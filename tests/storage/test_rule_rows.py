"""What alert rules last said, as rows, on both databases."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from sqlalchemy import insert

from domain.alertrules import AlertRule, RuleKind, fingerprint
from domain.facts import Decision, Status
from domain.rules import Rule
from domain.rulestate import RuleState, observe
from storage import rule_rows, schema
from storage.leadership import LeadershipLost
from storage.rule_rows import Ruled
from tests.storage.stores import Store, after, lead

RATE = AlertRule(
    id="rate",
    metric="m",
    levels=Rule(id="rate", metric="m", warning=10, critical=20),
    kind=RuleKind.RATE,
    window_s=60,
)


def ruled(rule: str, seconds: float = 0, level: Status = Status.HEALTHY, **labels: str) -> Ruled:
    pairs = tuple(labels.items())
    state = RuleState(rule=rule, labels=pairs, level=level, since=after(seconds), message="so")
    return Ruled(fingerprint=fingerprint(rule, pairs), state=state, at=after(seconds))


def stored(store: Store, *found: Ruled) -> None:
    store.journal.commit(store.lease, found)


def test_a_state_is_read_as_it_was_written(store: Store) -> None:
    state = RuleState(rule="rate", labels=(("mount", "/"),))
    for second, value in enumerate((1.0, 2.0, 50.0)):
        state = observe(RATE, state, after(20 * second), value)
    key = fingerprint("rate", state.labels)

    stored(store, Ruled(fingerprint=key, state=state, at=after(40)))

    assert state.points
    assert rule_rows.load(store.engine, ["rate"]) == {key: state}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308])
def test_values_that_no_column_holds_keep_no_state_from_being_read(
    store: Store, value: float
) -> None:
    state = observe(RATE, RuleState(rule="rate"), after(0), 1.0)
    state = observe(RATE, state, after(40), value)

    stored(store, Ruled(fingerprint="rule:rate", state=state, at=after(40)))

    assert rule_rows.load(store.engine, ["rate"]).keys() == {"rule:rate"}


def test_of_several_states_of_one_series_the_last_stands(store: Store) -> None:
    stored(store, ruled("a", 1), ruled("a", 2, Status.WARNING))
    stored(store, ruled("a", 3, Status.CRITICAL))

    (only,) = rule_rows.load(store.engine, ["a"]).values()

    assert (only.level, store.count(schema.rule_states)) == (Status.CRITICAL, 1)


def test_only_the_rules_that_are_asked_for_are_read(store: Store) -> None:
    stored(store, ruled("a", mount="/"), ruled("a", mount="/srv"), ruled("b"))

    assert rule_rows.load(store.engine, ["a"]).keys() == {"rule:a:mount=/", "rule:a:mount=/srv"}
    assert rule_rows.load(store.engine, {"b", "c"}).keys() == {"rule:b"}
    assert rule_rows.load(store.engine, []) == {}


def test_states_that_nobody_watches_any_more_are_forgotten(store: Store) -> None:
    stored(store, *(ruled("a", mount=f"/{number}") for number in range(1200)), ruled("b"))

    rule_rows.forget(store.engine, store.lease, {"rule:a:mount=/7", "rule:b", "rule:none"})

    assert rule_rows.load(store.engine, ["a", "b"]).keys() == {"rule:a:mount=/7", "rule:b"}


def test_who_no_longer_leads_forgets_nothing(store: Store) -> None:
    stored(store, ruled("a"))
    lead(store.engine, "two")

    with pytest.raises(LeadershipLost):
        rule_rows.forget(store.engine, store.lease, [])

    assert store.count(schema.rule_states) == 1


def test_a_state_of_another_version_is_left_out_and_not_in_the_way(store: Store) -> None:
    row = {"fingerprint": "rule:old", "rule": "old", "level": 0, "at": after(0)}
    with store.engine.begin() as connection:
        connection.execute(insert(schema.rule_states).values(**row, state={"level": "high"}))
    stored(store, ruled("a"))

    assert rule_rows.load(store.engine, ["a", "old"]).keys() == {"rule:a"}


def test_the_longest_ids_and_labels_fit_their_columns(store: Store) -> None:
    rule, label = "\u00e9" * 100, "\U0001f5a5" * 5000
    found = ruled(rule, mount=label)
    decision = Decision(
        subject=found.fingerprint, gate="incident", at=after(0), reason="not yet hard"
    )

    stored(store, replace(found, decisions=(decision,)))

    assert len(found.fingerprint) == 300
    assert rule_rows.load(store.engine, [rule]).keys() == {found.fingerprint}
