"""What operators do to many checks in one request; each name gets an outcome of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec
from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api.answers import answer, answer_errors
from dashboard.api.asking import address_of
from dashboard.api.bodies import strictly
from dashboard.api.orders import Refused, Signed
from domain.checktable import LONGEST_NAME
from domain.checktable import name as checked
from domain.facts import Detail
from domain.operating import NotAllowed, Order, Verb
from storage import commands
from storage.bulk_changes import BulkChanges, Edited
from storage.definitions import Definition
from storage.incident_changes import IncidentChanges, UnknownIncident

MOST_NAMES = 1_000
MOST_TAGS = 20

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
Tags = Annotated[list[Tag], msgspec.Meta(max_length=MOST_TAGS)]
Outcomes: TypeAlias = "dict[str, dict[str, Any]]"


class Action(StrEnum):
    """What can be done to many checks."""

    CHECK_NOW = "check-now"
    PAUSE = "pause"
    RESUME = "resume"
    ACKNOWLEDGE = "acknowledge"
    TAG = "tag"


class Bulk(Signed, kw_only=True):
    """An action on the named checks; `add` and `remove` are for tags alone."""

    texts: ClassVar[tuple[str, ...]] = ()
    action: Action
    checks: Annotated[list[Name], msgspec.Meta(min_length=1, max_length=MOST_NAMES)] = (
        msgspec.field(name="names")
    )
    add: Tags = msgspec.field(default_factory=list)
    remove: Tags = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """With what, by whom and when an action is carried out."""

    engine: Engine
    edits: BulkChanges
    incidents: IncidentChanges
    now: datetime

    def carry_out(self, asked: Bulk) -> Outcomes:
        """Do it; the outcome of each check that there is. Raises Refused for impossible tags."""
        names = list(dict.fromkeys(asked.checks))
        if asked.action is not Action.TAG and (asked.add or asked.remove):
            raise Refused(f"{'add' if asked.add else 'remove'}: only the action tag takes tags")
        if asked.action is Action.TAG:
            return self._tag(names, _read_tags(asked), asked.actor)
        if asked.action is Action.ACKNOWLEDGE:
            return self._acknowledge(names, asked.actor)
        if asked.action is Action.CHECK_NOW:
            return self._check_now(names, asked.actor)
        return self._switch(names, asked.action, asked.actor)

    def _switch(self, names: Sequence[str], action: Action, actor: str) -> Outcomes:
        enabled = action is Action.RESUME
        found = self.edits.edit(
            names, lambda _: {"enabled": enabled}, action=action.value, actor=actor, now=self.now
        )
        already = "it is being checked already" if enabled else "it is paused already"
        return {
            name: _done() if each.changed else _unchanged(already) for name, each in found.items()
        }

    def _tag(self, names: Sequence[str], tags: _Tags, actor: str) -> Outcomes:
        found = self.edits.edit(
            names, lambda each: {"tags": [*tags.of(each)]}, action="edit", actor=actor, now=self.now
        )
        return {name: _tagged(each) for name, each in found.items()}

    def _acknowledge(self, names: Sequence[str], actor: str) -> Outcomes:
        known = self.edits.known(names)
        open_ones = self.edits.open_incidents(list(known))
        none = _unchanged("no incident stands for it")
        return {
            name: self._take(open_ones[name], actor) if name in open_ones else none
            for name in known
        }

    def _take(self, incident_id: str, actor: str) -> dict[str, Any]:
        try:
            order = Order(verb=Verb.ACKNOWLEDGE)
            self.incidents.carry_out(incident_id, order, actor=actor, now=self.now)
        except (NotAllowed, UnknownIncident) as refused:
            return {**_unchanged(str(refused)), "incident": incident_id}
        return {**_done(), "incident": incident_id}

    def _check_now(self, names: Sequence[str], actor: str) -> Outcomes:
        known = self.edits.known(names)
        able: dict[str, dict[str, Detail]] = {
            name: {} for name, each in known.items() if each.in_force.get("enabled", True)
        }
        asked = (
            commands.request_many(self.engine, "check-now", able, actor=actor, now=self.now)
            if able
            else {}
        )
        paused = {"outcome": "refused", "detail": "it is paused: resume it first"}
        return {
            name: {**_done(), "reply": address_of(asked[name])} if name in asked else paused
            for name in known
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tags:
    """Tags to put on checks and to take off them."""

    add: Sequence[str]
    remove: frozenset[str]

    def of(self, definition: Definition) -> list[str]:
        """The tags of a check afterwards, in the order in which they came."""
        kept = [tag for tag in _tags(definition) if tag not in self.remove]
        return list(dict.fromkeys([*kept, *self.add]))


def blueprint(
    engine: Engine, clock: Callable[[], datetime], *, changed: Callable[[], None]
) -> Blueprint:
    """The one route; `changed` is called after each change. Access to it is decided before."""
    routes = Blueprint("bulk", __name__, url_prefix="/api/v1")
    edits, orders = BulkChanges(engine), IncidentChanges(engine)

    @routes.post("/checks/bulk")
    def many() -> Response:
        asked = strictly(request.get_data(), Bulk)
        doing = Doing(engine=engine, edits=edits, incidents=orders, now=clock())
        found = doing.carry_out(asked)
        changed()
        return answer(_document(asked, found))

    answer_errors(routes, {Refused: 400})

    return routes


def _document(asked: Bulk, found: Outcomes) -> dict[str, Any]:
    """The outcomes in the order of the names that were sent."""
    unknown = {"outcome": "unknown", "detail": "there is no check of this name"}
    outcomes = [{"name": name, **found.get(name, unknown)} for name in dict.fromkeys(asked.checks)]
    done = sum(each["outcome"] == "done" for each in outcomes)
    return {"action": asked.action.value, "done": done, "outcomes": outcomes}


def _done() -> dict[str, Any]:
    return {"outcome": "done", "detail": ""}


def _unchanged(why: str) -> dict[str, Any]:
    return {"outcome": "unchanged", "detail": why}


def _tagged(edited: Edited) -> dict[str, Any]:
    """What became of a check's tags, with what would take that back."""
    before, after = _tags(edited.before), _tags(edited.after)
    outcome = _done() if edited.changed else _unchanged("it has these tags already")
    gained = [tag for tag in after if tag not in before]
    lost = [tag for tag in before if tag not in after]
    return {**outcome, "tags": after, "added": gained, "removed": lost}


def _tags(definition: Definition) -> list[str]:
    found = definition.in_force.get("tags")
    return [str(tag) for tag in found] if isinstance(found, list | tuple) else []


def _read_tags(asked: Bulk) -> _Tags:
    """The tags in their one normal form. Raises Refused for what can be none."""
    if not asked.add and not asked.remove:
        raise Refused("add: name tags to add or to remove")
    add, remove = _normal("add", asked.add), frozenset(_normal("remove", asked.remove))
    if both := remove & set(add):
        raise Refused(f"remove: {min(both)!r} is to be added as well")
    return _Tags(add=add, remove=remove)


def _normal(field: str, tags: Iterable[str]) -> list[str]:
    try:
        return [checked(tag) for tag in tags]
    except ValueError as error:
        raise Refused(f"{field}: {error}") from None
