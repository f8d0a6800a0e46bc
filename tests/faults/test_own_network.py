"""A real monitor whose own network goes away: one page, and no check outside is charged."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from domain.dependencies import OWN_NETWORK
from domain.facts import Mark, Status
from domain.paging import Event
from storage import uptimes
from storage.engine import open_engine
from storage.incident_readings import IncidentReadings
from storage.schema import outbox
from tests.installed import Installed
from tests.waiting import wait_for

COUNT = 2_000
SITE = """
[[check]]
name = "site {number}"
kind = "tcp"
host = "127.0.0.1"
port = {port}
scope = "outside"
timeout = "2s"
"""
PLAIN = """
[network]
references = ["tcp://127.0.0.1:{port}"]
[[channel]]
name = "ops"
kind = "log"
"""


class Outside:
    """A port that answers until the way to it is cut: from then on packets vanish."""

    def __init__(self) -> None:
        self._held = ExitStack()
        self._listener = self._held.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = int(self._listener.getsockname()[1])
        self._cut = threading.Event()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def cut(self) -> None:
        """Accept nothing more, and fill the queue: the kernel leaves further connections unanswered."""
        self._cut.set()
        with socket.create_connection(("127.0.0.1", self.port)):
            self._thread.join()
        self._listener.listen(0)
        for _ in range(8):
            waiting = self._held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(self._listener.getsockname())

    def close(self) -> None:
        if not self._cut.is_set():
            self.cut()
        self._held.close()

    def _accept(self) -> None:
        while not self._cut.is_set():
            self._listener.accept()[0].close()


@pytest.mark.faults
def test_two_thousand_checks_behind_a_dead_network_are_one_page_and_no_downtime(
    installed: Installed,
) -> None:
    outside = Outside()
    try:
        installed.plain = PLAIN.format(port=outside.port)
        sites = (SITE.format(number=number, port=outside.port) for number in range(COUNT))
        installed.write("".join(sites))
        installed.start("monitor")
        begun = datetime.now(UTC)
        wait_for(lambda: marks(installed, Status.HEALTHY) == {Mark.NONE: COUNT}, 300, pause_s=2)

        outside.cut()

        wait_for(lambda: marks(installed, Status.UNKNOWN) == {Mark.BLOCKED: COUNT}, 300, pause_s=2)
        # Two intervals more, in which each of them fails again.
        seen = datetime.now(UTC)
        wait_for(lambda: datetime.now(UTC) > seen + timedelta(seconds=60), 300, pause_s=1)
        # A closed port refuses: an answer, by which the network is back and each site is down itself.
        installed.close()
    finally:
        outside.close()
    engine = open_engine(installed.url)
    # A busy machine may have the monitor tell of itself too: that is another matter.
    everything = IncidentReadings(engine).open()
    stood = [each for each in everything if each.fingerprint.startswith("check:")]
    with engine.connect() as connection:
        paging = outbox.c.event == Event.TRIGGER.value
        pages = connection.execute(select(outbox.c.incident_id).where(paging)).all()
    spent = uptimes.read(engine, begun, datetime.now(UTC))
    down = {name: spent[number].critical for name, number in numbers(installed).items()}
    engine.dispose()
    others = {each.id for each in everything} - {each.id for each in stood}
    assert [each.component for each in stood] == [OWN_NETWORK], everything
    assert [page.incident_id for page in pages if page.incident_id not in others] == [stood[0].id]
    assert {name for name, ms in down.items() if ms} == {OWN_NETWORK}
    print(f"{COUNT:,} checks behind a dead network: 1 incident, 1 page, none of them charged")


def marks(installed: Installed, status: Status) -> dict[Mark, int]:
    """How many of the sites read this, by their mark."""
    found: dict[Mark, int] = {}
    for row in installed.board().checks:
        state = row.state
        if row.name != OWN_NETWORK and (state.hard is status or state.mark is Mark.BLOCKED):
            found[state.mark] = found.get(state.mark, 0) + 1
    return found


def numbers(installed: Installed) -> dict[str, int]:
    return {row.name: row.id for row in installed.board().checks}
