"""The monitor process: when a changed file is taken up."""

from __future__ import annotations

from pathlib import Path

from monitor.process import ConfigWatch


def test_a_file_is_taken_up_once_when_it_has_stayed_the_same_for_a_look(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("one")
    changed = ConfigWatch(path)

    path.write_text("first half")
    looks = [changed()]
    path.write_text("first half, and the second")
    looks += [changed() for _ in range(4)]

    assert looks == [False, False, True, False, False]


def test_what_is_read_for_another_reason_is_not_taken_up_a_second_time(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("one")
    changed = ConfigWatch(path)

    path.write_text("another")
    taken = changed.take(), changed.take()

    assert taken == (True, False)
    assert [changed() for _ in range(3)] == [False] * 3


def test_a_file_that_is_away_for_a_moment_is_no_change(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("one")
    changed = ConfigWatch(path)

    aside = path.rename(tmp_path / "aside")
    away = [changed(), changed()]
    aside.rename(path)

    assert away == [False, False]
    assert [changed(), changed()] == [False, False]
