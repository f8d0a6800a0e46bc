"""Memory and CPU of the monitor with the shipped configuration, at rest.

`python -m bench.monitor [--seconds 600]`. The web process serves beside it, so that every shipped
check is healthy; only the monitor's process tree is measured. Limits: under 60 MB (goal 50) of
resident memory, under 2 % of one core (goal 0.15 %).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import psutil

from tests.installed import ROOT, Installed
from tests.waiting import wait_for

SETTLE_S = 20


def shipped(folder: Path, port: int) -> Installed:
    """The shipped checks over a store in `folder`."""
    text = (ROOT / "config.toml").read_text()
    installed = Installed(folder=folder, port=port, checks=text[text.index("\n[[check]]") :])
    assert installed.app("migrate").returncode == 0
    return installed


def tree_of(pid: int) -> list[psutil.Process]:
    """The process and all below it."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident and proportional memory of the process tree, in MB."""
    found = [each.memory_full_info() for each in tree_of(pid)]
    return sum(each.rss for each in found) / 1e6, sum(each.pss for each in found) / 1e6


def cpu_s(pid: int) -> float:
    """CPU seconds of the process tree so far, ended children included."""
    times = psutil.Process(pid).cpu_times()
    own = times.user + times.system + times.children_user + times.children_system
    below = [each.cpu_times() for each in psutil.Process(pid).children(recursive=True)]
    return own + sum(each.user + each.system for each in below)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=600)
    seconds = options.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        installed = shipped(Path(folder), 18050)
        try:
            installed.start("web")
            wait_for(lambda: installed.get("/health/live")[0] == 200, 20, pause_s=0.2)
            monitor = installed.start("monitor")
            time.sleep(SETTLE_S)
            report(installed, monitor.pid, seconds)
        finally:
            installed.close()


def report(installed: Installed, pid: int, seconds: float) -> None:
    """Watch for so long, then print the figures beside their limits."""
    begun, used = time.monotonic(), cpu_s(pid)
    worst_rss = worst_pss = 0.0
    while time.monotonic() - begun < seconds:
        rss, pss = memory_mb(pid)
        worst_rss, worst_pss = max(worst_rss, rss), max(worst_pss, pss)
        time.sleep(min(5.0, seconds))
    percent = 100 * (cpu_s(pid) - used) / (time.monotonic() - begun)
    checks = installed.board().checks
    healthy = sum(each.state.hard == 0 for each in checks)
    size = (installed.folder / "nocturne.db").stat().st_size / 1e6
    print(
        f"checks {len(checks)}, healthy {healthy}, watched for {seconds:.0f} s, store {size:.1f} MB"
    )
    print(f"resident memory, worst   {worst_rss:6.1f} MB   limit 60, goal 50")
    print(f"proportional memory      {worst_pss:6.1f} MB")
    print(f"CPU of one core          {percent:6.2f} %    limit 2, goal 0.15")


if __name__ == "__main__":
    main()
