"""Headless Chromium: how it is started, and what tests ask of the page that it shows."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common import action_chains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.waiting import PATIENCE_S, within

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--force-color-profile=srgb",
    "--window-size=1440,900",
)
# It also limits how long the browser may take for anything else, its own start included.
PAGE_LOAD_S = 110
# This selenium publishes no types.
ActionChains: Any = action_chains.ActionChains
PROBE = (Path(__file__).parent / "probe.js").read_text(encoding="utf-8")


def chromium() -> str | None:
    """The path of the browser; None when there is none."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


def missing() -> str:
    """What is missing to drive a browser here; empty when nothing is."""
    lacking = [] if chromium() else ["chromium"]
    lacking += [] if shutil.which("chromedriver") else ["chromedriver"]
    return f"no browser on this machine: {' and '.join(lacking)} not found" if lacking else ""


def options(profile: Path) -> Options:
    """The options of every browser under test: headless, talking to nobody, with a new profile."""
    made: Any = Options()
    made.binary_location = chromium() or ""
    for argument in (*QUIET, f"--user-data-dir={profile}"):
        made.add_argument(argument)
    return cast(Options, made)


@contextlib.contextmanager
def driving(profile: Path, *, requests: bool = False) -> Iterator[Screen]:
    """A browser that keeps its console, ended afterwards.

    With `requests` it also keeps what it asks for, which takes a sixth more of the processor.
    """
    wanted: Any = options(profile)
    kept = ["browser", "performance"] if requests else ["browser"]
    wanted.set_capability("goog:loggingPrefs", dict.fromkeys(kept, "ALL"))
    driver = webdriver.Chrome(
        options=wanted, service=Service(shutil.which("chromedriver") or "chromedriver")
    )
    try:
        driver.set_page_load_timeout(PAGE_LOAD_S)
        yield Screen(driver)
    finally:
        driver.quit()


class Screen:
    """One page as somebody sees it. Waits for conditions in the page, never for a time."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.size(1440, 900)

    # What is looked at, and how.

    def open(self, url: str) -> None:
        """Load a page of the product and wait until its first data is drawn."""
        self.driver.get(url)
        self.until("document.documentElement.dataset.loaded === 'true'", 60)

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """The size of the page: also below the 500 pixels that a window can't go under."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, **features: str) -> None:
        """What the system prefers: `prefer(color_scheme="light", reduced_motion="reduce")`."""
        wanted = {"color_scheme": "dark", "reduced_motion": "no-preference", **features}
        listed = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in wanted.items()
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": listed})

    def reset(self) -> None:
        """Forget the page, its logs and what was preferred."""
        self.driver.get("about:blank")
        self.size(1440, 900)
        self.prefer()
        for kind in self.driver.log_types:
            self.driver.get_log(kind)

    # What stands there.

    def js(self, expression: str, *arguments: Any) -> Any:
        """The value of an expression in the page; `$$` selects, `probe` looks for colours."""
        script = f"{PROBE}\nreturn ({expression});"
        return self.driver.execute_script(script, *arguments)

    def until(self, expression: str, seconds: float = PATIENCE_S, *arguments: Any) -> None:
        """Wait until the expression holds in the page; the failure tells what stood there instead."""
        self.within(expression, max(seconds, PATIENCE_S), *arguments)

    def within(self, expression: str, seconds: float, *arguments: Any) -> None:
        """As `until`, for a limit that the product promises: it holds however busy the machine is."""
        try:
            within(lambda: bool(self.js(expression, *arguments)), seconds, pause_s=0.1)
        except AssertionError:
            seen = self.js("document.body.innerText")[:1500]
            said = f"not in time: {expression} {arguments or ''}"
            raise AssertionError(f"{said}\n{self.title}\n{seen}") from None

    def texts(self, selector: str) -> list[str]:
        """The text of all visible elements that a selector finds."""
        found: list[str] = self.js(
            "$$(arguments[0]).filter(shows).map((node) => node.innerText.trim())", selector
        )
        return found

    def text(self, selector: str) -> str:
        """The text of the one visible element that a selector finds."""
        found = self.texts(selector)
        assert len(found) == 1, f"{selector} shows {len(found)} times: {found[:5]}"
        return found[0]

    def count(self, selector: str) -> int:
        """How many elements a selector finds."""
        return int(self.js("$$(arguments[0]).length", selector))

    def one(self, selector: str) -> WebElement:
        """The element to act upon."""
        found: WebElement = self.driver.find_element(By.CSS_SELECTOR, selector)
        return found

    def greens(self) -> list[str]:
        """All visible things in a healthy colour, by their computed colours."""
        found: list[str] = self.js("probe.greens()")
        return found

    @property
    def title(self) -> str:
        return str(self.driver.title)

    @property
    def path(self) -> str:
        return str(self.js("location.pathname + location.search"))

    @property
    def favicon(self) -> str:
        """The state that the favicon tells."""
        return str(self.js("document.querySelector('link[rel~=icon]')?.dataset.state"))

    # What is done.

    def press(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        actions = ActionChains(self.driver)
        for key in keys:
            actions.send_keys(key)
        actions.perform()

    def drag(self, selector: str, start: tuple[int, int], by: int) -> None:
        """Drag sideways with the mouse, from a place in an element."""
        actions = ActionChains(self.driver)
        actions.move_to_element_with_offset(self.one(selector), *start).click_and_hold()
        actions.move_by_offset(by, 0).release().perform()

    def mark(self) -> None:
        """Leave a mark that a reload of the page would wipe out."""
        self.js("globalThis.marked = true")

    @property
    def reloaded(self) -> bool:
        """Whether the page was loaded anew since it was marked."""
        return not self.js("globalThis.marked === true")

    # What the browser kept.

    def console(self) -> list[str]:
        """The errors and warnings of the console since the last call, CSP violations included."""
        kept = self.driver.get_log("browser")
        return [entry["message"] for entry in kept if entry["level"] in ("SEVERE", "WARNING")]

    def requested(self) -> list[str]:
        """The addresses that the page asked for since the last call, but for data inside of it.

        Kept in the modules alone that say `REQUESTS = True`.
        """
        kept = [json.loads(entry["message"]) for entry in self.driver.get_log("performance")]
        events = [entry["message"] for entry in kept]
        urls = [
            event["params"].get("request", event["params"]).get("url", "")
            for event in events
            if event["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated")
        ]
        return [url for url in urls if urlsplit(url).scheme not in ("data", "blob", "about")]
