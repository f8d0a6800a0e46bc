"""How long real processes take from a fault to the hard state and to the incident, at default settings."""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from domain.facts import Mark, Status
from monitor.roster import phase
from storage.engine import open_engine
from storage.incident_readings import IncidentReadings
from tests.installed import Installed
from tests.targets import Target
from tests.waiting import wait_for

INTERVAL = 30


def names_at_even_phases(count: int, prefix: str) -> list[str]:
    """Names whose slots lie evenly over the interval, so that the mean wait is half of it."""
    found: dict[int, str] = {}
    numbers = itertools.count()
    wanted = {round(index * INTERVAL / count) % INTERVAL for index in range(count)}
    while wanted - found.keys():
        name = f"{prefix}{next(numbers)}"
        found.setdefault(phase(name, INTERVAL), name)
    return [found[each] for each in sorted(wanted)]


def checks_of(names: list[str], targets: list[Target]) -> str:
    """One check a target at default settings, each with a child that needs it."""
    tables = []
    for name, target in zip(names, targets, strict=True):
        url = f"http://127.0.0.1:{target.port}/"
        tables.append(f'[[check]]\nname = "{name}"\nkind = "http"\nurl = "{url}"\n')
        tables.append(
            f'[[check]]\nname = "child of {name}"\nkind = "system"\nresource = "load"\n'
            f'depends_on = ["{name}"]\n'
        )
    return "\n".join(tables)


def delays(installed: Installed, faults: Mapping[str, tuple[Target, str]]) -> dict[str, float]:
    """Make every target fail at once; seconds from then to each check's hard critical state.

    `faults` has by check name its target, and how that is to fail.
    """
    begun = _fail(installed, faults)
    wait_for(lambda: _hard(installed, faults) == {Status.CRITICAL}, 75, pause_s=0.5)

    since = {name: installed.check(name).state.since for name in faults}
    return {name: (moment - begun).total_seconds() for name, moment in since.items() if moment}


def incident_delays(
    installed: Installed, faults: Mapping[str, tuple[Target, str]]
) -> dict[str, float]:
    """Make every target fail at once; seconds from then until each incident is read in the store."""
    engine = open_engine(installed.url)
    readings = IncidentReadings(engine)
    begun = _fail(installed, faults)
    seen: dict[str, float] = {}

    def all_are_there() -> bool:
        standing = readings.open()
        after_s = (datetime.now(UTC) - begun).total_seconds()
        for incident in standing:
            seen.setdefault(incident.component, after_s)
        return seen.keys() >= faults.keys()

    wait_for(all_are_there, 75, pause_s=0.1)
    engine.dispose()
    return {name: seen[name] for name in faults}


def _fail(installed: Installed, faults: Mapping[str, tuple[Target, str]]) -> datetime:
    """Let every target fail once all are steady; when that was."""
    wait_for(lambda: _hard(installed, faults) == {Status.HEALTHY}, 30, pause_s=0.5)
    # Children have their first results too, and the next fault meets a steady system.
    time.sleep(5)
    begun = datetime.now(UTC)
    for target, mode in faults.values():
        target.fail(mode)
    return begun


def blocked_children(installed: Installed, names: Collection[str]) -> int:
    """How many of the children read blocked by their own parent."""
    states = {name: installed.check(f"child of {name}").state for name in names}
    return sum(
        state.mark is Mark.BLOCKED and state.blocked_by == name for name, state in states.items()
    )


def _hard(installed: Installed, names: Collection[str]) -> set[Status | None]:
    return {row.state.hard for row in installed.board().checks if row.name in names}
