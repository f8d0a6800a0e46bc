"""A full disk stops the storing and nothing else: it is told without the store, and all goes on after."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from tests.faults.small import Small, small
from tests.installed import SELF, Installed
from tests.waiting import wait_for

__all__ = ["small"]

LOG = '\n[[channel]]\nname = "chat"\nkind = "log"\n'
TOLD_S = 40.0
BACK_S = 30.0


@pytest.fixture
def crowded(installed: Installed, small: Small) -> Iterator[Installed]:
    """An installation whose store lies on a small disk."""
    made = Installed(
        folder=installed.folder,
        port=installed.port,
        checks=LOG + SELF,
        store=f"sqlite:///{small.folder / 'nocturne.db'}",
    )
    made.migrate()
    yield made
    made.close()


def test_a_full_disk_is_told_without_the_store_and_results_are_stored_once_there_is_room(
    crowded: Installed, small: Small
) -> None:
    web, monitor = crowded.start("web"), crowded.start("monitor")
    wait_for(lambda: crowded.get("/health/ready")[0] == 200, 30)
    crowded.wait_for_result("load", 20)

    small.fill()
    filled = datetime.now(UTC)

    def reason() -> str:
        return str((crowded.get("/health")[1] or {}).get("monitor", {}).get("reason"))

    wait_for(lambda: reason().startswith("The disk of the store is full"), TOLD_S, 0.3)
    assert crowded.get("/health")[0] == 503
    wait_for(lambda: '"level": "critical"' in crowded.log("monitor"), TOLD_S, 0.3)
    # The channels are told directly, once.
    wait_for(lambda: "Nocturne can store nothing" in crowded.log("monitor"), TOLD_S, 0.3)
    assert crowded.log("monitor").count("Nocturne can store nothing") == 1
    assert (web.poll(), monitor.poll()) == (None, None)

    small.free()
    begun = time.monotonic()
    wait_for(lambda: crowded.get("/health/ready")[0] == 200, BACK_S, 0.2)
    crowded.wait_for_result("load", BACK_S, after=filled)
    print(f"room to fresh: {time.monotonic() - begun:.1f} s")

    assert reason() == "None"
    assert (web.poll(), monitor.poll()) == (None, None)
    assert "Traceback" not in crowded.log("monitor") + crowded.log("web")
    # What was found meanwhile was kept, and is there.
    times = [at for at in crowded.results("load") if at > filled]
    gaps = [(b - a).total_seconds() for a, b in pairwise(times)]
    assert max(gaps) < 10
