"""Counters become rates: the first reading has none, and a restart is not a fall."""

from __future__ import annotations

from domain.counting import KEYS, Counting


def test_the_first_reading_has_no_rate_and_the_second_is_per_second() -> None:
    counting = Counting()

    first = counting.rates("check", 100.0, {"a": 1000.0})
    second = counting.rates("check", 110.0, {"a": 1050.0, "new": 7.0})

    assert first == {}
    assert second == {"a": 5.0}


def test_a_counter_that_fell_was_begun_anew() -> None:
    counting = Counting()
    counting.rates("check", 0.0, {"a": 1000.0})

    assert counting.rates("check", 10.0, {"a": 20.0}) == {"a": 2.0}


def test_no_time_has_no_rate_and_keys_know_nothing_of_each_other() -> None:
    counting = Counting()
    counting.rates("one", 0.0, {"a": 1.0})

    assert counting.rates("one", 0.0, {"a": 2.0}) == {}
    assert counting.rates("other", 5.0, {"a": 3.0}) == {}


def test_what_is_not_asked_for_any_longer_is_forgotten() -> None:
    counting = Counting()
    counting.rates("old", 0.0, {"a": 1.0})

    for number in range(KEYS):
        counting.rates(number, 1.0, {"a": 1.0})

    assert counting.rates("old", 2.0, {"a": 2.0}) == {}
