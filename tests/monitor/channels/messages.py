"""Messages as tests of channels send them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from domain.outbox import Message
from domain.paging import Event

OPENED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def message(**more: Any) -> Message:
    fields: dict[str, Any] = {
        "key": "7:hook",
        "event": Event.TRIGGER,
        "incident_id": "INC-20260301-0001",
        "title": "shop is critical",
        "severity": "critical",
        "component": "shop",
        "message": "Connection refused",
        "opened_at": OPENED,
        "at": OPENED,
        "stage": "new",
        **more,
    }
    return Message(**fields)
