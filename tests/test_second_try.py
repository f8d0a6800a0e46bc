"""What fails beside other tests may be run once more alone, and is told either way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.second_try import SecondTry

ROOT = Path(__file__).parent.parent
FAILS = "def test_{}():\n    assert False\n"
# Passes the second time.
UNSTEADY = """
from pathlib import Path

def test_{}():
    mark = Path(__file__).with_suffix(".{}")
    seen, _ = mark.exists(), mark.touch()
    assert seen
"""


def run_pytest(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    # Both runs need the project's plugins. This test may itself run in a worker.
    options = "-p tests.second_try -p tests.skips -p no:cacheprovider"
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--second-try=2", f"--rootdir={folder}"],
        cwd=folder,
        env=environ | {"PYTEST_ADDOPTS": options, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def failed(*tests: str) -> SecondTry:
    tries = SecondTry(2, lambda _: True)
    for test in tests:
        tries.pytest_runtest_logreport(
            pytest.TestReport(test, (test, 0, test), {}, "failed", None, "call")
        )
    return tries


def test_what_passes_alone_does_not_fail_the_run_and_is_named(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, UNSTEADY.format("one", "one"))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "UNSTEADY, failed beside others, passed alone: " in ended.stdout
    assert "assert seen" in ended.stdout


def test_what_fails_alone_too_fails_the_run(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, FAILS.format("one"))

    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "failed alone too" in ended.stdout


def test_more_failures_than_a_busy_machine_explains_fail_the_run_at_once(tmp_path: Path) -> None:
    names = ("one", "two", "three")

    ended = run_pytest(tmp_path, "".join(UNSTEADY.format(name, name) for name in names))

    assert ended.returncode == 1
    assert "UNSTEADY" not in ended.stdout


def test_a_pure_decision_has_no_second_try() -> None:
    assert failed("tests/faults/test_a.py::test_b").may_try()
    assert not failed("tests/domain/test_a.py::test_b").may_try()
    assert not failed("tests/domain/test_a.py::test_b", "tests/faults/test_a.py::test_b").may_try()


def test_a_run_without_a_failed_test_tries_nothing() -> None:
    assert not failed().may_try()
