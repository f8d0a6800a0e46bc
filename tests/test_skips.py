"""Skipped tests are counted, and forbidden where no reason is listed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.skips import ALLOWED, parse

ROOT = Path(__file__).parent.parent
SKIPPED = "import pytest\n\ndef test_one():\n    pytest.skip('no browser here')\n"


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(SKIPPED, encoding="utf-8")
    config = ["-c", str(ROOT / "pyproject.toml"), "-p", "tests.skips"]
    command = [sys.executable, "-m", "pytest", *config, *arguments]
    # The plugin is found by its module's name from the project's folder.
    return subprocess.run(
        [*command, f"--rootdir={folder}", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_skipped_test_is_counted_with_its_reason(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 tests skipped" in ended.stdout
    assert "test_it.py::test_one: no browser here (not allowed)" in ended.stdout


def test_a_skipped_test_that_is_not_listed_fails_a_strict_run(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, "--forbid-skips").returncode == 1


def test_every_allowed_skip_has_a_reason() -> None:
    assert all(parse(ALLOWED.read_text(encoding="utf-8")).values())
    with pytest.raises(ValueError, match="must read"):
        parse("tests/x.py::test_y\n")


def test_comments_and_empty_lines_allow_nothing() -> None:
    assert parse("# a | b\n\n tests/x | because \n") == {"tests/x": "because"}
