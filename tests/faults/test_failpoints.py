"""Kill -9 at each failpoint of an outage, and what must be true after the restart."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest

from domain.facts import Status
from storage.migrate import migrate
from tests.faults.agreement import Ledger, copies, disagreements
from tests.faults.site import DEADLINE_S, Site, killed, site

AT_ONCE = 6


@dataclass(frozen=True, kw_only=True)
class Point:
    """A moment of the monitor's work: `when` it makes a `step` for the nth time in its life.

    The trigger is leased, sent and settled first, the resolve second.
    """

    when: str
    step: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.when} {self.step} {self.nth}"

    @property
    def is_at_the_end(self) -> bool:
        """Whether it is reached only once the outage is over."""
        return self.step == "resolving" or (self.nth == 2 and self.step != "result")


POINTS = [
    Point(when=when, step=step, nth=nth)
    for step, nth in [
        ("result", 2),
        ("opening", 1),
        ("resolving", 1),
        *((step, nth) for step in ("lease", "sending", "settle") for nth in (1, 2)),
    ]
    for when in ("before", "after")
] + [Point(when="at arrival of", step="sending", nth=nth) for nth in (1, 2)]


# The way of a message that tells of two incidents.
BUNDLED = [
    Point(when=when, step=step)
    for when in ("before", "after")
    for step in ("lease", "sending", "settle")
] + [Point(when="at arrival of", step="sending")]
# A slow answer is a warning, which waits for others of its group.
SLOW = "warning = 1000\ncritical = 60000\n"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one trial came to."""

    killed: bool
    wrong: list[str]
    events: list[str]
    incidents: int
    copies: int
    together: frozenset[int] = frozenset()


def trial(point: Point, folder: Path, store: str) -> Seen:
    """One outage of one target, in which the monitor is killed at the point and started again."""
    folder.mkdir()
    with site(folder, store=store) as here:
        monitor = start(here, point)
        here.wait_until_hard(Status.HEALTHY)
        here.targets[0].fail("wrong")
        if point.is_at_the_end:
            here.wait_until_told("trigger")
            here.targets[0].fail("healthy")
        died = killed(monitor, DEADLINE_S)
        kept = here.ledger().runs

        here.start()
        here.wait_until_run_again(kept)
        if not point.is_at_the_end:
            here.wait_until_hard(Status.CRITICAL)
            here.wait_until_told("trigger")
            here.targets[0].fail("healthy")
        here.wait_until_told("resolve")
        found = stopped(here)

        return Seen(
            killed=died,
            wrong=disagreements(found, here.hook.received, kept, kills=1),
            events=here.hook.events(),
            incidents=len(found.incidents),
            copies=copies(here.hook.received),
        )


def bundled_trial(point: Point, folder: Path, store: str) -> Seen:
    """Two targets turn slow, and the monitor is killed while one message tells of both."""
    folder.mkdir()
    with site(folder, shops=2, store=store, levels=SLOW) as here:
        monitor = start(here, point)
        here.wait_until_hard(Status.HEALTHY)
        for target in here.targets:
            target.fail("slow")
        died = killed(monitor, DEADLINE_S)
        kept = here.ledger().runs

        here.start()
        here.wait_until_told("trigger")
        for target in here.targets:
            target.fail("healthy")
        found = stopped(here)

        told = here.hook.received
        return Seen(
            killed=died,
            wrong=disagreements(found, told, kept, kills=1),
            events=here.hook.events(),
            incidents=len(found.incidents),
            copies=copies(told),
            together=frozenset(
                len(body["others"]) for _, body in told if body["event"] == "trigger"
            ),
        )


def start(here: Site, point: Point) -> subprocess.Popen[str]:
    """Start the monitor that is to be killed at the point."""
    if point.when != "at arrival of":
        return here.start_failing(point.when, point.step, point.nth)
    monitor = here.start()
    arrivals = count(1)

    def kill_at_the_nth() -> None:
        if next(arrivals) == point.nth:
            monitor.kill()

    here.hook.on_arrival = kill_at_the_nth
    return monitor


def stopped(here: Site) -> Ledger:
    """What stands once everything has settled and the monitor has ended by itself."""
    here.wait_until_settled()
    monitor = here.installed.processes[-1]
    monitor.terminate()
    assert monitor.wait(DEADLINE_S) == 0
    return here.ledger()


@contextmanager
def trials(
    folder: Path,
    stores: Mapping[Point, str],
    run: Callable[[Point, Path, str], Seen] = trial,
) -> Iterator[Mapping[Point, Future[Seen]]]:
    """All trials, some at once; what each comes to stands in its future."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            point: pool.submit(run, point, folder / f"trial-{number}", store)
            for number, (point, store) in enumerate(stores.items())
        }


@pytest.fixture(scope="module")
def on_sqlite(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[Point, Future[Seen]]]:
    """The trials of the points that this run asks for, all begun."""
    folder = tmp_path_factory.mktemp("points")
    points = _asked(request.session.items, SQLITE_TEST)
    with trials(folder, sqlite_stores(folder, points)) as begun:
        yield begun


@pytest.fixture(scope="module")
def bundled_on_sqlite(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[Point, Future[Seen]]]:
    """The same for a message that tells of two incidents."""
    folder = tmp_path_factory.mktemp("bundled")
    points = _asked(request.session.items, BUNDLED_TEST)
    with trials(folder, sqlite_stores(folder, points), bundled_trial) as begun:
        yield begun


@pytest.fixture(scope="module")
def on_postgres(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str
) -> Iterator[Mapping[Point, Future[Seen]]]:
    stores = postgres_stores(postgres_server, POINTS)
    with trials(tmp_path_factory.mktemp("points"), stores) as begun:
        yield begun


@pytest.fixture(scope="module")
def bundled_on_postgres(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str
) -> Iterator[Mapping[Point, Future[Seen]]]:
    stores = postgres_stores(postgres_server, BUNDLED)
    with trials(tmp_path_factory.mktemp("bundled"), stores, bundled_trial) as begun:
        yield begun


def sqlite_stores(folder: Path, points: Sequence[Point]) -> Mapping[Point, str]:
    """A migrated store for each point, by its URL."""
    empty = folder / "empty.db"
    migrate(f"sqlite:///{empty}")
    stores = {}
    for number, point in enumerate(points):
        path = folder / f"{number}.db"
        shutil.copy(empty, path)
        stores[point] = f"sqlite:///{path}"
    return stores


def postgres_stores(postgres_server: str, points: Sequence[Point]) -> Mapping[Point, str]:
    """A migrated store for each point, by its URL."""
    empty, *names = (f"p{uuid.uuid4().hex}" for _ in range(len(points) + 1))

    def url(name: str) -> str:
        return postgres_server.replace("/postgres?", f"/{name}?")

    with closing(psycopg.connect(postgres_server, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {empty}".encode())
        migrate(url(empty))
        for name in names:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {empty}".encode())
    return {point: url(name) for point, name in zip(points, names, strict=True)}


def assert_nothing_is_lost(seen: Seen) -> None:
    assert seen.killed
    assert seen.wrong == []
    assert seen.events == ["trigger", "resolve"]
    assert seen.incidents == 1
    print(f"copies: {seen.copies}", end=" ")


def assert_both_are_told_once(seen: Seen) -> None:
    assert seen.killed
    assert seen.wrong == []
    assert seen.events == ["trigger", "resolve", "resolve"]
    assert (seen.incidents, set(seen.together)) == (2, {1})
    print(f"copies: {seen.copies}", end=" ")


def _asked(items: Sequence[pytest.Item], test: str) -> list[Point]:
    """The points of a test on SQLite that were collected and not left out."""
    calls = [getattr(item, "callspec", None) for item in items if item.name.startswith(test)]
    return [call.params["point"] for call in calls if call is not None]


# The trigger's way in `make test`, the resolve's as well in `make faults`.
SQLITE_TEST = "test_a_monitor_killed_at"
BUNDLED_TEST = "test_a_message_of_two_incidents_survives"
LONG = [
    pytest.param(point, marks=pytest.mark.faults)
    if point.nth == 2 and point.step != "result"
    else point
    for point in POINTS
]


@pytest.mark.parametrize("point", LONG, ids=str)
def test_a_monitor_killed_at_a_failpoint_loses_nothing_and_copies_one_delivery_at_most(
    on_sqlite: Mapping[Point, Future[Seen]], point: Point
) -> None:
    assert_nothing_is_lost(on_sqlite[point].result())


@pytest.mark.faults
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_a_monitor_on_postgres_killed_at_a_failpoint_loses_nothing_either(
    on_postgres: Mapping[Point, Future[Seen]], point: Point
) -> None:
    assert_nothing_is_lost(on_postgres[point].result())


# What is least sure in `make test`, since each waits for its group for half a minute.
LONG_BUNDLED = [
    point if point.when == "at arrival of" else pytest.param(point, marks=pytest.mark.faults)
    for point in BUNDLED
]


@pytest.mark.parametrize("point", LONG_BUNDLED, ids=str)
def test_a_message_of_two_incidents_survives_a_kill_and_is_copied_with_its_key_at_most(
    bundled_on_sqlite: Mapping[Point, Future[Seen]], point: Point
) -> None:
    assert_both_are_told_once(bundled_on_sqlite[point].result())


@pytest.mark.faults
@pytest.mark.parametrize("point", BUNDLED, ids=str)
def test_on_postgres_a_message_of_two_incidents_survives_a_kill_as_well(
    bundled_on_postgres: Mapping[Point, Future[Seen]], point: Point
) -> None:
    assert_both_are_told_once(bundled_on_postgres[point].result())
