"""Which samples are taken in, and why the others are not."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from domain.facts import Sample, SeriesKind
from domain.intake import Refusal, Times, refuses, refuses_name, refuses_series

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIMES = Times(oldest=NOW - timedelta(days=30), now=NOW)


def sample(value: float = 1.0, ago: timedelta = timedelta(0)) -> Sample:
    return Sample(name="ms", at=NOW - ago, value=value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_a_gap_and_no_value(value: float) -> None:
    assert refuses(sample(value), TIMES) is Refusal.NOT_A_NUMBER
    assert refuses(sample(value), None) is Refusal.NOT_A_NUMBER


@pytest.mark.parametrize(
    ("ago", "refusal"),
    [
        (timedelta(0), None),
        (timedelta(minutes=-5), None),
        (timedelta(minutes=-5, milliseconds=-1), Refusal.IN_THE_FUTURE),
        (timedelta(days=30), None),
        (timedelta(days=30, milliseconds=1), Refusal.TOO_OLD),
    ],
)
def test_times_that_cannot_be_are_refused(ago: timedelta, refusal: Refusal | None) -> None:
    assert refuses(sample(ago=ago), TIMES) is refusal
    assert refuses(sample(ago=ago), None) is None


def test_a_series_stays_what_it_was() -> None:
    assert refuses_series(SeriesKind.GAUGE, SeriesKind.GAUGE, 0) is None
    assert refuses_series(SeriesKind.COUNTER, SeriesKind.GAUGE, 0) is Refusal.OTHER_KIND


def test_a_new_label_set_is_refused_beyond_the_limit_and_a_known_one_never() -> None:
    assert refuses_series(SeriesKind.GAUGE, None, 9, most=10) is None
    assert refuses_series(SeriesKind.GAUGE, None, 10, most=10) is Refusal.TOO_MANY_SERIES
    assert refuses_series(SeriesKind.GAUGE, SeriesKind.GAUGE, 10, most=10) is None


@pytest.mark.parametrize(
    ("name", "label"),
    [("", "a"), ("m" * 201, "a"), ("m", "x" * 1000), ("a\0b", "a"), ("m", "\ud800")],
)
def test_a_name_that_cannot_be_stored_is_refused(name: str, label: str) -> None:
    assert refuses_name(name, (("check", label),)) is Refusal.UNUSABLE_NAME
    assert refuses_name("m" * 200, (("check", "x" * 986),)) is None
