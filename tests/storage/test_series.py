"""Samples of series: what is kept of a batch, and how a range is read back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.facts import Sample
from domain.intake import MOST_LABEL_SETS, Refusal
from storage import schema
from storage.leadership import LeadershipLost, Lease
from storage.series import SeriesIds, append, encode_labels, find
from tests.storage.stores import NOW, Store, after, sample

BUCKET_S = 600


def write(store: Store, *batch: Sample) -> int:
    with store.engine.begin() as connection:
        return sum(append(connection, SeriesIds(), batch).values())


def points(store: Store, start: float = -1e6, end: float = 1e6, **labels: str) -> Sequence[float]:
    wanted = labels or {"check": "api"}
    return store.readings.points("ms", wanted, after(start), after(end)).values


def test_samples_come_back_in_order_of_time(store: Store) -> None:
    write(store, sample(3, 30), sample(1, 10), sample(2, 20))

    found = store.readings.points("ms", {"check": "api"}, after(0), after(60))

    assert (found.at, found.values) == ((after(10), after(20), after(30)), (1, 2, 3))


def test_of_two_samples_of_one_moment_the_last_wins(store: Store) -> None:
    write(store, sample(1), sample(2))
    write(store, sample(3))

    assert points(store) == (3,)


def test_a_late_sample_takes_its_place(store: Store) -> None:
    write(store, sample(2, 20))
    write(store, sample(1, 10))

    assert points(store) == (1, 2)


def test_nan_and_infinities_are_left_out_and_counted(store: Store) -> None:
    bad = (math.nan, math.inf, -math.inf)

    left_out = write(store, sample(1), *(sample(value, 5) for value in bad))

    assert left_out == 3
    assert points(store) == (1,)


def test_a_series_of_bad_numbers_alone_is_not_made(store: Store) -> None:
    assert write(store, sample(math.nan)) == 1
    assert store.count(schema.series) == 0


def test_huge_and_tiny_numbers_survive(store: Store) -> None:
    numbers = (1e308, -1e308, 5e-324, 0.1 + 0.2)

    write(store, *(sample(value, at) for at, value in enumerate(numbers)))

    assert points(store) == numbers


def test_a_range_has_its_start_and_not_its_end(store: Store) -> None:
    write(store, *(sample(at, at) for at in (0, 10, 20)))

    assert points(store, 0, 20) == (0, 10)
    assert points(store, 10, 10) == ()


def test_a_range_is_read_across_the_borders_of_buckets(store: Store) -> None:
    moments = (BUCKET_S - 0.001, BUCKET_S, 2 * BUCKET_S - 0.001, 2 * BUCKET_S)
    write(store, *(sample(at, at) for at in moments))

    assert points(store, 0, 2 * BUCKET_S) == moments[:3]
    assert points(store, BUCKET_S, 2 * BUCKET_S + 1) == moments[1:]


def test_a_range_of_a_hundred_years_is_read(store: Store) -> None:
    early, late = datetime(1999, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
    labels = (("check", "api"),)
    write(
        store,
        Sample(name="ms", at=early, value=1, labels=labels),
        sample(2),
        Sample(name="ms", at=late - timedelta(days=1), value=3, labels=labels),
    )

    assert store.readings.points("ms", {"check": "api"}, early, late).values == (1, 2, 3)


def test_the_order_of_labels_does_not_matter(store: Store) -> None:
    one = Sample(name="ms", at=NOW, value=1, labels=(("host", "a"), ("check", "api")))
    other = Sample(name="ms", at=NOW, value=2, labels=(("check", "api"), ("host", "a")))

    write(store, one, other)

    assert store.count(schema.series) == 1
    assert points(store, check="api", host="a") == points(store, host="a", check="api") == (2,)


def test_labels_tell_series_apart_exactly(store: Store) -> None:
    write(store, sample(1, check="api"), sample(2, check="api", host="a"))

    assert points(store, check="api") == (1,)
    assert points(store, host="a") == ()


def test_series_of_one_name_and_moment_do_not_mix(store: Store) -> None:
    write(store, sample(1, check="a"), sample(2, check="b"))

    assert (points(store, check="a"), points(store, check="b")) == ((1,), (2,))


def test_a_series_keeps_its_id(store: Store) -> None:
    write(store, sample(1))
    with store.reading() as connection:
        first = find(connection, "ms", {"check": "api"})

    write(store, sample(2, 5))

    with store.reading() as connection:
        assert find(connection, "ms", {"check": "api"}) == first
        assert find(connection, "ms", {}) is None


def test_an_unknown_series_and_an_empty_store_have_no_points(store: Store) -> None:
    assert points(store) == ()


@pytest.mark.parametrize("labels", ["quote'", 'dou"ble', "ünï→", "a,b=c", "{}"])
def test_labels_may_hold_any_text(store: Store, labels: str) -> None:
    write(store, sample(1, check=labels))

    assert points(store, check=labels) == (1,)


def test_labels_are_stored_as_json_with_sorted_names() -> None:
    assert encode_labels((("b", "2"), ("a", "1"))) == '{"a":"1","b":"2"}'


BATCHES = st.lists(
    st.tuples(st.integers(-5000, 5000), st.floats(), st.sampled_from("ab")), max_size=30
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batch=BATCHES)
def test_any_batch_reads_back_as_a_plain_dictionary_would(
    store: Store, batch: list[tuple[int, float, str]]
) -> None:
    with store.engine.begin() as connection:
        connection.execute(schema.samples.delete())
    expected = {(check, at): value for at, value, check in batch if math.isfinite(value)}

    left_out = write(store, *(sample(value, at, check=check) for at, value, check in batch))

    assert left_out == sum(not math.isfinite(value) for _, value, _ in batch)
    for check in "ab":
        found = store.readings.points("ms", {"check": check}, after(-4000), after(4000))
        wanted = sorted(
            (after(at), value)
            for (name, at), value in expected.items()
            if name == check and -4000 <= at < 4000
        )
        assert list(zip(found.at, found.values, strict=True)) == wanted


@pytest.mark.parametrize("label", ["x" * 2000, "lone \ud800", "nul \0"])
def test_labels_that_cannot_be_stored_spoil_no_batch(store: Store, label: str) -> None:
    assert write(store, sample(1), sample(2, check=label), sample(3, name="m" * 201)) == 2

    assert points(store) == (1,)


def empty_of(store: Store, check: str) -> int:
    """Take all samples of a series away; its id."""
    with store.engine.begin() as connection:
        key = find(connection, "ms", {"check": check})
        assert key is not None
        connection.execute(schema.samples.delete().where(schema.samples.c.series_id == key))
    return key


def test_a_series_of_which_nothing_is_left_goes_and_makes_room_for_another(store: Store) -> None:
    store.commit(
        samples=tuple(sample(1, check=str(number)) for number in range(MOST_LABEL_SETS + 2))
    )
    assert store.journal.full_metrics == {"ms"}
    assert store.journal.refused[Refusal.TOO_MANY_SERIES] == 2
    assert store.journal.free_series(store.lease) == 0
    assert store.journal.full_metrics == {"ms"}

    key = empty_of(store, "7")
    assert store.journal.free_series(store.lease) == 1

    assert store.journal.full_metrics == frozenset()
    store.commit(samples=(sample(5, 60, check="new"), sample(6, 60, check="7")))
    assert store.journal.full_metrics == {"ms"}
    assert points(store, check="new") == (5,)
    assert points(store, check="7") == ()
    # An id that is given anew must not be that of a series that is remembered.
    assert points(store, check=str(MOST_LABEL_SETS - 1)) == (1,)
    assert key is not None


def test_a_series_without_samples_gives_its_place_back_and_keeps_its_roll_ups(
    store: Store,
) -> None:
    store.commit(
        samples=tuple(sample(1, check=str(number)) for number in range(MOST_LABEL_SETS + 1))
    )
    key = empty_of(store, "7")
    numbers = {"count": 1, "min": 1.0, "max": 1.0, "sum": 1.0, "last": 1.0}
    with store.engine.begin() as connection:
        row = {"step": 86_400, "series_id": key, "bucket": 1, **numbers}
        connection.execute(schema.rollups.insert().values(row))

    assert store.journal.free_series(store.lease) == 0

    assert store.journal.full_metrics == frozenset()
    store.commit(samples=(sample(5, 60, check="new"),))
    assert points(store, check="new") == (5,)
    assert store.count(schema.series) == MOST_LABEL_SETS + 1


def test_a_series_with_sealed_samples_alone_keeps_its_place(store: Store) -> None:
    store.commit(
        samples=tuple(sample(1, check=str(number)) for number in range(MOST_LABEL_SETS + 1))
    )
    key = empty_of(store, "7")
    with store.engine.begin() as connection:
        row = {"series_id": key, "window": 1, "count": 1, "data": b""}
        connection.execute(schema.chunks.insert().values(row))

    assert store.journal.free_series(store.lease) == 0
    assert store.journal.full_metrics == {"ms"}


def test_a_monitor_that_was_succeeded_frees_nothing(store: Store) -> None:
    store.commit(samples=(sample(1, check="a"),))
    empty_of(store, "a")

    with pytest.raises(LeadershipLost):
        store.journal.free_series(Lease(boot_id="old", epoch=0))

    assert store.count(schema.series) == 1


def test_checks_have_as_many_series_of_a_metric_as_there_are_checks(store: Store) -> None:
    ids = SeriesIds()
    batch = [sample(1, check=str(number)) for number in range(MOST_LABEL_SETS + 2)]

    with store.engine.begin() as connection:
        limited = append(connection, SeriesIds(), batch)
        refused = append(connection, ids, batch, most=10 * MOST_LABEL_SETS)

    assert limited == {Refusal.TOO_MANY_SERIES: 2}
    assert not refused
    assert store.count(schema.series) == MOST_LABEL_SETS + 2
