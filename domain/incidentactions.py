"""What happens to incidents: the words of their timelines."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What a line of an incident's timeline tells."""

    OPENED = "opened"
    REOPENED = "reopened"
    ROSE = "severity rose"
    FELL = "severity fell"
    NESTED = "nested"
    STANDS_ALONE = "stands alone"
    FLAPPING = "flapping"
    STEADY = "steady again"
    ACKNOWLEDGED = "acknowledged"
    MOVED = "moved"
    COMMENTED = "commented"
    PUBLISHED = "published"
    ASSIGNED = "assigned"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REPEATED = "repeated"
    RELEASED = "released"
    LAPSED = "lapsed"
    GREW = "grew"
    MAINTAINED = "maintenance began"
    MAINTENANCE_ENDED = "maintenance ended"
    PARENT_BACK = "parent back"
    SILENCED = "silenced"
    SILENCE_ENDED = "silence ended"
