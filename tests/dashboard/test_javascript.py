"""The Node tests of the browser's modules, run with the others."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parent / "js"
ROOT = Path(__file__).parent.parent.parent


def test_the_modules_of_the_browser_pass_their_tests_in_node() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run them")
    files = sorted(str(path.relative_to(ROOT)) for path in TESTS.glob("*.test.mjs"))

    done = subprocess.run(
        [node, "--test", *files], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )

    print(done.stdout[-600:])
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert files
