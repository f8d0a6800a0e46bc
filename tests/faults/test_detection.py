"""From fault to hard state with real processes, at default settings."""

from __future__ import annotations

import statistics

from tests.detection import blocked_children, checks_of, delays, names_at_even_phases
from tests.installed import Installed
from tests.targets import targets

COUNT = 10


def test_refused_and_hanging_targets_are_hard_critical_in_under_thirty_seconds_on_average(
    installed: Installed,
) -> None:
    refused, hanging = (names_at_even_phases(COUNT, prefix) for prefix in ("refused", "hanging"))
    with targets(2 * COUNT) as made:
        installed.write(checks_of([*refused, *hanging], made))
        installed.start("monitor")

        took = delays(
            installed,
            {name: (made[index], "refused") for index, name in enumerate(refused)}
            | {name: (made[COUNT + index], "hanging") for index, name in enumerate(hanging)},
        )

        for names in (refused, hanging):
            mean = statistics.mean(took[name] for name in names)
            worst = max(took[name] for name in names)
            print(f"{names[0][:7]}: mean {mean:.1f} s, worst {worst:.1f} s over {COUNT} targets")
            assert mean < 30
        assert blocked_children(installed, [*refused, *hanging]) == 2 * COUNT
