"""Alert rules over HTTP: what they say now, edits, and what a changed rule would have said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api import defined
from dashboard.api.answers import answer
from dashboard.api.bodies import strictly
from dashboard.api.orders import Body
from domain import rulechannels, rulechecks, ruletable
from domain.alertrules import AlertRule, condition
from domain.backtest import Backtest, Stretch
from domain.mistakes import ConfigError, Mistake
from domain.rulestate import RuleState
from domain.ruletexts import NO_DATA_YET
from storage import backtesting, definitions, rule_rows
from storage.backtesting import Tested
from storage.changes import CHANNEL, CHECK, RULE, Changes
from storage.definitions import Definition

SHOWN_STRETCHES = 200
NEVER_MEASURED = "no data for this metric yet"


class Tried(Body):
    """A rule to try over the last hours, as its table would stand in the file."""

    table: dict[str, Any]
    hours: Annotated[float, msgspec.Meta(gt=0, le=24 * 90)] = 24.0


def blueprint(
    engine: Engine,
    changes: Changes,
    clock: Callable[[], datetime],
    *,
    changed: Callable[[], None],
) -> Blueprint:
    """The routes of alert rules. Access to them is decided before."""
    kind = defined.Kind(
        name=RULE,
        path="rules",
        key="id",
        read=lambda table, given: _read(engine, table, given).id,
        about=lambda definition: _about(engine, definition),
    )
    routes = defined.blueprint(kind, engine, changes, clock, changed=changed)

    @routes.post("/backtest")
    def test() -> Response:
        asked = strictly(request.get_data(), Tried)
        rule = _read(engine, asked.table, asked.table)
        end = clock()
        start = end - timedelta(hours=asked.hours)
        ran = backtesting.run(engine, rule, start, end)
        return answer(
            {
                "rule": rule.id,
                "condition": condition(rule),
                "from": start.isoformat(),
                "to": end.isoformat(),
                "series": [_tested(each) for each in ran.tested],
                "left_out": ran.left_out,
                "message": None if ran.tested or ran.left_out else NEVER_MEASURED,
            }
        )

    return routes


def _read(engine: Engine, table: Mapping[str, Any], given: Mapping[str, Any]) -> AlertRule:
    """The rule of a table. Raises ConfigError, also when it names what does not exist.

    What is not `given` anew is not asked after: else a rule whose check or channel is gone could
    not even be switched off.
    """
    rule = ruletable.read_rule(table)
    mistakes: list[Mistake] = []
    if rulechannels.KEY in given:
        mistakes += rulechannels.examine([table], _names(engine, CHANNEL))
    if {rulechecks.KEY, rulechecks.LABELS} & given.keys():
        mistakes += rulechecks.examine([table], _names(engine, CHECK))
    if mistakes:
        raise ConfigError(mistakes)
    return rule


def _names(engine: Engine, kind: str) -> list[str]:
    return [each.name for each in definitions.load(engine, kind) if not each.orphaned]


def _about(engine: Engine, definition: Definition) -> dict[str, Any]:
    try:
        rule = ruletable.read_rule(definition.in_force)
    except ConfigError:
        # The file has changed under an edit: the table stands here as it is, and is not in force.
        return {"condition": None, "states": []}
    states = [_state(each) for each in rule_rows.load(engine, [rule.id]).values()]
    if not states and rule.enabled and not definition.orphaned:
        states = [_silent(rule, definition.in_force, backtesting.is_measured(engine, rule))]
    return {"condition": condition(rule), "states": states}


def _silent(rule: AlertRule, table: Mapping[str, Any], measured: bool) -> dict[str, Any]:
    """What stands for the states of a rule that has said nothing yet."""
    named = {key: table[key] for key in (rulechecks.KEY,) if key in table}
    nothing = dict.fromkeys(("level", "since", "pending", "pending_since", "value"))
    message = "measured, and not evaluated yet" if measured else NO_DATA_YET
    return {"labels": {**rule.labels, **named}, **nothing, "message": message}


def _state(state: RuleState) -> dict[str, Any]:
    return {
        "labels": dict(state.labels),
        "level": state.level.word,
        "since": None if state.since is None else state.since.isoformat(),
        "pending": None if state.pending is None else state.pending.word,
        "pending_since": None if state.pending_since is None else state.pending_since.isoformat(),
        "value": state.last_value,
        "message": state.message,
    }


def _tested(tested: Tested) -> dict[str, Any]:
    found: Backtest = tested.found
    return {
        "labels": dict(tested.labels),
        "judged_from": None if found.judged_from is None else found.judged_from.isoformat(),
        "samples": found.samples,
        "count": found.count,
        "total_s": found.total_s,
        "longest_s": found.longest_s,
        "stretches": [_stretch(each) for each in found.stretches[-SHOWN_STRETCHES:]],
        "truncated": len(found.stretches) > SHOWN_STRETCHES,
    }


def _stretch(stretch: Stretch) -> dict[str, Any]:
    return {
        "level": stretch.level.word,
        "start": stretch.start.isoformat(),
        "end": stretch.end.isoformat(),
        "peak": stretch.peak,
    }
