"""A process that commits runs of a check as fast as it can, and prints the number of each committed.

`python -m tests.storage.writer <url> <first number>`; it is there to be killed.
"""

from __future__ import annotations

import itertools
import os
import sys

from domain.facts import CheckState, Decision, Mark
from storage.engine import open_engine
from storage.journal import Journal, Published
from tests.storage.stores import C, after, entry, lead, line, sample


def main(url: str, first: int) -> None:
    """Run until killed."""
    engine = open_engine(url)
    journal = Journal(engine)
    lease = lead(engine, f"writer {os.getpid()}")
    journal.publish(lease, [Published(name="api", kind="http", about={})])
    for number in itertools.count(first):
        told = Decision(
            subject="check:api", gate="incident", at=after(number), reason="r", detail=str(number)
        )
        state = CheckState(check="api", hard=C, mark=Mark.NONE, runs=number)
        run = entry(
            C,
            number,
            state=state,
            transitions=(line(number),),
            decisions=(told,),
            samples=(sample(number, number),),
        )
        journal.commit(lease, [run])
        print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
