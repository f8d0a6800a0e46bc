"""Channel kind `log`: a line in the monitor's own log, which is always delivered."""

from __future__ import annotations

from typing import ClassVar

import structlog

from domain.outbox import Message, Outcome, delivered
from monitor.channels import Channel, Deadline, channel

log = structlog.get_logger()


@channel("log", title="Log")
class LogChannel(Channel, frozen=True, kw_only=True):
    """Writes every message as one structured line."""

    bundles: ClassVar[bool] = True

    async def send(self, message: Message, deadline: Deadline) -> Outcome:
        """Write the line; nothing is awaited, nothing can fail."""
        log.warning(
            "incident",
            told=message.event.value,
            incident=message.incident_id,
            title=message.title,
            severity=message.severity,
            component=message.component,
            message=message.message,
            stage=message.stage,
            opened_at=message.opened_at.isoformat(),
            at=message.at.isoformat(),
            key=message.key,
            others=[each.id for each in message.others],
        )
        return delivered("logged")

    def target(self) -> str:
        """The log of the monitor."""
        return "the log"
