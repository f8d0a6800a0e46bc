"""Takes the pictures in docs/screens of a real installation: `make screens`."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

from tests.browser.conftest import address, port, shipped_checks, start
from tests.browser.driver import Screen, driving, missing
from tests.browser.shop import services
from tests.installed import ROOT, Installed
from tests.waiting import wait_for

FOLDER = ROOT / "docs" / "screens"
SHOP = """
[[check]]
name = "shop-db"
kind = "tcp"
host = "127.0.0.1"
port = {db}
interval = "5s"
group = "Shop"
tags = ["shop"]
description = "The database of the shop."

[[check]]
name = "shop-checkout"
kind = "http"
url = "{checkout}health"
interval = "5s"
group = "Shop"
tags = ["shop"]
depends_on = ["shop-db"]

[[check]]
name = "shop-orders"
kind = "http"
url = "{checkout}orders"
interval = "5s"
group = "Shop"
tags = ["shop"]
depends_on = ["shop-db"]

[[check]]
name = "shop-search"
kind = "http"
url = "{search}search"
interval = "5s"
group = "Shop"
tags = ["shop"]
depends_on = ["shop-edge"]
description = "Finds an article, as customers do."

[[check]]
name = "shop-edge"
kind = "http"
url = "{edge}"
interval = "5s"
group = "Shop"
tags = ["shop"]
"""
# What must be confirmed before a picture is taken. The machine itself is as it is.
EXPECTED = {
    "shop-db": ("critical", "none"),
    "shop-checkout": ("unknown", "blocked"),
    "shop-orders": ("unknown", "blocked"),
    "shop-search": ("warning", "none"),
    "shop-edge": ("healthy", "none"),
}
RESULTS = 24
WHOLE = "$$('.card').length >= 2 && $$('.rail-link[aria-current]').length === 1"


def main() -> None:
    """Start an installation, wait until all is confirmed, take the pictures."""
    if reason := missing():
        raise SystemExit(f"No pictures: {reason}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, services(3) as (checkout, search, edge):
        folder = Path(name)
        shop = SHOP.format(db=port(), checkout=checkout.url, search=search.url, edge=edge.url)
        made = Installed(folder=folder, port=port(), checks=shipped_checks() + shop)
        try:
            start(made)
            # It was fine before it became slow: the chart shows the step.
            wait_for(lambda: len(made.results("shop-search")) >= RESULTS // 3, 60, pause_s=0.5)
            search.wait_s = 0.62
            wait_for(lambda: confirmed(made), 180, pause_s=0.5)
            wait_for(lambda: len(made.results("shop-search")) >= RESULTS, 180, pause_s=0.5)
            with driving(folder / "chromium") as screen:
                take(screen, made)
        finally:
            made.close()


def confirmed(made: Installed) -> bool:
    """Whether every check reads what it is to read, and no other is still being confirmed."""
    checks = {each["name"]: each for each in made.get("/live/snapshot")[1]["checks"]}
    return all(
        (check["status"], check["mark"]) == EXPECTED.get(name, ("healthy", "none"))
        for name, check in checks.items()
    )


def take(screen: Screen, made: Installed) -> None:
    """All pictures."""
    screen.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    for theme in ("dark", "light"):
        screen.prefer(color_scheme=theme)
        screen.open(address(made))
        screen.until(WHOLE)
        picture(screen, f"overview-{theme}")
        screen.open(address(made, "/checks/shop-search?range=1h"))
        screen.until("document.querySelector('.js-plotly-plot')?.data?.length > 0")
        screen.until("$$('.results tbody tr').length > 0")
        picture(screen, f"check-{theme}")
    screen.prefer()
    for width, height in ((1920, 1080), (3840, 2160)):
        screen.size(width, height)
        screen.open(address(made, "/wall"))
        screen.until("$$('.wall-tile').length >= 2")
        picture(screen, f"wall-{width}")
    screen.size(390, 844, phone=True)
    screen.open(address(made))
    screen.until(WHOLE)
    picture(screen, "phone-dark")


def picture(screen: Screen, name: str) -> None:
    """Write one picture, once fonts are there and the newest data is drawn."""
    screen.until("document.fonts.status === 'loaded'")
    screen.until("document.documentElement.dataset.freshness === 'fresh'")
    taken = screen.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    (FOLDER / f"{name}.png").write_bytes(base64.b64decode(taken["data"]))
    print(f"docs/screens/{name}.png")


if __name__ == "__main__":
    main()
