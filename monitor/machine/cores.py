"""CPU time of all cores together and of each, as growing counters."""

from __future__ import annotations

from collections.abc import Mapping

import psutil

SHARES = ("user", "system", "iowait", "steal")


def cpu_times() -> dict[str, float]:
    """CPU seconds since boot: `busy`, `total` and SHARES of all; `0 busy`, `0 total` of each core.

    A share that the system does not know is missing.
    """
    times = psutil.cpu_times()._asdict()
    total, busy = _spent(times)
    found = {"total": total, "busy": busy} | {name: times[name] for name in SHARES if name in times}
    for core, each in enumerate(psutil.cpu_times(percpu=True)):
        found[f"{core} total"], found[f"{core} busy"] = _spent(each._asdict())
    return found


def _spent(times: Mapping[str, float]) -> tuple[float, float]:
    # The kernel already counts guest time inside user and nice.
    total = sum(times.values()) - times.get("guest", 0.0) - times.get("guest_nice", 0.0)
    return total, total - times["idle"] - times.get("iowait", 0.0)
