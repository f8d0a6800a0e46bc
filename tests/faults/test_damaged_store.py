"""Stores with flipped bytes, garbage and missing ends: Nocturne works, or refuses in one sentence."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.facts import Status
from storage.engine import StoreError
from storage.migrate import migrate
from storage.presence import backup_folder
from tests.dashboard.filled import about, fill
from tests.installed import Installed

SEED = 8050
PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a store in which checks ran and one of them failed."""
    folder, now = tmp_path_factory.mktemp("whole"), datetime.now(UTC)
    filled = fill(folder, now)
    filled.publish({f"check-{number}": about() for number in range(12)})
    for number in range(12):
        filled.results(f"check-{number}", [Status.HEALTHY, Status.CRITICAL] * 20, now)
    filled.incident("check-0", now)
    filled.engine.dispose()
    return (folder / "nocturne.db").read_bytes()


def refusal(path: Path) -> str | None:
    """Why a migration refuses the store at `path`; None when it does not."""
    try:
        migrate(f"sqlite:///{path}")
    except StoreError as error:
        return str(error)
    return None


def damages(whole: bytes, times: int) -> Iterator[tuple[str, bytes]]:
    """The store as it is after something happened to it, each with what that was."""
    chance = random.Random(SEED)
    for _ in range(times):
        at, bit = chance.randrange(len(whole)), chance.randrange(8)
        flipped = bytearray(whole)
        flipped[at] ^= 1 << bit
        yield f"bit {bit} of byte {at} flipped", bytes(flipped)
        # The first pages hold the schema, in which a wrong letter is a wrong statement.
        at = chance.randrange(2 * PAGE)
        letter = bytearray(whole)
        letter[at] = chance.randrange(256)
        yield f"byte {at} replaced", bytes(letter)
        at, length = chance.randrange(len(whole)), chance.choice((16, 100, PAGE))
        garbage = chance.randbytes(length)
        yield f"{length} bytes of garbage at {at}", whole[:at] + garbage + whole[at + length :]
        end = chance.choice((at, at // PAGE * PAGE))
        yield f"cut at {end}", whole[:end]


def test_a_damaged_store_works_or_is_refused_in_one_sentence_and_left_as_it_is(
    tmp_path: Path, whole: bytes
) -> None:
    refused = 0
    for number, (what, spoilt) in enumerate(damages(whole, 30)):
        path = tmp_path / str(number) / "nocturne.db"
        path.parent.mkdir()
        path.write_bytes(spoilt)

        sentence = refusal(path)

        if sentence is not None:
            refused += 1
            assert str(path) in sentence, what
            assert sentence.isprintable(), what
            assert path.read_bytes() == spoilt, what
            assert [each.name for each in path.parent.iterdir()] == ["nocturne.db"], what
        shutil.rmtree(path.parent)

    print(f"120 damaged stores: {refused} refused, the others work")
    assert refused > 40


def test_a_damaged_store_with_a_log_beside_it_is_left_as_it_is_too(
    tmp_path: Path, whole: bytes
) -> None:
    path, log = tmp_path / "nocturne.db", tmp_path / "nocturne.db-wal"
    filled = fill(tmp_path, datetime.now(UTC))
    filled.publish({"cpu": about()})
    left = log.read_bytes()
    spoilt = bytearray(path.read_bytes())
    filled.engine.dispose()
    spoilt[PAGE : 3 * PAGE] = random.Random(SEED).randbytes(2 * PAGE)
    path.write_bytes(spoilt)
    log.write_bytes(left[: len(left) // 2])

    with pytest.raises(StoreError, match="is damaged"):
        migrate(f"sqlite:///{path}")

    assert path.read_bytes() == spoilt
    assert log.read_bytes() == left[: len(left) // 2]


@pytest.mark.parametrize("command", ["migrate", "run"])
def test_a_command_on_a_damaged_store_ends_with_3_and_names_the_last_backup(
    installed: Installed, command: str
) -> None:
    path = installed.folder / "nocturne.db"
    whole = path.read_bytes()
    spoilt = whole[: 2 * PAGE] + random.Random(SEED).randbytes(2 * PAGE) + whole[4 * PAGE :]
    path.write_bytes(spoilt)
    backup_folder(path).mkdir()
    backup = backup_folder(path) / "nocturne-before-0002-from-0001-20260301T120000Z.db"
    backup.write_bytes(whole)

    ended = installed.app(command)

    assert ended.returncode == 3
    assert "Traceback" not in ended.stderr
    (sentence,) = ended.stderr.splitlines()
    assert f"{path} is damaged" in sentence
    assert f"`cp {backup} {path}`" in sentence
    assert path.read_bytes() == spoilt


@pytest.mark.parametrize("command", ["monitor", "pause"])
def test_a_command_that_begins_with_a_damaged_store_refuses_it_without_a_traceback(
    installed: Installed, command: str
) -> None:
    path = installed.folder / "nocturne.db"
    path.write_bytes(path.read_bytes()[:100] + random.Random(SEED).randbytes(20 * PAGE))

    ended = installed.app(command, *(["load"] if command == "pause" else []))

    assert ended.returncode == 3
    assert "Traceback" not in ended.stderr
    assert "the store" in ended.stderr
