"""The real monitor, made to kill itself with SIGKILL at a chosen moment of its work.

`python -m tests.faults.failing WHEN STEP NTH --config FILE monitor`. The product knows nothing of it:
SQLAlchemy's events tell what a transaction writes, and `killing-webhook` is a kind of channel like any
other, which is there in this process only.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

from sqlalchemy import Connection, Engine, event

import app
from domain.outbox import Message, Outcome
from monitor.channels import Deadline, channel
from monitor.channels.webhook import WebhookChannel
from tests.faults.site import SECOND


class Trap:
    """Kills this process when `step` is passed `when` for the nth time."""

    def __init__(self, when: str, step: str, nth: int) -> None:
        self._point = (when, step)
        self._left = nth

    def passes(self, when: str, step: str) -> None:
        """The process comes by a point."""
        if (when, step) != self._point:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def step_of(context: Any, rows: int) -> str | None:
    """What a statement does that a trap can be set for; None for anything else."""
    compiled = getattr(context, "compiled", None)
    table = getattr(getattr(compiled, "statement", None), "table", None)
    if table is None:
        return None
    values = context.compiled_parameters[0]
    match table.name:
        case "results":
            return "result"
        case "incidents" if context.isinsert:
            return "opening"
        case "incidents" if values.get("stage") == "resolved":
            return "resolving"
        case "outbox" if context.isinsert and values.get("channel") == SECOND:
            return "handover"
        case "outbox" if context.isupdate and rows and values.get("state") == "leased":
            return "lease"
        case "outbox" if context.isupdate and rows and values.get("state") == "delivered":
            return "settle"
    return None


def set_in_transactions(trap: Trap) -> None:
    """Let every transaction of this process come by the trap, before and after its COMMIT."""
    committing = threading.local()
    wrapped: set[int] = set()

    @event.listens_for(Engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.info["steps"] = set()

    @event.listens_for(Engine, "after_cursor_execute")
    def _executed(
        connection: Connection, cursor: Any, _: str, __: Any, context: Any, *___: Any
    ) -> None:
        step = step_of(context, cursor.rowcount)
        if step is not None:
            connection.info.setdefault("steps", set()).add(step)

    @event.listens_for(Engine, "commit")
    def _before(connection: Connection) -> None:
        committing.steps = sorted(connection.info.pop("steps", ()))
        for step in committing.steps:
            trap.passes("before", step)

    @event.listens_for(Engine, "engine_connect")
    def _wrap(connection: Connection) -> None:
        dialect = connection.dialect
        if id(dialect) in wrapped:
            return
        wrapped.add(id(dialect))
        commit = dialect.do_commit

        def do_commit(dbapi_connection: Any) -> None:
            commit(dbapi_connection)
            for step in getattr(committing, "steps", ()):
                trap.passes("after", step)

        dialect.do_commit = do_commit  # type: ignore[method-assign]


def set_in_channel(trap: Trap) -> None:
    """Offer webhooks that come by the trap before they send and when they were answered."""

    @channel("killing-webhook", title="Webhook that may kill its sender")
    class KillingWebhook(WebhookChannel, frozen=True, kw_only=True):
        async def send(self, message: Message, deadline: Deadline) -> Outcome:
            trap.passes("before", "sending")
            outcome = await super().send(message, deadline)
            trap.passes("after", "sending")
            return outcome


def main(arguments: list[str]) -> int:
    when, step, nth, *rest = arguments
    trap = Trap(when, step, int(nth))
    set_in_transactions(trap)
    set_in_channel(trap)
    return app.main(rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
