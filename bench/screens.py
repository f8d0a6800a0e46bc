"""The screens: how soon pages stand there, what a poll costs, how soon the wall tells, whether it lasts.

`python -m bench.screens [--quick] [--checks N …] [--only PART,…] [--kept FOLDER]` serves demo stores
by a real web process to a real browser and to 50 connections. Making a store takes minutes, so that
those in FOLDER are used again. Parts: pages, polls, wall, hours.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import screens_pages, screens_polling, screens_wall
from bench.figures import Figures
from bench.screens_store import served
from tests.browser.driver import missing

PARTS = ("polls", "pages", "wall", "hours")


def run(figures: Figures, asked: argparse.Namespace, checks: int, kept: Path) -> None:
    """All parts that were asked for, on a store of so many checks."""
    parts = asked.only.split(",")
    with tempfile.TemporaryDirectory(prefix="nocturne-bench-") as name:
        folder = Path(name)
        with served(kept, folder, checks, asked.days) as (made, feeder):
            if "polls" in parts:
                screens_polling.run(figures, made, feeder, 10 if asked.quick else 30)
            if not {"pages", "wall", "hours"} & set(parts):
                return
            check = f"/checks/{feeder.calm()[0]}"
            with screens_pages.browser(folder / "chromium", check) as screen:
                if "pages" in parts:
                    screens_pages.run(figures, screen, made, check, 2 if asked.quick else 5)
                if "wall" in parts:
                    screens_wall.change_to_wall(figures, screen, made, feeder)
                if "hours" in parts:
                    screens_wall.hours(figures, screen, made, 1000 if asked.quick else 14400)


def main(arguments: Sequence[str]) -> int:
    """Print the figures; 1 when one misses its target, 2 when there is no browser."""
    parser = argparse.ArgumentParser(prog="bench.screens", description=__doc__)
    parser.add_argument("--checks", nargs="+", type=int, default=[200, 1000, 10_000])
    parser.add_argument("--days", type=int, default=1, help="days of history of a new store")
    parser.add_argument("--quick", action="store_true", help="fewer times, shorter")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--kept", type=Path, help="where stores are kept for the next time")
    asked = parser.parse_args(arguments)
    if missing():
        print(missing())
        return 2
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="nocturne-bench-") as name:
        kept = asked.kept or Path(name)
        kept.mkdir(parents=True, exist_ok=True)
        for checks in asked.checks:
            load = " ".join(f"{each:.1f}" for each in os.getloadavg())
            figures.head(f"{checks} checks; load {load} on {os.cpu_count()} cores")
            run(figures, asked, checks, kept)
    return 1 if figures.missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
