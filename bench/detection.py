"""From fault to incident at default settings, for refused, wrong and hanging targets.

`python -m bench.detection [--targets 30] [--modes refused wrong hanging]`. Every target has a check of
its own at its own phase of the 30 s interval; all fail at once. A trial ends when the row of its
incident is read in the store. Limit: 30 s on average.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from tests.detection import checks_of, incident_delays, names_at_even_phases
from tests.installed import Installed
from tests.targets import targets

MODES = ("refused", "wrong", "hanging")


def trial(mode: str, count: int) -> list[float]:
    """Seconds to the incident of each target in a fresh installation."""
    with tempfile.TemporaryDirectory() as folder, targets(count) as made:
        names = names_at_even_phases(count, mode)
        checks = checks_of(names, made)
        installed = Installed(folder=Path(folder), port=18051, checks=checks)
        try:
            assert installed.app("migrate").returncode == 0
            installed.start("monitor")
            pairs = zip(names, made, strict=True)
            took = incident_delays(installed, {name: (target, mode) for name, target in pairs})
            return list(took.values())
        finally:
            installed.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--targets", type=int, default=30)
    options.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    given = options.parse_args()
    for mode in given.modes:
        took = trial(mode, given.targets)
        print(
            f"fault → incident, {mode:8s} mean {statistics.mean(took):5.1f} s, "
            f"median {statistics.median(took):5.1f} s, worst {max(took):5.1f} s "
            f"over {len(took)} trials   limit 30 s on average",
            flush=True,
        )


if __name__ == "__main__":
    main()
