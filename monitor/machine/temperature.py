"""Temperature sensors under /sys: the hottest one. Paths are found now and then, values each time.

Source: the kernel's hwmon/sysfs-interface.rst and driver-api/thermal/sysfs-api.rst.
"""

from __future__ import annotations

import glob
import time
from dataclasses import dataclass

from monitor.machine.kernel import read

PATTERNS = ("class/hwmon/hwmon*/temp*_input", "class/thermal/thermal_zone*/temp")
SENSORS = 64
LOOK_AGAIN_S = 600.0
# Sensors that are not wired read as -128, 0 or 255 and the like: nothing that runs is so cold or hot.
SANE = (1.0, 150.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hottest:
    """The highest temperature in °C, and where it was read."""

    celsius: float
    sensor: str


class Thermometer:
    """Reads all sensors of the machine, 64 at most. Reading may take milliseconds: use a thread."""

    def __init__(self, sys: str = "/sys") -> None:
        self._sys = sys
        self._paths: list[str] = []
        self._look_at = 0.0

    def exists(self) -> bool:
        """Whether there is a sensor. Looks for new ones every 10 minutes."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_AGAIN_S
            found = (path for pattern in PATTERNS for path in glob.glob(f"{self._sys}/{pattern}"))
            self._paths = sorted(found)[:SENSORS]
        return bool(self._paths)

    def hottest(self) -> Hottest | None:
        """The hottest sensor; None when none gives a sane value."""
        if not self.exists():
            return None
        found = [(value, path) for path in self._paths if (value := _celsius(path)) is not None]
        if not found:
            return None
        celsius, path = max(found)
        return Hottest(celsius=celsius, sensor=_name(path))


def _celsius(path: str) -> float | None:
    try:
        celsius = round(int(read(path, 32)) / 1000, 1)
    except (OSError, ValueError):  # a sensor of a device that sleeps can't be read
        return None
    return celsius if SANE[0] <= celsius <= SANE[1] else None


def _name(path: str) -> str:
    """`coretemp Package id 0`, as far as the files beside the sensor tell."""
    folder, _, file = path.rpartition("/")
    beside = ("type",) if file == "temp" else ("name", file.replace("_input", "_label"))
    words = []
    for name in beside:
        try:
            words.append(read(f"{folder}/{name}", 64).strip())
        except OSError:
            continue
    return " ".join(words) or path
