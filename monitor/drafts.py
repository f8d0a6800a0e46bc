"""Drafts of checks: what is wrong with one as it would stand among the others, and one run of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from domain.checktable import ARRAY
from domain.checktable import name as read_name
from domain.configuration import Configuration
from domain.facts import Detail, Result
from domain.judging import conclude
from domain.mistakes import KeyPath, Mistake
from monitor.cycle import Foreign, measure
from monitor.definitions import WatchedCheck, examine, read_text
from monitor.membership import Derived
from monitor.placeholders import Expander
from monitor.roster import Roster
from storage import definitions
from storage.changes import CHECK

GONE = "there is no check of this name any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Fields of a check: of a new one, or laid over the one named `of` (None takes a field away)."""

    of: str | None
    fields: Mapping[str, Detail]


class Faulty(Exception):
    """A draft that can't be a check; `errors` are the reasons by field, `""` for the whole of it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__(
            "; ".join(f"{key}: {text}" if key else text for key, text in errors.items())
        )


class Drafts:
    """Judges and tries drafts with what the monitor has: kinds, secrets, the other checks."""

    def __init__(
        self,
        engine: Engine,
        environ: Mapping[str, str],
        foreign: Foreign,
        *,
        configuration: Callable[[], Configuration],
        roster: Callable[[], Roster],
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._environ = environ
        self._foreign = foreign
        self._configuration = configuration
        self._roster = roster
        self._clock = clock

    async def check(self, draft: Draft) -> None:
        """Say whether the draft could be in force. Raises Faulty with all that is wrong."""
        await asyncio.to_thread(self._build, draft)

    async def run(self, draft: Draft) -> dict[str, Detail]:
        """Run the draft once, within its time-out, and store nothing. Raises Faulty.

        Values of the environment and of files that the draft names are masked in the answer.
        """
        watched, expander = await asyncio.to_thread(self._build, draft)
        result = await self._result(watched)
        told: dict[str, Detail] = {
            "status": result.status.word,
            "message": result.message,
            "cause": result.cause.value,
            "response_time_ms": result.response_time_ms,
            "metrics": dict(result.metrics),
            "details": dict(result.details),
            "headline": watched.check.headline(),
            "target": watched.check.target(),
            "at": result.at.isoformat(),
        }
        return {key: _veiled(value, expander) for key, value in told.items()}

    async def _result(self, watched: WatchedCheck) -> Result:
        definition, check, now = watched.definition, watched.check, self._clock()
        if isinstance(check, Derived):
            found = (self._roster().get(name) for name in watched.members)
            measured = check.weigh([each.member(now) for each in found if each is not None])
        else:
            timeout_s = definition.policy.timeout_s
            measured = await measure(check, definition.kind, timeout_s, self._foreign)
        return conclude(
            measured,
            watched.rules,
            {},
            check=definition.name,
            kind=definition.kind,
            at=self._clock(),
            attempt=1,
        )

    def _build(self, draft: Draft) -> tuple[WatchedCheck, Expander]:
        settings = self._configuration().settings
        rows = [each for each in definitions.load(self._engine, CHECK) if not each.orphaned]
        table = _merged({each.name: each.in_force for each in rows}, draft)
        # Last: of two with one name, it is the draft that is told.
        others = [each.in_force for each in rows if draft.of is None or each.name != draft.of]
        tables = [*others, table]
        watched, mistakes = examine(tables, settings, self._environ)
        errors = _errors(mistakes, len(others), str(table.get("name")))
        if errors:
            raise Faulty(errors)
        expander = Expander(settings, self._environ, read_text)
        expander.expand(table, (ARRAY, 0))
        # That of the own network may come behind it; every other stands before.
        normal = read_name(str(table["name"]))
        return next(each for each in watched if each.definition.name == normal), expander


def _merged(known: Mapping[str, Mapping[str, Detail]], draft: Draft) -> dict[str, Detail]:
    if draft.of is None:
        return dict(draft.fields)
    if draft.of not in known:
        raise Faulty({"": GONE})
    merged = {**known[draft.of], **draft.fields}
    return {key: value for key, value in merged.items() if value is not None}


def _errors(mistakes: Sequence[Mistake], place: int, name: str) -> dict[str, str]:
    """What is wrong with the table at this place, by field; circles that it closes included."""
    errors: dict[str, str] = {}
    for each in mistakes:
        if len(each.path) > 1 and each.path[1] == place:
            errors.setdefault(_field(each.path), each.reason)
        elif each.path[2:3] == ("depends_on",) and name in each.reason:
            errors.setdefault("depends_on", each.reason)
    return errors


def _field(path: KeyPath) -> str:
    return str(path[2]) if len(path) > 2 else ""


def _veiled(value: Any, expander: Expander) -> Any:
    if isinstance(value, str):
        return expander.veil(value)
    if isinstance(value, Mapping):
        return {expander.veil(str(key)): _veiled(each, expander) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_veiled(each, expander) for each in value]
    return value
