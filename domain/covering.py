"""When maintenance begins and ends to cover an open incident, and when its parent is back. Pure.

Each is told once, by the timeline alone: what it means for pages is decided elsewhere.
"""

from __future__ import annotations

from domain.incidentactions import Action
from domain.incidents import Incident, Problem, Step
from domain.muting import Reason

ENDED = Step(action=Action.MAINTENANCE_ENDED, reason="no window covers it any more")
BACK = Step(action=Action.PARENT_BACK, reason="what it needs is back, so its results count anew")


def covering(problem: Problem, incident: Incident | None) -> tuple[Step, ...]:
    """What of this is to be told of the incident of a problem now."""
    if incident is None or not incident.is_open:
        return ()
    if problem.gate is Reason.MAINTENANCE and not incident.maintained:
        by = f"the window {problem.window}" if problem.window else "a window"
        return (Step(action=Action.MAINTAINED, reason=f"{by} covers it"),)
    if problem.gate is Reason.PASSED and incident.maintained:
        return (ENDED,)
    is_back = problem.gate is Reason.NOT_YET_HARD and incident.parent_id is not None
    return (BACK,) if is_back and not incident.parent_back else ()
