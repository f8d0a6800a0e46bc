"""What axe-core finds: names, roles, contrast and landmarks, in both themes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.browser.driver import Screen
from tests.browser.test_quality import PAGES, look
from tests.installed import Installed

pytestmark = pytest.mark.browser

# Not vendored: the tests do without it where npm can't get it.
AXE = "axe-core@4.14.1"
QUIETLY = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, taken from npm into a temporary folder."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
    if npm is None:
        pytest.skip("there is no npm to get axe-core with")
    try:
        subprocess.run(
            [npm, "install", *QUIETLY, AXE], cwd=folder, capture_output=True, timeout=60, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("axe-core could not be had from npm")
    return Path(folder, "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@PAGES
def test_axe_finds_nothing_that_shuts_people_out(
    screen: Screen, shipped: Installed, axe: str, page: str
) -> None:
    look(screen, shipped, page)
    screen.driver.set_script_timeout(30)
    screen.driver.execute_script(axe)

    found = violations(screen)
    screen.prefer(color_scheme="light")
    found += [each for each in violations(screen) if each not in found]

    assert found == [], json.dumps(found, indent=1)


def violations(screen: Screen) -> list[dict[str, Any]]:
    """What axe-core finds wrong with the page as it stands."""
    found: list[dict[str, Any]] = screen.driver.execute_async_script(
        """const done = arguments[arguments.length - 1];
        axe.run(document, { resultTypes: ["violations"] }).then((result) => done(result.violations.map(
          ({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.slice(0, 4).map(
            (node) => `${node.target} ${node.failureSummary}`) }))));"""
    )
    return found
