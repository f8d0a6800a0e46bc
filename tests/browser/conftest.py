"""One headless Chromium at a time, and real installations for it to look at."""

from __future__ import annotations

import json
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.chrome.options import Options

from tests.browser.driver import Screen, driving, missing, options
from tests.installed import ROOT, Installed
from tests.waiting import wait_for

# Runs often enough for a test to see something new within seconds.
QUICK = """
[[check]]
name = "quick"
kind = "system"
resource = "load"
interval = "1s"
group = "Quick"
warning = 1000
critical = 2000
description = "Load per core, each second."
"""
# What the tests themselves drive up.
BUSY = re.compile(r'^resource = "(cpu|load)"\n', re.MULTILINE)
PROFILES: list[Path] = []


def pytest_setup_options() -> Options:
    """The browser of dash.testing's fixtures: headless without an option on the command line."""
    PROFILES.append(Path(tempfile.mkdtemp(prefix="nocturne-chromium-")))
    return options(PROFILES[-1])


def pytest_unconfigure() -> None:
    """Remove what those browsers left."""
    for profile in PROFILES:
        shutil.rmtree(profile, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _browser_is_there() -> None:
    if reason := missing():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def browser(
    request: pytest.FixtureRequest,
    _browser_is_there: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Screen]:
    """The browser of a module. It ends with it, so that there is never more than one."""
    requests = getattr(request.module, "REQUESTS", False)
    with driving(tmp_path_factory.mktemp("chromium"), requests=requests) as screen:
        yield screen


@pytest.fixture
def screen(browser: Screen) -> Screen:
    """An empty page, 1440 × 900, dark."""
    browser.reset()
    return browser


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The shipped checks and a quick one, watched by real processes; nobody may change them."""
    made = Installed(
        folder=tmp_path_factory.mktemp("shipped"), port=port(), checks=shipped_checks() + QUICK
    )
    yield from running(made)


def shipped_checks() -> str:
    """All checks of the shipped config.toml, which stay healthy however busy this machine is."""
    text = (ROOT / "config.toml").read_text(encoding="utf-8")
    start = re.search(r"^\[\[check\]\]$", text, re.MULTILINE)
    assert start is not None
    tables = re.split(r"^(?=\[\[check\]\]$)", text[start.start() :], flags=re.MULTILINE)
    return "".join(calm(table) if BUSY.search(table) else table for table in tables)


def calm(table: str) -> str:
    """A table of a check with levels that are never reached: a page under test must not change."""
    kept = re.sub(r"^(warning|critical) = .*\n", "", table, flags=re.MULTILINE)
    return BUSY.sub(r"\g<0>warning = 1000\ncritical = 2000\n", kept)


def running(made: Installed) -> Iterator[Installed]:
    """Start both processes, wait until every check has been measured, and end them afterwards."""
    try:
        start(made)
        yield made
    finally:
        made.close()


def start(made: Installed) -> None:
    """Start both processes and wait until every check has been measured."""
    made.migrate()
    made.start("web")
    made.start("monitor")
    wait_for(lambda: measured(made), 90, pause_s=0.2)


def measured(made: Installed) -> bool:
    """Whether every check of an installation has a result, be it confirmed or not."""
    status, body = made.get("/live/snapshot")
    return (
        status == 200 and body["checks"] != [] and all(each["last_at"] for each in body["checks"])
    )


def port() -> int:
    """A port of the loopback interface that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def address(made: Installed, path: str = "/") -> str:
    """The address of a page of an installation."""
    return f"http://127.0.0.1:{made.port}{path}"


def quoted(text: str) -> str:
    """A text as TOML."""
    return json.dumps(text)
