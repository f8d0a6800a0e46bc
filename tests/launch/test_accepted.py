"""What the supervisor keeps of a configuration, and what a process starts with."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from domain.mistakes import ConfigError
from launch.accepted import VARIABLE, Slot, Source, slot_of
from launch.config import read_plain

GOOD = "[web]\nport = 81\n"
BAD = "[web]\nport = 0\n"


@pytest.fixture
def slot() -> Iterator[Slot]:
    made = Slot.make()
    assert made is not None
    yield made
    os.close(made.descriptor)


def source(slot: Slot | None, text: str, *, keeps: bool = True) -> Source:
    return Source("c.toml", {}, read_plain, slot=slot, keeps=keeps, read=lambda _: text)


def test_a_slot_keeps_the_last_text_whole(slot: Slot) -> None:
    assert slot.kept() is None

    slot.keep("a long text with ünïcode")
    slot.keep("short")

    assert slot.kept() == "short"


def test_a_slot_is_found_by_its_variable_and_only_while_it_is_open(slot: Slot) -> None:
    assert slot_of({VARIABLE: str(slot.descriptor)}) == slot
    for other in ("", "x", "٣", "-1", "999999"):
        assert slot_of({VARIABLE: other}) is None
    assert slot_of({}) is None


def test_a_process_that_finds_a_wrong_file_goes_on_with_what_was_accepted(slot: Slot) -> None:
    assert source(slot, GOOD).start()[1] is None

    configuration, refused = source(slot, BAD).start()

    assert configuration.settings.web.port == 81
    assert str(refused).startswith("c.toml:2: web.port = 0: ")


def test_a_wrong_file_never_takes_the_place_of_what_was_accepted(slot: Slot) -> None:
    running = source(slot, GOOD)
    running.load()

    with pytest.raises(ConfigError):
        source(slot, BAD).load()

    assert slot.kept() == GOOD


def test_who_reads_only_a_part_of_the_file_keeps_nothing(slot: Slot) -> None:
    source(slot, GOOD, keeps=False).load()

    assert slot.kept() is None


@pytest.mark.parametrize("held", [True, False])
def test_a_first_start_with_a_wrong_file_is_refused(slot: Slot, held: bool) -> None:
    with pytest.raises(ConfigError):
        source(slot if held else None, BAD).start()
