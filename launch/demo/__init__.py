"""`python app.py demo`: fills a separate store with made-up history, to look around and to measure."""

from __future__ import annotations

import shlex
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import PurePath

from launch import config
from launch.commands import OK, REFUSED, Call, complain

STORE = "sqlite:///data/demo.db"
# It ends so long ago that no page takes any of it for fresh, not even at once.
AGO = timedelta(minutes=2)


def demo(call: Call) -> int:
    """Fill the demo store; says at the end how to look at it."""
    from launch.demo.filling import Scale, fill, steps
    from launch.demo.progress import Progress
    from launch.demo.target import NotADemo, open_demo, place

    settings = config.read_plain(call.config, call.environ).settings
    asked = call.demo
    now = datetime.now(UTC)
    url = config.anchored(asked.store or STORE, PurePath(call.config).parent)
    scale = Scale(days=asked.days, checks=asked.checks, seed=asked.seed, end=now - AGO)
    begun = time.monotonic()
    try:
        engine = open_demo(url, settings.storage.url, now)
    except NotADemo as error:
        complain(str(error))
        return REFUSED
    try:
        progress = Progress(steps(scale), sys.stderr)
        filled = fill(engine, scale, progress.advance)
    finally:
        engine.dispose()
    print(
        f"{filled.checks} checks, {filled.series} series, {filled.samples:,} samples and "
        f"{filled.incidents} incidents of {asked.days} days in {time.monotonic() - begun:.0f} s. "
        "To look at them:\n"
        f"  NOCTURNE_STORAGE__URL={shlex.quote(place(url))} python app.py web"
    )
    return OK
