"""A composite follows its members within a second, with a real monitor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from domain.facts import Change, Mark, Status
from tests.installed import Installed
from tests.waiting import wait_for

# At an interval of a minute it can't be the composite's own turn.
CHECKS = """
[[check]]
name = "shop"
kind = "composite"
match = { tags = ["server"] }
at_least = 2
interval = "1m"
"""
SERVER = """
[[check]]
name = "{name}"
kind = "file"
path = "{path}"
interval = "1s"
tags = ["server"]
"""


def test_a_composite_follows_a_hard_change_of_its_members_within_a_second(
    installed: Installed,
) -> None:
    files = {f"shop-{letter}": installed.folder / letter for letter in "abc"}
    for path in files.values():
        path.touch()
    servers = [SERVER.format(name=name, path=path) for name, path in files.items()]
    installed.write(CHECKS + "".join(servers))
    installed.start("monitor")

    def hard(name: str) -> Status | None:
        return installed.check(name).state.hard

    wait_for(lambda: bool(installed.results("shop")) and hard("shop") is Status.HEALTHY, 30)
    for name in ("shop-b", "shop-c"):
        files[name].unlink()
    wait_for(lambda: hard("shop") is Status.CRITICAL, 40, pause_s=0.1)
    down = installed.check("shop").state
    for name in ("shop-b", "shop-c"):
        files[name].touch()
    wait_for(lambda: hard("shop") is Status.HEALTHY, 40, pause_s=0.1)

    assert down.last_message == (
        "1 of 3 healthy, expected at least 2: shop-b critical, shop-c critical"
    )
    assert down.mark is Mark.NONE
    lags = lags_s(installed, list(files))
    print(f"composite after its member: {', '.join(f'{lag * 1000:.0f} ms' for lag in lags)}")
    assert len(lags) == 2
    assert max(lags) < 1


def lags_s(installed: Installed, members: list[str]) -> list[float]:
    """Of each hard change of the composite, how long it came after the last one of a member."""
    readings = installed.readings()
    lines = readings.timeline(datetime.now(UTC) - timedelta(hours=1))
    ids = {installed.check(name).id for name in members}
    moved = [line.at for check, found in lines.items() if check in ids for line in found]
    own = [
        line.at
        for line in lines[installed.check("shop").id]
        if line.change is Change.HARD and Status.CRITICAL in (line.before, line.after)
    ]
    return [min((at - each).total_seconds() for each in moved if each <= at) for at in own]
