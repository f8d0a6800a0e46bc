"""From fault to hard critical at default settings, for refused, wrong and hanging targets.

`python -m bench.detection [--targets 30]`. Every target has a check of its own at its own phase of
the 30 s interval; all fail at once. Limit: 30 s on average.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from tests.detection import checks_of, delays, names_at_even_phases
from tests.installed import Installed
from tests.targets import targets


def trial(mode: str, count: int) -> list[float]:
    """Seconds to the hard state of each target in a fresh installation."""
    with tempfile.TemporaryDirectory() as folder, targets(count) as made:
        names = names_at_even_phases(count, mode)
        checks = checks_of(names, made)
        installed = Installed(folder=Path(folder), port=18051, checks=checks)
        try:
            assert installed.app("migrate").returncode == 0
            installed.start("monitor")
            pairs = zip(names, made, strict=True)
            took = delays(installed, {name: (target, mode) for name, target in pairs})
            return list(took.values())
        finally:
            installed.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--targets", type=int, default=30)
    count = options.parse_args().targets
    for mode in ("refused", "wrong", "hanging"):
        took = trial(mode, count)
        print(
            f"{mode:8s} mean {statistics.mean(took):5.1f} s, median {statistics.median(took):5.1f} s, "
            f"worst {max(took):5.1f} s over {count} targets   limit 30 s on average"
        )


if __name__ == "__main__":
    main()
