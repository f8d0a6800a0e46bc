"""Leadership: one monitor leads, the others stand by, and a late one writes nothing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from storage.engine import open_engine, reader
from storage.leadership import (
    Holder,
    LeadershipLost,
    Lease,
    claim,
    fence,
    holder,
    renew,
    resign,
    standing_by,
    stop_standing_by,
)
from tests.storage.stores import NOW, Store, after, alive, gone, process


def who(engine: Engine) -> Holder:
    with reader(engine).connect() as connection:
        found = holder(connection)
    assert found is not None
    return found


def waiting(engine: Engine, seconds: float = 0) -> int:
    with reader(engine).connect() as connection:
        return standing_by(connection, after(seconds))


def test_the_first_monitor_leads(engine: Engine) -> None:
    lease = claim(engine, process("one"), NOW, alive)

    assert lease == Lease(boot_id="one", epoch=1, previous_beat=None)
    assert who(engine).process == process("one")


def test_nobody_leads_a_new_store(engine: Engine) -> None:
    with reader(engine).connect() as connection:
        assert holder(connection) is None


def test_a_second_monitor_stands_by_and_is_counted(store: Store) -> None:
    found = claim(store.engine, process("two"), after(1), alive)

    assert isinstance(found, Holder)
    assert found.process.boot_id == "one"
    assert store.readings.board(after(1)).standbys == 1


def test_a_standby_that_asks_again_is_still_one(store: Store) -> None:
    for seconds in (1, 2, 3):
        claim(store.engine, process("two"), after(seconds), alive)

    assert waiting(store.engine, 3) == 1
    assert waiting(store.engine, 14) == 0


def test_a_standby_that_ends_is_forgotten(store: Store) -> None:
    claim(store.engine, process("two"), after(1), alive)

    stop_standing_by(store.engine, process("two"))

    assert waiting(store.engine, 1) == 0


def test_a_leader_silent_for_eight_seconds_is_succeeded_in_the_next_epoch(store: Store) -> None:
    early = claim(store.engine, process("two"), after(7.999), alive)
    late = claim(store.engine, process("two"), after(8), alive)

    assert isinstance(early, Holder)
    assert late == Lease(boot_id="two", epoch=2, previous_beat=NOW)
    assert waiting(store.engine, 8) == 0


def test_a_leader_whose_process_is_gone_is_succeeded_at_once(store: Store) -> None:
    lease = claim(store.engine, process("two"), after(0.1), gone)

    assert isinstance(lease, Lease)
    assert lease.epoch == 2


def test_a_beat_keeps_the_leadership(store: Store) -> None:
    store.beat(6)

    assert isinstance(claim(store.engine, process("two"), after(10), alive), Holder)
    assert (who(store.engine).beat, who(store.engine).valid_until) == (after(6), after(14))


def test_a_leader_that_resigns_is_succeeded_at_once_and_its_last_beat_stays(store: Store) -> None:
    store.beat(1)

    resign(store.engine, store.lease, after(2))
    lease = claim(store.engine, process("two"), after(2), alive)

    assert isinstance(lease, Lease)
    assert lease.previous_beat == after(1)


def test_resigning_a_lease_that_was_lost_does_not_harm_the_successor(store: Store) -> None:
    claim(store.engine, process("two"), after(9), alive)

    resign(store.engine, store.lease, after(10))

    assert isinstance(claim(store.engine, process("three"), after(10), alive), Holder)


def test_a_late_transaction_of_the_old_leader_is_refused(store: Store) -> None:
    claim(store.engine, process("two"), after(9), alive)

    with pytest.raises(LeadershipLost), store.engine.begin() as connection:
        fence(connection, store.lease)
    with pytest.raises(LeadershipLost), store.engine.begin() as connection:
        renew(connection, store.lease, after(9), 0.0)

    assert who(store.engine).process.boot_id == "two"


def test_the_epoch_counts_up_with_each_leader(engine: Engine) -> None:
    leases = [claim(engine, process(name), NOW, gone) for name in ("one", "two", "one")]

    assert [lease.epoch for lease in leases] == [1, 2, 3]


@pytest.mark.parametrize("first", [True, False])
def test_of_monitors_that_claim_at_once_exactly_one_leads(
    url: str, engine: Engine, first: bool
) -> None:
    if not first:
        claim(engine, process("before"), after(-60), alive)
    names = [f"monitor {number}" for number in range(4)]
    engines = [open_engine(url) for _ in names]
    start = threading.Barrier(len(names))

    def try_it(which: int) -> Lease | Holder:
        engines[which].connect().close()
        start.wait(60)
        return claim(engines[which], process(names[which]), NOW, alive)

    with ThreadPoolExecutor(len(names)) as pool:
        found = list(pool.map(try_it, range(len(names))))
    for each in engines:
        each.dispose()

    leading = [each for each in found if isinstance(each, Lease)]
    assert [each.boot_id for each in leading] == [who(engine).process.boot_id]
    assert waiting(engine) == len(names) - 1
