"""What is selected of an exporter's page gets a name that is clear, told apart and stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from domain.exposition import Series
from domain.selecting import EACH, Absent, Selected, Selection, selected


def made(**fields: Any) -> Selection:
    return msgspec.convert(fields, Selection)


def take(selection: Selection, found: Mapping[Series, float]) -> Selected:
    """What is selected where nothing counts up."""
    return selected(selection, found, lambda name: False, lambda values: ({}, 0.0))


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"metric": "node_load1"}, "node_load1"),
        ({"metric": "job:Errors:rate5m"}, "job_errors_rate5m"),
        ({"metric": "node_network_receive_bytes_total"}, "node_network_receive_bytes_per_s"),
        ({"metric": "x_total", "rate": False}, "x_total"),
        ({"metric": "x", "rate": True}, "x_per_s"),
        ({"metric": "latency_seconds", "quantile": 0.95}, "latency_seconds_p95"),
        ({"metric": "latency_seconds_bucket", "quantile": 0.999}, "latency_seconds_p99_9"),
        ({"metric": "x_total", "name": "mine"}, "mine"),
    ],
)
def test_a_selection_is_known_by_its_metric_or_the_name_given(
    fields: dict[str, Any], name: str
) -> None:
    assert made(**fields).known_as == name


def test_each_series_is_named_by_the_labels_left_open_before_its_unit() -> None:
    selection = made(metric="free_bytes", labels={"kind": "ext4", "disk": "sd*"}, aggregate="each")
    found: dict[Series, float] = {
        ("free_bytes", (("disk", "sda"), ("kind", "ext4"), ("path", "/"))): 1.0,
        ("free_bytes", (("disk", "sda"), ("kind", "ext4"), ("path", "//"))): 2.0,
        ("free_bytes", (("disk", "sdb"), ("kind", "ext4"), ("path", "/srv"))): 3.0,
    }

    numbers = take(selection, found).numbers

    assert numbers == {"free_sda_bytes": 1, "free_sda_2_bytes": 2, "free_sdb_srv_bytes": 3}


def test_series_of_several_metrics_are_told_apart_by_theirs() -> None:
    selection = made(metric="load*", name="load", aggregate="each")

    numbers = take(selection, {("load1", ()): 1.0, ("load5", ()): 5.0}).numbers

    assert numbers == {"load_load1": 1, "load_load5": 5}


def test_more_series_than_a_check_should_have_are_left_out_and_told() -> None:
    found: dict[Series, float] = {
        ("a", (("n", f"{number:03}"),)): 1.0 for number in range(EACH + 3)
    }

    result = take(made(metric="a", aggregate="each"), found)

    assert (len(result.numbers), result.left_out) == (EACH, 3)


def test_what_is_no_number_is_not_part_of_a_sum_and_nothing_is_no_zero() -> None:
    nan = float("nan")
    selection = made(metric="a", scale=10)

    assert take(selection, {("a", (("n", "1"),)): nan, ("a", ()): 2.0}).numbers == {"a": 20}
    assert take(selection, {("a", ()): nan}).absent is Absent.NOT_FINITE
    assert take(selection, {("a", ()): float("inf")}).absent is Absent.NOT_FINITE
    assert take(selection, {}).absent is Absent.MISSING
