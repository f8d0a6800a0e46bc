"""A storm: 2,000 checks turn hard critical within one second while 1,000 incidents stand already.

`python -m bench.incidents`. Measures how long results, states, incidents, timelines and deliveries
take to be decided and committed in batches of 1,000, on SQLite. Limit: 5 s for everything.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.facts import Cause, CheckState, Policy, Result, Status
from domain.incidents import problem_of
from domain.muting import decide
from domain.paging import Recipient, severities
from domain.state import advance
from storage.engine import open_engine
from storage.incident_readings import IncidentReadings
from storage.journal import Entry, Journal, Published
from storage.leadership import Lease, Process, claim
from storage.migrate import migrate

STANDING = 1_000
STORM = 2_000
BATCH = 1_000
LIMIT_S = 5.0
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def fail(states: dict[str, CheckState], names: list[str], at: datetime) -> list[Entry]:
    """The entries of one critical result of each check."""
    entries = []
    for name in names:
        result = Result(
            check=name,
            kind="http",
            at=at,
            status=Status.CRITICAL,
            message="Connection refused by 127.0.0.1:80",
            cause=Cause.REFUSED,
        )
        before = states[name]
        moved = advance(before, result, Policy(failures=1))
        states[name] = moved.state
        entries.append(
            Entry(
                state=moved.state,
                due=at + timedelta(seconds=30),
                result=result,
                transitions=moved.transitions,
                decisions=decide(before, moved.state, at),
                problem=problem_of(moved.state, "http", at),
            )
        )
    return entries


def commit(journal: Journal, lease: Lease, entries: list[Entry]) -> float:
    """Commit in batches; returns the seconds it took."""
    begun = time.perf_counter()
    for first in range(0, len(entries), BATCH):
        journal.commit(lease, entries[first : first + BATCH])
    return time.perf_counter() - begun


def main() -> None:
    names = [f"check-{number:04}" for number in range(STANDING + STORM)]
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'n.db'}"
        migrate(url)
        engine = open_engine(url)
        me = Process(boot_id="bench", host="bench", pid=1, process_start=NOW)
        lease = claim(engine, me, NOW, lambda _: True)
        assert isinstance(lease, Lease)
        journal = Journal(engine)
        journal.recipients = (Recipient(name="ops", severities=severities(())),)
        about = {"enabled": True, "interval_s": 30.0}
        published = [Published(name=name, kind="http", about=about) for name in names]
        states = dict(journal.publish(lease, published))
        commit(journal, lease, fail(states, names[:STANDING], NOW))

        storm = commit(journal, lease, fail(states, names[STANDING:], NOW + timedelta(seconds=1)))
        again = commit(journal, lease, fail(states, names, NOW + timedelta(seconds=31)))
        stood = len(IncidentReadings(engine).open())
        engine.dispose()
    print(f"{STORM} checks fail, {STANDING} incidents stand: {storm:5.2f} s   limit {LIMIT_S:g} s")
    print(f"all {stood} incidents decided again:  {again:5.2f} s   limit {LIMIT_S:g} s")


if __name__ == "__main__":
    main()
