"""Alert rules as the monitor holds them: which series they speak of, and what is to be stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from domain.alertrules import AlertRule, Missing, RuleKind
from domain.facts import Sample, Status
from domain.matching import Match
from domain.muting import Reason
from domain.rules import Rule
from domain.rulestate import RuleState
from domain.windows import Recurrence, Window
from monitor.rulings import Rulings
from monitor.windows import Windows
from storage.rule_rows import Ruled
from tests.monitor.stand_ins import START

LEVELS = Rule(id="disk", metric="disk.percent", warning=80, critical=90)
DISK = AlertRule(id="disk", metric="disk.percent", levels=LEVELS, missing=Missing.IGNORE)
ABSENT = AlertRule(
    id="backup",
    metric="backup.done",
    levels=Rule(id="backup", metric="backup.done"),
    kind=RuleKind.ABSENCE,
    for_s=60,
)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def sample(value: float, seconds: float = 0, name: str = "disk.percent", **labels: str) -> Sample:
    pairs = tuple(sorted(labels.items()))
    return Sample(name=name, at=at(seconds), value=value, labels=pairs)


def held(
    *rules: AlertRule, states: Mapping[str, RuleState] | None = None, started: float = 0
) -> Rulings:
    return Rulings(rules, states or {}, at(started), Windows())


def levels(rulings: Rulings) -> dict[str, Status]:
    return {key: state.level for key, state in rulings.states.items()}


def gates(found: list[Ruled]) -> list[Reason]:
    return [each.problem.gate for each in found if each.problem is not None]


def test_each_series_is_judged_by_itself() -> None:
    rulings = held(DISK)

    rulings.observe([sample(95, mount="/"), sample(10, mount="/srv"), sample(99, name="other")])

    assert levels(rulings) == {
        "rule:disk:mount=/": Status.CRITICAL,
        "rule:disk:mount=/srv": Status.HEALTHY,
    }
    assert rulings.watched() == levels(rulings).keys()


def test_a_rule_that_is_off_says_nothing() -> None:
    rulings = held(replace(DISK, enabled=False))

    assert rulings.observe([sample(95)]) == []
    assert rulings.elapse(at(999)) == []
    assert rulings.watched() == frozenset()


def test_what_is_healthy_is_stored_now_and_then_and_what_fires_with_each_sample() -> None:
    rulings = held(DISK)

    calm = [len(rulings.observe([sample(10, second)])) for second in range(10, 130, 10)]
    firing = [len(rulings.observe([sample(95, second)])) for second in range(130, 160, 10)]

    assert calm == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    assert firing == [1, 1, 1]


def test_the_gate_is_decided_when_its_answer_changes() -> None:
    rulings = held(replace(DISK, for_s=15))

    found = [rulings.observe([sample(95, second)]) for second in (10, 20, 30)]
    found.append(rulings.observe([sample(10, 40)]))

    decided = [row.reason for each in found for ruled in each for row in ruled.decisions]
    assert decided == ["not yet hard", "passed", "healthy"]


def test_a_window_over_a_rule_holds_its_incident_back_until_it_ends() -> None:
    rulings = held(DISK)
    rulings.windows = Windows(
        [
            Window(
                name="move",
                match=Match(kind=("rule",), name=("di*",)),
                start=datetime(*at(-60).timetuple()[:6]),
                duration=timedelta(minutes=2),
                recurrence=Recurrence.ONCE,
                timezone="UTC",
            )
        ]
    )

    during = rulings.observe([sample(95, 10)])
    after = rulings.elapse(at(60))

    assert gates(during) == [Reason.MAINTENANCE]
    assert gates(after) == [Reason.PASSED]


def test_a_rule_on_a_checks_number_gives_a_verdict_and_has_no_incident() -> None:
    rule = replace(DISK, labels={"check": "api"})
    rulings = held(rule)

    verdicts, stored = rulings.judge("api", {"disk.percent": 95.0}, at(10))
    others, _ = rulings.judge("shop", {"disk.percent": 95.0}, at(10))

    assert [(each.rule, each.level) for each in verdicts] == [("disk", Status.CRITICAL)]
    assert [each.problem for each in stored] == [None]
    assert others == ()
    assert rulings.elapse(at(3600)) == []


def test_an_absence_is_told_only_while_nothing_comes() -> None:
    rulings = held(ABSENT)
    rulings.elapse(at(0))

    missed = rulings.elapse(at(60))
    back = rulings.observe([sample(1, 70, name="backup.done")])

    assert gates(missed) == [Reason.PASSED]
    assert gates(back) == [Reason.HEALTHY]


def test_a_series_with_more_labels_than_the_rule_names_ends_the_wait_for_one() -> None:
    rulings = held(replace(ABSENT, labels={"host": "*"}))
    rulings.elapse(at(0))
    missed = rulings.elapse(at(60))

    back = rulings.observe([sample(1, 70, name="backup.done", host="a")])
    rulings.observe([sample(1, 120, name="backup.done", host="a")])
    later = rulings.elapse(at(150))

    assert [each.fingerprint for each in missed] == ["rule:backup:host=*"]
    assert ("rule:backup:host=*", Status.HEALTHY) in [
        (each.fingerprint, each.state.level) for each in back
    ]
    assert Reason.PASSED not in gates(later)
    assert rulings.watched() == {"rule:backup:host=a"}


def test_an_absence_on_the_numbers_of_a_check_hears_them() -> None:
    rulings = held(replace(ABSENT, metric="told.ms", labels={"check": "api"}))
    rulings.elapse(at(0))

    for second in range(10, 200, 30):
        verdicts, _ = rulings.judge("api", {"told.ms": 1.0}, at(second))
        assert verdicts == ()
        assert gates(rulings.elapse(at(second + 5))) == []

    assert gates(rulings.elapse(at(300))) == [Reason.PASSED]


def test_after_a_restart_what_stood_in_for_a_series_is_not_waited_for() -> None:
    rule = replace(ABSENT, labels={"host": "*"})
    before = held(rule)
    before.elapse(at(0))
    states = dict(before.states)
    before.observe([sample(1, 10, name="backup.done", host="a")])

    again = held(rule, states={**states, **before.states}, started=20)

    assert again.watched() == {"rule:backup:host=a"}


def test_states_go_on_over_a_restart_and_silence_meanwhile_counts_for_nothing() -> None:
    rule = replace(DISK, missing=Missing.UNKNOWN)
    before = held(rule)
    before.observe([sample(95, 0)])

    again = held(rule, states=before.states, started=3600)

    assert levels(again) == {"rule:disk": Status.CRITICAL}
    assert gates(again.elapse(at(3610))) == [Reason.PASSED]
    assert levels(again) == {"rule:disk": Status.CRITICAL}


def test_a_series_that_an_edited_rule_no_longer_selects_is_dropped() -> None:
    before = held(DISK)
    before.observe([sample(95, mount="/home"), sample(95, mount="/srv")])

    narrowed = replace(DISK, labels={"mount": "/srv"})
    again = held(narrowed, states=before.states, started=10)

    assert again.watched() == {"rule:disk:mount=/srv"}


def test_a_long_series_has_a_fingerprint_that_fits() -> None:
    rulings = held(DISK)

    rulings.observe([sample(95, mount="/" + "x" * 5000), sample(95, mount="/" + "x" * 5001)])

    assert len(rulings.watched()) == 2
    assert all(len(key) == 300 for key in rulings.watched())


def test_a_channel_is_meant_however_its_name_was_typed() -> None:
    decomposed = "e\u0301quipe"
    rulings = held(replace(DISK, channels=(decomposed,)))

    [found] = rulings.observe([sample(95)])

    assert found.problem is not None and found.problem.channels == ("\u00e9quipe",)


def test_a_rule_goes_on_at_once_when_the_clock_was_a_year_ahead_and_is_back() -> None:
    rulings = held(DISK)
    year = 365 * 86_400.0
    rulings.observe([sample(95, mount="/")])
    rulings.observe([sample(95, year, mount="/")])
    rulings.observe([sample(10, 20, mount="/")])
    assert levels(rulings) == {"rule:disk:mount=/": Status.CRITICAL}

    rulings.turn_back(at(30))

    rulings.observe([sample(10, 40, mount="/")])
    assert levels(rulings) == {"rule:disk:mount=/": Status.HEALTHY}
    (state,) = rulings.states.values()
    assert state.since == at(40)


def test_states_that_were_stored_by_a_clock_ahead_are_taken_up_as_of_now() -> None:
    before = held(DISK)
    before.observe([sample(95, 365 * 86_400.0, mount="/")])

    rulings = held(DISK, states=before.states, started=60)

    (state,) = rulings.states.values()
    assert (state.level, state.since) == (Status.CRITICAL, at(60))
    rulings.observe([sample(10, 70, mount="/")])
    assert levels(rulings) == {"rule:disk:mount=/": Status.HEALTHY}
