"""Why was I (not) paged? The answers of both gates for a check, a rule or an incident."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api.answers import answer, problem
from domain.whypaged import Case, explain
from storage import explaining
from storage.engine import UNSTORABLE

ASKED_BY = ("check", "rule", "incident")


def blueprint(engine: Engine, clock: Callable[[], datetime]) -> Blueprint:
    """The one route. Access to it is decided before."""
    routes = Blueprint("explain", __name__, url_prefix="/api/v1")

    @routes.get("/explain")
    def told() -> Response:
        given = {key: request.args[key] for key in ASKED_BY if key in request.args}
        unknown = sorted(request.args.keys() - set(ASKED_BY))
        if len(given) != 1 or unknown:
            return problem(400, f"name one of {', '.join(ASKED_BY)}: /api/v1/explain?check=NAME")
        ((by, name),) = given.items()
        cases = find(engine, by, name, clock())
        if not cases:
            return problem(404, f"there is no {by} of this name")
        return answer({by: name, "explanations": [document(case) for case in cases]})

    return routes


def find(engine: Engine, by: str, name: str, now: datetime) -> list[Case]:
    """The cases: one, or one for each series of a rule."""
    if UNSTORABLE.search(name):
        return []
    if by == "check":
        cases = [explaining.case_of_check(engine, name, now)]
    elif by == "incident":
        cases = [explaining.case_of_incident(engine, name, now)]
    else:
        return explaining.cases_of_rule(engine, name, now)
    return [case for case in cases if case is not None]


def document(case: Case) -> dict[str, Any]:
    """The ordered answers for one component."""
    return {
        "component": case.component,
        "incident": None if case.incident is None else case.incident.id,
        "answers": [
            {
                "gate": each.gate,
                "question": each.question,
                "says": each.says.value,
                "text": each.text,
            }
            for each in explain(case)
        ],
    }
