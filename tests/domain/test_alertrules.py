"""Alert rules: which series they are about, their fingerprints, and the rule in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alertrules import LONGEST_FINGERPRINT, AlertRule, condition, fingerprint, selects
from domain.ruletable import read_rule


def rule(**keys: Any) -> AlertRule:
    return read_rule({"id": "r", "metric": "system.disk.percent", "warning": 80, **keys})


@pytest.mark.parametrize(
    ("labels", "series", "selected"),
    [
        ({}, {}, True),
        ({}, {"mount": "/home"}, True),
        ({"mount": "/home"}, {"mount": "/home", "host": "a"}, True),
        ({"mount": "/home"}, {"mount": "/homes"}, False),
        ({"mount": "/ho*"}, {"mount": "/home"}, True),
        ({"mount": "/?*"}, {"mount": "/"}, False),
        ({"mount": "*"}, {}, False),
        ({"mount": "/Home"}, {"mount": "/home"}, False),
    ],
)
def test_labels_are_globs_and_a_label_that_is_not_named_may_have_any_value(
    labels: dict[str, str], series: dict[str, str], selected: bool
) -> None:
    assert selects(rule(labels=labels), "system.disk.percent", series.items()) is selected


def test_another_metric_is_never_selected() -> None:
    assert not selects(rule(), "system.disk.percent2", ())


def test_a_check_whose_name_looks_like_a_pattern_is_taken_literally() -> None:
    a_rule = rule(check="shop[1]*")

    assert selects(a_rule, "system.disk.percent", {"check": "shop[1]*"}.items())
    assert not selects(a_rule, "system.disk.percent", {"check": "shop1x"}.items())


def test_a_fingerprint_names_rule_and_series_in_one_order() -> None:
    assert fingerprint("lag", ()) == "rule:lag"
    assert fingerprint("disk", [("b", "2"), ("a", "1")]) == "rule:disk:a=1,b=2"


@given(st.text(min_size=250, max_size=400), st.text(min_size=250, max_size=400))
def test_a_long_fingerprint_fits_its_column_and_stays_distinct(one: str, other: str) -> None:
    found = [fingerprint("r", [("label", text)]) for text in (one, other)]

    assert all(len(each) <= LONGEST_FINGERPRINT for each in found)
    assert (found[0] == found[1]) == (one == other)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"for": "1m"}, "system.disk.percent at or above 80 % (warning), for 1 min"),
        (
            {"critical": 90},
            "system.disk.percent at or above 80 % (warning), 90 % (critical)",
        ),
        (
            {"kind": "rate", "window": "1h"},
            "system.disk.percent at or above 80 % per hour (warning) over 1 h",
        ),
        (
            {"kind": "rate", "window": "5m", "operator": "gt", "metric": "errors", "warning": 5},
            "errors above 5 per hour (warning) over 5 min",
        ),
        (
            {"kind": "rate", "window": "1h", "reaches": 100, "for": "10m"},
            "system.disk.percent reaches 100 % in less than 80 h (warning) over 1 h, for 10 min",
        ),
    ],
)
def test_a_rule_can_be_read_in_words(keys: dict[str, Any], words: str) -> None:
    assert condition(rule(**keys)) == words


def test_an_absence_can_be_read_in_words() -> None:
    absence = read_rule({"id": "r", "metric": "backup", "kind": "absence", "for": "1d"})

    assert condition(absence) == "backup: no data for 1 d"
