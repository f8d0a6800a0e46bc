"""The inbox's handlers: pings, passive results, outages of the web, and pushed metrics."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import structlog

from domain.outages import Outage
from monitor import pushed
from monitor.cycle import Cycle
from monitor.feeding import Fed, Memory
from monitor.inbox import Handler, Meaning
from storage.inbox import Arrival
from storage.journal import Entry
from storage.rule_rows import Ruled

log = structlog.get_logger()


def handlers(cycle: Cycle) -> Mapping[str, Handler]:
    """The handlers, by kind of arrival."""

    def told(arrival: Arrival) -> Meaning:
        def change(check: Fed, memory: Memory) -> Memory:
            begun = check.begin(memory, arrival.at)
            return check.hear(begun, arrival.body) if check.hears == arrival.kind else begun

        return Meaning(entries=tuple(cycle.hear(arrival.subject, change, arrival.at)))

    def outage(arrival: Arrival) -> Meaning:
        found = msgspec.json.decode(arrival.body, type=Outage)
        log.warning("the web could not receive", since=found.since, until=found.until)
        entries: list[Entry | Ruled] = []
        fed = [watch.name for watch in cycle.roster if isinstance(watch.watched.check, Fed)]
        for name in fed:

            def change(check: Fed, memory: Memory) -> Memory:
                return check.miss(check.begin(memory, found.since), found)

            entries += cycle.hear(name, change, arrival.at)
        return Meaning(entries=tuple(entries))

    samples = pushed.TakeSamples(lambda found: cycle.rulings.observe(found))
    return {"beat": told, "result": told, "outage": outage, pushed.KIND: samples}
