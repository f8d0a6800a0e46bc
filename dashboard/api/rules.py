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
from domain import rulechannels, ruletable
from domain.alertrules import AlertRule, condition
from domain.backtest import Backtest, Stretch
from domain.mistakes import ConfigError
from domain.rulestate import RuleState
from storage import backtesting, definitions, rule_rows
from storage.backtesting import Tested
from storage.changes import CHANNEL, RULE, Changes
from storage.definitions import Definition

SHOWN_STRETCHES = 200


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
        read=lambda table: _read(engine, table).id,
        about=lambda definition: _about(engine, definition),
    )
    routes = defined.blueprint(kind, engine, changes, clock, changed=changed)

    @routes.post("/backtest")
    def test() -> Response:
        asked = strictly(request.get_data(), Tried)
        rule = _read(engine, asked.table)
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
            }
        )

    return routes


def _read(engine: Engine, table: Mapping[str, Any]) -> AlertRule:
    """The rule of a table. Raises ConfigError, also when it names a channel that does not exist."""
    rule = ruletable.read_rule(table)
    channels = (each for each in definitions.load(engine, CHANNEL) if not each.orphaned)
    mistakes = rulechannels.examine([table], [each.name for each in channels])
    if mistakes:
        raise ConfigError(mistakes)
    return rule


def _about(engine: Engine, definition: Definition) -> dict[str, Any]:
    try:
        words: str | None = condition(ruletable.read_rule(definition.in_force))
    except ConfigError:
        # The file has changed under an edit: the table stands here as it is, and is not in force.
        words = None
    states = rule_rows.load(engine, [definition.name])
    return {"condition": words, "states": [_state(each) for each in states.values()]}


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
