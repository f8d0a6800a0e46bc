"""Parents and children die and recover in any order: after settling, one incident per failed tree."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain.incidents import fingerprint
from storage.deliveries import told
from storage.engine import open_engine, reader
from tests.monitor.stand_ins import bad, good, watched
from tests.scenarios.stage import Scenario, play
from tests.storage.fresh import make_store

PARENT = {"root": None, "a": "root", "b": "root", "leaf": "a"}
CHECKS = {
    name: watched(name, depends_on=((parent,),) if parent else ())
    for name, parent in PARENT.items()
}
SETTLED_AFTER = 25
Step = tuple[frozenset[str], int]
STEPS = st.lists(
    st.tuples(st.frozensets(st.sampled_from(sorted(PARENT))), st.integers(1, 3)),
    min_size=1,
    max_size=5,
)


def ancestors(name: str) -> list[str]:
    above = []
    parent = PARENT[name]
    while parent is not None:
        above.append(parent)
        parent = PARENT[parent]
    return above


async def live_through(at: Scenario, steps: list[Step]) -> frozenset[str]:
    """Play the steps, then let it settle; returns who is down at the end."""
    await at.slot()
    down: frozenset[str] = frozenset()
    for down, slots in steps:
        for _ in range(slots):
            await at.slot(**{name: bad() if name in down else good() for name in PARENT})
    for _ in range(SETTLED_AFTER):
        await at.slot()
    return down


def assert_settled(at: Scenario, down: frozenset[str]) -> None:
    """One incident that stands alone for each failed tree, told once; all others are resolved."""
    roots = {name for name in down if not down & set(ancestors(name))}
    stood = at.incidents()
    alone = {
        each.incident.component: each
        for each in stood
        if each.incident.is_open and each.incident.parent_id is None
    }
    assert set(alone) == roots
    open_now = [each.incident.fingerprint for each in stood if each.incident.is_open]
    assert len(open_now) == len(set(open_now))
    for each in stood:
        with reader(at.engine).connect() as connection:
            standing = told(connection, each.incident).get("ops")
        is_root = each.incident.is_open and each.incident.parent_id is None
        if is_root:
            assert standing is not None
            assert standing.stands
    for name in down - roots:
        above = fingerprint(name)
        nested = any(each.incident.fingerprint == above and each.incident.is_open for each in stood)
        affected = any(name in each.affected for each in alone.values())
        assert nested or affected


def assert_told_fairly(at: Scenario) -> None:
    """Each incident's deliveries begin with a trigger, and a resolved one that was told is told so."""
    for each in at.incidents():
        mine = [row for row in at.deliveries() if row.incident_id == each.incident.id]
        # What was taken back before it was sent was told to nobody.
        events = [row.event for row in mine if row.state != "cancelled"]
        assert events[:1] in ([], ["trigger"])
        if not each.incident.is_open and "trigger" in events:
            assert events[-1] == "resolve"


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(steps=STEPS, order=st.permutations(sorted(PARENT)))
@example(
    steps=[(frozenset({"leaf"}), 2), (frozenset({"leaf", "a"}), 2), (frozenset({"leaf"}), 2)],
    order=["leaf", "b", "a", "root"],
)
@example(steps=[(frozenset(PARENT), 3), (frozenset({"b"}), 1)], order=["leaf", "a", "b", "root"])
def test_after_settling_there_is_one_incident_that_stands_alone_per_failed_tree(
    steps: list[Step], order: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'n.db'}"
        make_store(url)
        engine = open_engine(url)
        at = play(engine, *(CHECKS[name] for name in order), channels={"ops": []})

        down = asyncio.run(live_through(at, steps))

        assert_settled(at, down)
        assert_told_fairly(at)
        engine.dispose()
