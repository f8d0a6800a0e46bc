"""What timelines and pages say of an incident: what is wrong first, then what happened."""

from __future__ import annotations

from domain.facts import CheckState, Status


def wrong_with(state: CheckState) -> str:
    """What is wrong with a check: its last bad message, also when its last try went well."""
    is_bad = state.hard not in (None, Status.HEALTHY)
    if is_bad and state.last_status is Status.HEALTHY and state.last_error:
        return state.last_error
    return state.last_message


def told_with(wrong: str, reason: str) -> str:
    """What happened to an incident, after what is wrong: `refused — silence ended, still critical`."""
    wrong = wrong.strip().removesuffix(".")
    return f"{wrong} — {reason}" if wrong else reason


def still(status: Status | None) -> str:
    """That it is bad as before: `still critical`."""
    return f"still {(status or Status.UNKNOWN).word}"
