"""Takes the pictures in docs/screens of a demo store: `make screens`.

The history is that of `python app.py demo`. A demo has no monitor, so that everything in it reads
stale; for the pictures this script beats and runs the checks on, each as it stood at the end.
"""

from __future__ import annotations

import base64
import contextlib
import os
import struct
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.check_rows import CheckRow
from storage.engine import open_engine
from storage.journal import Beat, Entry, Journal, Published
from storage.leadership import Lease, Process, claim
from storage.readings import Readings
from tests.browser.conftest import address, port
from tests.browser.driver import Screen, driving, missing
from tests.installed import ROOT, Installed
from tests.waiting import wait_for

FOLDER = ROOT / "docs" / "screens"
CHECKS, DAYS = 64, 91
STATUS = """
[status]
enabled = true
title = "Lindqvist Supplies"
groups = { Shop = "Shop", Payments = "Ordering and payment", Search = "Search" }
checks = { mail-web = "Order e-mails", accounts-web = "Sign-in" }
"""
DESK, PHONE, WALL, LARGE_WALL = (1440, 900), (390, 844), (1920, 1080), (3840, 2160)
CHECK = "/checks/shop-web?range=24h"
# Name of a picture → the page, how large, and what stands there once it is whole.
PICTURES = {
    "overview": ("/", DESK, "$$('.tile, .hex').length > 20"),
    "checks": ("/checks", DESK, "$$('.chk-row').length > 20"),
    "check": (
        CHECK,
        DESK,
        "document.querySelector('.js-plotly-plot')?.data?.length > 0 && $$('.cv-row').length > 0",
    ),
    "incidents": ("/incidents?hours=168", DESK, "$$('.inc-row').some(shows)"),
    "thresholds": ("/thresholds", DESK, "document.querySelector('.threshold-line')"),
    "status": ("/status", (1200, 1000), "$$('h1').some(shows)"),
    "phone": ("/", PHONE, "$$('.tile, .hex').length > 20"),
    "wall": ("/wall", WALL, "['problems', 'calm'].includes($$('.wall')[0]?.dataset.mode)"),
    "wall-2160": (
        "/wall",
        LARGE_WALL,
        "['problems', 'calm'].includes($$('.wall')[0]?.dataset.mode)",
    ),
}


def main(store: str = "") -> None:
    """Make a demo (or take that of the URL `store`), keep it alive, take the pictures."""
    if reason := missing():
        raise SystemExit(f"No pictures: {reason}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = store or made_up(folder)
        made = Installed(folder=folder, port=port(), checks=STATUS, store=url)
        with contextlib.closing(made), alive(url):
            made.start("web")
            wait_for(lambda: made.get("/live/snapshot")[0] == 200, 60, pause_s=0.5)
            with driving(folder / "chromium") as screen:
                take(screen, made)


def made_up(folder: Path) -> str:
    """The URL of a demo store made anew."""
    url = f"sqlite:///{folder / 'demo.db'}"
    size = ("--days", str(DAYS), "--checks", str(CHECKS), "--store", url)
    subprocess.run([sys.executable, "app.py", "demo", *size], cwd=ROOT, check=True)
    return url


@contextlib.contextmanager
def alive(url: str) -> Iterator[None]:
    """Stand in for a monitor: a beat each second, and each check runs when it is due."""
    engine, done = open_engine(url), threading.Event()
    now = datetime.now(UTC)
    me = Process(boot_id="pictures", host="noc-1", pid=os.getpid(), process_start=now)
    lease = claim(engine, me, now, lambda _: True)
    assert isinstance(lease, Lease), "a monitor runs on this store"
    journal, rows = Journal(engine), Readings(engine).board(now).checks
    known = [Published(name=row.name, kind=row.kind, about=row.about) for row in rows]
    journal.publish(lease, known)

    def go_on() -> None:
        first = True
        while first or not done.wait(1):
            at = datetime.now(UTC)
            journal.commit(lease, [ran(row, at) for row in rows if first or is_due(row, at)])
            journal.commit(lease, [], [], Beat(at=at))
            first = False

    heart = threading.Thread(target=go_on, daemon=True)
    heart.start()
    try:
        yield
    finally:
        done.set()
        heart.join()
        engine.dispose()


def is_due(row: CheckRow, at: datetime) -> bool:
    """Whether a check runs in this second; its number is its phase."""
    return int(at.timestamp() + 7 * row.id) % int(row.about["interval_s"]) == 0


def ran(row: CheckRow, at: datetime) -> Entry:
    """A run that found what stood there before."""
    due = at + timedelta(seconds=float(row.about["interval_s"]))
    return Entry(state=replace(row.state, last_at=at), due=due)


def take(screen: Screen, made: Installed) -> None:
    """All pictures, dark and light; the largest only dark."""
    screen.driver.set_page_load_timeout(120)
    screen.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    for theme in ("dark", "light"):
        screen.prefer(color_scheme=theme)
        for name, (page, (width, height), whole) in PICTURES.items():
            if theme == "light" and (width, height) == LARGE_WALL:
                continue  # Half a megabyte that shows no more than the smaller one.
            screen.size(width, height, phone=width == PHONE[0])
            screen.driver.get(address(made, page))
            screen.until(whole, 60)
            if page != "/status":
                screen.until("document.documentElement.dataset.freshness === 'fresh'", 60)
            picture(screen, FOLDER / f"{name}-{theme}.png")


def picture(screen: Screen, path: Path) -> None:
    """Write one picture, once fonts are there and nothing moves any more."""
    screen.until("document.fonts.status === 'loaded'", 30)
    screen.until("document.getAnimations().every((each) => each.playState !== 'running')", 30)
    taken = screen.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    path.write_bytes(smaller(base64.b64decode(taken["data"])))
    print(f"docs/screens/{path.name}")


def smaller(png: bytes) -> bytes:
    """The same picture with its data packed as well as zlib can; a browser packs in a hurry."""
    head, chunks, at = png[:8], [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        chunks.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += length + 12
    data = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    packed = zlib.compress(data, 9)
    first = [each for each in chunks if each[0] == b"IHDR"]
    kept = [*first, (b"IDAT", packed), (b"IEND", b"")]
    return head + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in kept
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
