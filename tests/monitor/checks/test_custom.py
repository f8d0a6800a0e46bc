"""Check kind `custom`: what an author's code returns or raises, its config, and that it can do no harm."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.custom import CustomCheck
from monitor.foreign import ForeignRunner

CODE = '''
"""Checks of a shop."""
from __future__ import annotations
import sys, time
from dataclasses import dataclass, field
from pathlib import Path
import sibling
from monitor.custom import Result, Status, critical, degraded, healthy, unknown, warning

@dataclass(frozen=True)
class QueueDepth:
    folder: Path
    most: int = 3
    words: list[str] = field(default_factory=list)

    def run(self) -> Result:
        waiting = len(list(self.folder.iterdir()))
        if waiting > self.most:
            return critical(f"{waiting} files wait, expected ≤ {self.most}", waiting=waiting)
        return healthy(f"{waiting} files wait", waiting=waiting, used_percent=50)

class Plain:
    def __init__(self, size: float) -> None:
        self.size = size
    async def run(self):
        return {"size_bytes": self.size}

class Idle: pass

def levels(level: str, password: str = "") -> Result:
    return Result(Status[level], f"it is\\n{level} {password}", {}, {"note": password, "n": 1})

def returns(what: str):
    return {"none": None, "true": True, "false": False, "number": 2.5, "text": "fine",
            "nan": float("nan"), "named": {"Big Name": 1}, "word": {"size": "big"},
            "taken": {"run_ms": 1}, "many": {f"n{i}": 1 for i in range(200)},
            "wrong": Result("healthy"), "huge": 10**400,
            "odd": Result(Status.HEALTHY, "odd", {"n": 2**70},
                          {"n": 2**70, "huge": 10**5000, "nan": float("nan"), "it": sys, "b": True}),
            "list": Result(Status.HEALTHY, "x", [1])}[what]

def sums(*, a: int, b: int = 1, flag: bool = False) -> dict: return {"sum": a + b}
def anything(**config): return {"given": len(config)}

def raises():
    return inner({})

def inner(table):
    return table["hunter2"]

def refused(): raise ConnectionRefusedError(111, "Connection refused", "hunter2")
def imports():
    import nothing_like_it
def leaves(): sys.exit(2)
def interrupts(): raise KeyboardInterrupt
def in_library():
    Path("/nowhere/hunter2").read_text()
def hangs(): time.sleep(3600)
def floods(): return len(bytearray(10**10))
def pi(): return sibling.PI
'''


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checks")
    (folder / "sibling.py").write_text("PI = 3\n")
    path = folder / "queue.py"  # a library has this name too
    path.write_text(CODE)
    return path


async def run(file: Path, entry: str, **config: Any) -> Measurement:
    check = CustomCheck(path=str(file), entry=entry, config=config)
    return await check.run(Deadline.after(5))


def numbers(found: Measurement) -> Mapping[str, float]:
    return {name: value for name, value in found.metrics.items() if name != "custom.run_ms"}


@pytest.mark.case("healthy")
async def test_a_class_is_made_with_its_config_and_run(file: Path, tmp_path: Path) -> None:
    found = await run(file, "QueueDepth", folder=str(tmp_path), most=3)

    assert (found.status, found.cause) == (Status.HEALTHY, Cause.NONE)
    assert found.message == "0 files wait"
    assert numbers(found) == {"custom.waiting": 0, "custom.used_percent": 50}
    assert found.response_time_ms == found.metrics["custom.run_ms"]


@pytest.mark.case("wrong")
async def test_what_it_finds_wrong_is_told_in_its_words(file: Path, tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    found = await run(file, "QueueDepth", folder=str(tmp_path), most=0)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message == "1 files wait, expected ≤ 0"
    assert numbers(found) == {"custom.waiting": 1}


async def test_a_plain_class_and_an_async_method_will_do(file: Path) -> None:
    found = await run(file, "Plain", size=2)

    assert (found.status, numbers(found)) == (Status.HEALTHY, {"custom.size_bytes": 2})


@pytest.mark.parametrize("level", list(Status))
async def test_every_status_is_passed_on(file: Path, level: Status) -> None:
    found = await run(file, "levels", level=level.name)

    assert (found.status, found.message) == (level, f"it is {level.name}")


async def test_a_secret_of_the_config_is_masked_in_what_it_says(file: Path) -> None:
    check = CustomCheck(
        path=str(file), entry="levels", config={"level": "HEALTHY", "password": "hunter2"}
    )

    found = await check.run(Deadline.after(5))

    assert found.message == "it is HEALTHY ***"
    assert found.details == {"note": "***", "n": 1}
    assert "hunter2" not in repr(check) + check.target()


@pytest.mark.parametrize(
    ("what", "status", "expected"),
    [
        ("none", Status.HEALTHY, {}),
        ("true", Status.HEALTHY, {}),
        ("false", Status.CRITICAL, {}),
        ("number", Status.HEALTHY, {"custom.value": 2.5}),
    ],
)
async def test_a_simple_answer_is_understood(
    file: Path, what: str, status: Status, expected: Mapping[str, float]
) -> None:
    found = await run(file, "returns", what=what)

    assert (found.status, numbers(found)) == (status, expected)
    assert found.message.startswith(f"returns is {status.word} (")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("text", "returned str, expected a Result, None, True, False, a number or numbers by name"),
        ("nan", "returned value, which is no finite number"),
        ("named", 'returned a number called "Big Name", expected lower-case letters, digits, "_"'),
        ("word", "returned size, which is no finite number"),
        ("taken", "returned a number called run_ms, which is measured already"),
        ("many", "returned 200 numbers, expected at most 100"),
        ("wrong", "returned a result with a part of another type than it must have"),
        ("list", "returned a result with a part of another type than it must have"),
        ("huge", "returned value, which is no finite number"),
    ],
)
async def test_an_answer_that_is_none_is_unknown_and_says_why(
    file: Path, what: str, message: str
) -> None:
    found = await run(file, "returns", what=what)

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message.startswith(f"returns {message}")


@pytest.mark.parametrize(
    ("entry", "config", "message"),
    [
        ("sums", {}, "config.a is missing"),
        ("sums", {"a": "many"}, "config.a must be a whole number, not text"),
        ("sums", {"a": 1, "flog": True}, "config.flog is unknown, did you mean flag?"),
        ("sums", {"b": 0.5, "x": 1}, "config.x is unknown; config.a is missing; config.b must be "),
        ("QueueDepth", {"folder": "/", "words": [1]}, "config.words must be text, not a whole num"),
        ("Idle", {}, "Idle has no method run"),
        ("QueueDeth", {}, "queue.py has no QueueDeth, did you mean QueueDepth?"),
        ("__doc__", {}, "__doc__ is neither a class nor a function"),
    ],
)
async def test_a_config_that_does_not_fit_is_told_with_all_that_is_wrong(
    file: Path, entry: str, config: dict[str, Any], message: str
) -> None:
    found = await run(file, entry, **config)

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message.startswith(message)


async def test_the_text_of_a_variable_may_stand_for_a_number(file: Path) -> None:
    assert numbers(await run(file, "sums", a="41")) == {"custom.sum": 42}


async def test_a_function_that_takes_anything_gets_everything(file: Path) -> None:
    assert numbers(await run(file, "anything", a=1, b=[2])) == {"custom.given": 2}


def line_of(text: str) -> int:
    return next(at for at, line in enumerate(CODE.splitlines(), 1) if text in line)


@pytest.mark.parametrize(
    ("entry", "kind", "line"),
    [
        ("raises", "KeyError", 'table["hunter2"]'),
        ("refused", "ConnectionRefusedError (Connection refused)", "def refused"),
        ("imports", "ModuleNotFoundError (nothing_like_it)", "import nothing"),
        ("leaves", "SystemExit", "sys.exit"),
        ("interrupts", "KeyboardInterrupt", "raise KeyboardInterrupt"),
        ("in_library", "FileNotFoundError (No such file or directory)", "read_text"),
    ],
)
async def test_an_error_of_the_author_is_unknown_with_its_kind_and_line_alone(
    file: Path, entry: str, kind: str, line: str
) -> None:
    found = await run(file, entry)

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message == f"{entry} raised {kind} at queue.py:{line_of(line)}"
    assert "hunter2" not in repr(found)


@pytest.mark.case("refused")
async def test_a_file_that_is_missing_or_no_python_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("x = 1\ndef run(:\n")
    raising = tmp_path / "raising.py"
    raising.write_text("x = {}\nx['hunter2']\n")
    text = tmp_path / "check.txt"
    text.write_text("")

    found = [
        (await run(path, "run")).message
        for path in (tmp_path / "gone.py", broken, raising, text, tmp_path)
    ]

    assert found == [
        f"{tmp_path}/gone.py can't be read: No such file or directory",
        "run has a SyntaxError at broken.py:2",
        "run raised KeyError at raising.py:2",
        "check.txt is no Python file: its name must end with .py",
        f"{tmp_path.name} is no Python file: its name must end with .py",
    ]


async def test_a_changed_file_is_used_at_the_next_run(tmp_path: Path) -> None:
    file = tmp_path / "changing.py"
    file.write_text("def run(): return 1\n")
    before = numbers(await run(file, "run"))

    file.write_text("def run(): return 22\n")

    assert (before, numbers(await run(file, "run"))) == (
        {"custom.value": 1},
        {"custom.value": 22},
    )


async def test_a_file_beside_it_is_imported_and_a_library_of_its_name_is_not_replaced(
    file: Path,
) -> None:
    found = await run(file, "pi")

    import queue

    assert numbers(found) == {"custom.value": 3}
    assert not str(queue.__file__).startswith(str(file.parent))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution with an entry point, as pip would install it."""
    facts = tmp_path / "shopchecks-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: shopchecks\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[nocturne.checks]\nshop-stock = shopchecks:stock\nshop-gone = shopchecks:gone\n"
    )
    (tmp_path / "shopchecks.py").write_text("def stock(most: int = 5):\n    return {}[most]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return tmp_path


async def test_an_entry_point_is_found_by_its_name(installed: Path) -> None:
    check = CustomCheck(entry="shop-stock")

    found = await check.run(Deadline.after(5))
    other = await CustomCheck(entry="shop-stok").run(Deadline.after(5))
    gone = await CustomCheck(entry="shop-gone").run(Deadline.after(5))

    assert found.message == "shop-stock raised KeyError at shopchecks.py:2"
    assert other.message.startswith("No entry point shop-stok in the group nocturne.checks; there ")
    assert "shop-stock" in other.message
    assert gone.message.startswith("The entry point shop-gone names shopchecks:gone, which is miss")
    assert check.target() == "shop-stock"


def test_the_number_named_in_the_config_stands_large() -> None:
    assert CustomCheck(entry="x", metric="waiting").headline() == "custom.waiting"
    assert CustomCheck(entry="x").headline() == "custom.run_ms"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"entry": "x", "metric": "No Name"}, CustomCheck)


# ── In the process that can be killed ───────────────────────────────────────────────────────────


@pytest.fixture
async def runner() -> AsyncIterator[ForeignRunner]:
    runner = ForeignRunner(memory_bytes=300 * 10**6)
    yield runner
    await runner.close()


async def test_it_runs_in_a_process_of_its_own(runner: ForeignRunner, file: Path) -> None:
    check = CustomCheck(
        path=str(file), entry="QueueDepth", config={"folder": str(file.parent), "most": 99}
    )

    found = await runner.run(check, "custom", 10)

    assert found.status is Status.HEALTHY
    assert "custom.waiting" in found.metrics
    assert f"nocturne_check_{file.stem}" not in sys.modules


async def test_details_that_cannot_be_stored_are_told_by_their_type(
    runner: ForeignRunner, file: Path
) -> None:
    check = CustomCheck(path=str(file), entry="returns", config={"what": "odd"})

    found = await runner.run(check, "custom", 10)

    assert (found.status, numbers(found)) == (Status.HEALTHY, {"custom.n": 2.0**70})
    assert found.details == {"n": 2.0**70, "huge": "int", "nan": "float", "it": "module", "b": True}


@pytest.mark.case("timeout")
async def test_one_that_hangs_is_killed_and_the_next_one_runs(
    runner: ForeignRunner, file: Path
) -> None:
    started = time.monotonic()

    hung = await runner.run(CustomCheck(path=str(file), entry="hangs"), "custom", 0.5)
    next_one = await runner.run(CustomCheck(path=str(file), entry="pi"), "custom", 10)

    assert (hung.status, hung.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert time.monotonic() - started < 25
    assert next_one.status is Status.HEALTHY


@pytest.mark.case("hostile")
async def test_one_that_takes_all_memory_harms_nobody(runner: ForeignRunner, file: Path) -> None:
    own = psutil.Process(os.getpid()).memory_info().rss

    found = await runner.run(CustomCheck(path=str(file), entry="floods"), "custom", 10)
    next_one = await runner.run(CustomCheck(path=str(file), entry="pi"), "custom", 10)

    assert (found.status, found.message) == (
        Status.CRITICAL,
        "Used more than its 300 MB of memory",
    )
    assert next_one.status is Status.HEALTHY
    assert psutil.Process(os.getpid()).memory_info().rss < own + 20 * 10**6
