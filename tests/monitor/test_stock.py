"""The rules that are shipped, and how the file and its channels go with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain import ruletable
from domain.mistakes import ConfigError
from domain.rulechannels import examine
from launch.config import read_whole
from monitor.stock import STOCK, overlaid, with_stock

LAG = "monitor-lag"


def test_every_shipped_rule_can_be_and_says_what_to_do() -> None:
    rules, mistakes = ruletable.examine(with_stock([]))

    assert mistakes == ()
    assert [rule.id for rule in rules] == list(STOCK)
    assert all(rule.runbook for rule in rules)


def test_the_file_changes_only_the_keys_that_it_gives() -> None:
    (table,) = overlaid([{"id": LAG, "critical": 9000}])

    assert table == {**STOCK[LAG], "critical": 9000}


def test_a_rule_of_the_file_stands_once_and_after_those_that_it_does_not_name() -> None:
    tables = with_stock([{"id": LAG, "enabled": False}, {"id": "own", "metric": "x", "warning": 1}])

    names = [table["id"] for table in tables]
    assert sorted(map(str, names)) == sorted([*STOCK, "own"])
    assert names[-2:] == [LAG, "own"]
    assert tables[-2]["enabled"] is False


def test_what_is_no_table_is_left_for_the_reader_to_refuse() -> None:
    assert overlaid(["x", {"id": 3}, {"id": ["a"]}]) == ["x", {"id": 3}, {"id": ["a"]}]  # type: ignore[list-item]


def test_a_channel_that_does_not_exist_is_a_mistake_with_the_one_that_was_meant() -> None:
    tables = [{"id": "a", "channels": ["ops", "caf\u00e9"]}, {"id": "b", "channels": ["opz"]}]

    (mistake,) = examine(tables, ["ops", "cafe\u0301"])

    assert str(mistake) == (
        'rule "b" channels = ["opz"]: there is no channel "opz", did you mean "ops"?'
    )
    assert mistake.path == ("rule", 1, "channels")


def test_channels_that_are_no_names_are_left_for_the_reader_to_refuse() -> None:
    tables = ["x", {"channels": 3}, {"channels": "ops"}, {"channels": [1, None]}, {}]

    assert examine(tables, []) == ()


def test_the_file_is_refused_when_a_rule_names_a_channel_that_it_does_not_have(
    tmp_path: Path,
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '[[rule]]\nid = "swap"\nmetric = "m"\nwarning = 1\nchannels = ["ops"]\n', encoding="utf-8"
    )

    with pytest.raises(ConfigError, match=r'config.toml:5: .*there is no channel "ops"'):
        read_whole(str(file), {})
