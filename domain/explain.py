"""The sentence that says why a check reads what it reads, for the check page and its tile."""

from __future__ import annotations

import itertools
from datetime import datetime

from domain.dependencies import OWN_NETWORK
from domain.facts import CheckState, Mark, Policy, Status
from domain.reading import Reading
from domain.units import span


def why(state: CheckState, reading: Reading, policy: Policy, now: datetime) -> str:
    """One or two plain sentences: status, how long, why, and what is still being confirmed."""
    message = _sentence(state.last_message)
    since = f" for {span((now - reading.since).total_seconds())}" if reading.since else ""
    if reading.mark is Mark.PAUSED:
        return "Paused: it is not being checked."
    if reading.mark is Mark.STALE:
        return f"Stale{since}: it should have run and did not. {_last(state, message, now)}".strip()
    if reading.mark is Mark.BLOCKED and state.blocked_by == OWN_NETWORK:
        return (
            f"Unknown{since}: this machine's own network is down, so what lies outside can't be "
            f"judged from here. {_last(state, message, now)}"
        ).strip()
    if reading.mark is Mark.BLOCKED:
        return (
            f"Unknown{since} because {state.blocked_by}, which it needs, is down. "
            f"It is still checked, and counts for nothing until {state.blocked_by} is back. "
            f"{_last(state, message, now)}"
        ).strip()
    if reading.mark is Mark.INCONCLUSIVE:
        return f"Unknown{since}: what it measures is inconclusive now. {message}"
    if state.hard is None or reading.mark is Mark.ANEW:
        return _unconfirmed_start(state, reading, policy, message)
    head = f"{state.hard.word.capitalize()}{since}: {message}"
    return " ".join(filter(None, [head, soft_note(state, policy), _covered(state, reading)]))


def _covered(state: CheckState, reading: Reading) -> str:
    if reading.mark is not Mark.MAINTENANCE:
        return ""
    return f"In maintenance ({state.maintenance}): it opens no incident until that is over."


def soft_note(state: CheckState, policy: Policy) -> str:
    """What is being confirmed: `Warning 1 of 3, not confirmed yet.` Empty when nothing is."""
    if state.last_status is None or state.hard is None or state.last_status is state.hard:
        return ""
    seen, needed = progress(state, policy)
    held = " It waits for what it depends on." if state.mark is Mark.HELD else ""
    return f"{state.last_status.word.capitalize()} {seen} of {needed}, not confirmed yet.{held}"


def progress(state: CheckState, policy: Policy) -> tuple[int, int]:
    """How many results of how many speak for the change that is being confirmed."""
    hard = state.hard if state.hard is not None else Status.HEALTHY
    latest = state.recent[-1] if state.recent else hard
    if latest < hard or latest is Status.HEALTHY:
        needed, speaking = policy.successes, [s < hard or s is latest for s in state.recent]
    else:
        # Counting anew, the status that stood is confirmed like a rise to it.
        needed, speaking = policy.failures, [s > hard or s is latest for s in state.recent]
    seen = len(list(itertools.takewhile(bool, reversed(speaking))))
    return min(seen, needed), needed


def _unconfirmed_start(state: CheckState, reading: Reading, policy: Policy, message: str) -> str:
    if state.last_at is None:
        return "Not checked yet: its first result is due within seconds."
    head = "Counting anew" if reading.mark is Mark.ANEW else "Not confirmed yet"
    seen, needed = progress(state, policy)
    return f"{head}, {seen} of {needed} results: {message}"


def _last(state: CheckState, message: str, now: datetime) -> str:
    if state.last_at is None:
        return ""
    ago = span((now - state.last_at).total_seconds())
    return f"Last result {ago} ago: {message}"


def _sentence(message: str) -> str:
    text = message.strip() or "no message"
    return text if text.endswith((".", "!", "?")) else f"{text}."
