"""Checks over HTTP: listed, made, edited, taken back, removed, and tried before they are saved.

What all kinds have in common is validated here, the rest by the monitor while one runs. It is asked
before anything is saved; without it a check is saved, and judged when one runs again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, g, request
from sqlalchemy import Engine

from dashboard.api import defined, kinds
from dashboard.api.answers import answer, problem
from dashboard.api.asking import Asking, replied
from dashboard.api.bodies import strictly
from dashboard.api.defined import NotPermitted, Table, known, merged
from dashboard.api.orders import Body, Refused
from dashboard.identity import who
from dashboard.live import Live
from dashboard.viewing import Viewed
from domain.access import Role
from domain.checkrights import reserved
from domain.checktable import ARRAY, COMMON, LONGEST_NAME, Pace, label, read_tables
from domain.mistakes import ConfigError, Mistake
from domain.reading import BEAT_STALE_S
from domain.secretfields import placeholders, restored, spelt_out, veiled
from domain.settings import Settings, timeout
from storage import catalogue, definitions
from storage.changes import CHECK, Changes
from storage.commands import CommandState, Reply
from storage.definitions import Definition
from storage.engine import UNSTORABLE

# Judging takes a moment even of thousands of checks; it waits no longer than for a run of 0 s.
JUDGING_S = 0.0
USUAL_PAGE, LARGEST_PAGE = 100, 500
# The page on which checks are made stands at this address.
TAKEN = frozenset({"new"})
UNJUDGED = (
    "Saved without the monitor, which did not answer: it judges the check when it runs. "
    "What it refuses is told here and as a notice."
)
NOBODY = "no monitor is running, and only the monitor can try a check"


class Tried(Body):
    """A check to try: a whole table, or fields to lay over the check named `of` (null takes one away).

    Without `run` it is judged alone.
    """

    table: dict[str, Any]
    of: Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)] | None = None
    run: bool = True


class Checks:
    """What the routes know of checks: who may change one, what it must be, how it stands."""

    def __init__(
        self, engine: Engine, live: Live, asking: Asking, clock: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._live = live
        self._asking = asking
        self._clock = clock
        self._standing: tuple[int, Mapping[str, Viewed]] = (-1, {})

    def permit(self, table: Table, given: Table) -> None:
        """Refuse what is left to administrators to others. Raises NotPermitted."""
        reason = reserved(table, given)
        if reason is not None and who().role < Role.ADMIN:
            raise NotPermitted(reason.value)

    def read(self, table: Table, given: Table) -> str:
        """The name of the check. Raises ConfigError, also with what the monitor says of it."""
        name = str(table.get("name"))
        of = None if given is table else name
        reply = self._judge(table, given, of)
        if reply is None or reply.state is not CommandState.DONE:
            g.nocturne_unjudged = UNJUDGED
        return str(COMMON["name"].read(name))

    def about(self, definition: Definition) -> dict[str, Any]:
        """What is told beside the table: how the check stands, and whether its edits are in force."""
        table = definition.in_force
        viewed = self._seen().get(definition.name)
        reason = reserved(table, dict.fromkeys(table))
        told = {
            "kind": table.get("kind"),
            "status": None if viewed is None else viewed.reading.status.word,
            "mark": None if viewed is None else viewed.reading.mark.value,
            "refused": self._refused(definition.name),
            "admin_only": None if reason is None else reason.value,
        }
        note = g.pop("nocturne_unjudged", None)
        return told if note is None else {**told, "note": note}

    def named(self, name: str, kind: defined.Kind) -> list[dict[str, Any]]:
        """The check of this name as it is told, or nothing."""
        with self._engine.connect() as connection:
            asked = [name] if UNSTORABLE.search(name) is None else []
            found = definitions.load_some(connection, CHECK, asked)
        return [defined.document(kind, each) for each in found]

    def attempt(self, asked: Tried) -> Response:
        """Have the monitor run a draft once; what it found, or where that will be found."""
        before = None if asked.of is None else known(self._engine, CHECK, asked.of)
        fields = asked.table if before is None else restored(asked.table, before.in_force)
        table = {**fields} if before is None else merged(before, fields)
        self.permit(table, fields)
        if not asked.run or self._wrong(table, fields, asked.of):
            self._judge(table, fields, asked.of)
            return Response(status=204)
        if not self._is_alive():
            return problem(503, NOBODY)
        arguments = {"of": asked.of, "fields": dict(fields)}
        command, reply = self._asking.wait(
            "try-check", str(table["name"]), _timeout_s(table), arguments
        )
        together(str(table["name"]), (), reply)
        return replied(command, reply)

    def _before(self, of: str | None) -> Table:
        return {} if of is None else known(self._engine, CHECK, of).in_force

    def _wrong(self, table: Table, given: Table, of: str | None) -> list[Mistake]:
        """What is wrong with a table as far as the web can tell."""
        before = self._before(of)
        if before and given.get("kind", before.get("kind")) != before.get("kind"):
            return [_mistake(table, "kind", "can't be changed: make another check")]
        literals = [_mistake(table, key, reason) for key, reason in spelt_out(given, before)]
        shown = set(COMMON) & {key for key in given if _has_placeholder(given[key])}
        told = [_mistake(table, key, "takes no ${…}: everybody sees it") for key in sorted(shown)]
        named = set(_names_in(table.get("depends_on")))
        stubs = [
            {"name": name, "kind": "any"} for name in self._existing(named) - {table.get("name")}
        ]
        _, mistakes = read_tables([table, *stubs], Settings(), lambda _: Pace())
        name = table.get("name")
        if of is None and isinstance(name, str) and name.strip() in TAKEN:
            told.append(_mistake(table, "name", f"{name!r} is taken by a page: choose another"))
        return [*literals, *told, *mistakes, *self._unlike_kind(table)]

    def _unlike_kind(self, table: Table) -> list[Mistake]:
        """Fields that the kind must have or does not know; nothing before a monitor published kinds."""
        schemas, kind = catalogue.load(self._engine), table.get("kind")
        if not schemas or not isinstance(kind, str):
            return []
        if kind not in schemas:
            return [_mistake(table, "kind", f"there is no such kind: {', '.join(schemas)}")]
        inside = kinds.own(schemas[kind])
        fields = inside.get("properties", {})
        missing = [key for key in inside.get("required", []) if table.get(key) is None]
        unknown = [key for key in table if key not in COMMON and key not in fields]
        return [
            *(_mistake(table, key, "is missing") for key in missing),
            *(_mistake(table, key, f"checks of kind {kind} have no such field") for key in unknown),
        ]

    def _judge(self, table: Table, given: Table, of: str | None) -> Reply | None:
        """Have the monitor judge a draft too; what it said, None without an answer.

        Raises ConfigError with all that is wrong at once: what the web found, then what the monitor did.
        """
        wrong = self._wrong(table, given, of)
        faulty = {str(each.path[2]) for each in wrong if len(each.path) > 2}
        reply = None
        # Of whom is asked needs a name, and no secret that is spelt out may be written down.
        if "name" not in faulty and table.get("name") is not None and self._is_alive():
            secrets = dict(spelt_out(given, self._before(of)))
            fields = {key: value for key, value in given.items() if key not in secrets}
            arguments = {"of": of, "fields": fields}
            _, reply = self._asking.wait("check-draft", str(table["name"]), JUDGING_S, arguments)
        together(str(table.get("name")), wrong, reply)
        return reply

    def _is_alive(self) -> bool:
        beat = self._live.look().beat
        return beat is not None and self._clock() - beat < timedelta(seconds=BEAT_STALE_S)

    def _seen(self) -> Mapping[str, Viewed]:
        moment = self._live.look().moment
        if moment is None:
            return {}
        if self._standing[0] != moment.generation:
            found = {each.row.name: each for each in moment.checks}
            self._standing = (moment.generation, found)
        return self._standing[1]

    def _refused(self, name: str) -> list[str]:
        """What the monitor said of edits of a check that it left out."""
        moment = self._live.look().moment
        notices = () if moment is None else moment.board.notices
        lines = [
            line.removeprefix(definitions.NOT_IN_FORCE).strip()
            for each in notices
            if each.key == definitions.EDITS_NOTICE
            for line in each.text.splitlines()
        ]
        owner = label({"name": name}, 0)
        return [
            line.removeprefix(owner).lstrip(": ")
            for line in lines
            if line.startswith((f"{owner}:", f"{owner} "))
        ]

    def _existing(self, names: set[str]) -> set[str]:
        asked = sorted(name for name in names if UNSTORABLE.search(name) is None)
        with self._engine.connect() as connection:
            found = definitions.load_some(connection, CHECK, asked)
        return {each.name for each in found if not each.orphaned}


def blueprint(
    engine: Engine,
    live: Live,
    changes: Changes,
    asking: Asking,
    clock: Callable[[], datetime],
    *,
    changed: Callable[[], None],
) -> Blueprint:
    """The routes of checks as definitions. Access to them is decided before, but for what is reserved."""
    checks = Checks(engine, live, asking, clock)
    kind = defined.Kind(
        name=CHECK,
        path="checks",
        key="name",
        read=checks.read,
        about=checks.about,
        permit=checks.permit,
        shown=as_shown,
        restored=restored,
        is_paged=True,
    )
    routes = defined.blueprint(kind, engine, changes, clock, changed=changed)

    @routes.get("")
    def listed() -> Response:
        limit = _limit(request.args.get("limit"))
        name = request.args.get("name")
        if name is not None:
            one = checks.named(name, kind)
            return answer({"count": len(one), "checks": one, "next": None})
        after = request.args.get("cursor", "")
        if UNSTORABLE.search(after) is not None:
            raise Refused("cursor: take it from the answer before")
        found = definitions.load_page(engine, CHECK, after, limit + 1)
        page = [defined.document(kind, each) for each in found[:limit]]
        more = found[limit - 1].name if len(found) > limit else None
        return answer({"count": len(page), "checks": page, "next": more})

    @routes.post("/try")
    def attempt() -> Response:
        return checks.attempt(strictly(request.get_data(), Tried))

    return routes


def as_shown(table: Table) -> Table:
    """A table without secrets; what is run here is shown to those alone who may change it."""
    shown = veiled(table)
    if who().role >= Role.ADMIN:
        return shown
    hidden = {"command", "env", "config"} & shown.keys()
    return {**shown, **dict.fromkeys(hidden, "***")}


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL_PAGE
    if (
        not (text.isascii() and text.isdigit() and len(text) < 6)
        or not 1 <= int(text) <= LARGEST_PAGE
    ):
        raise Refused(f"limit: must be a whole number from 1 to {LARGEST_PAGE}")
    return int(text)


def _timeout_s(table: Table) -> float:
    """How long a run of the table takes at most, in seconds."""
    try:
        return timeout(str(table["timeout"]))
    except (KeyError, ValueError):
        return Settings().monitor.timeout_s


def together(name: str, wrong: Sequence[Mistake], reply: Reply | None) -> None:
    """Raises ConfigError with what was found wrong, and what the monitor has against other fields."""
    told = (reply.document or {}) if reply is not None else {}
    errors = told.get("errors")
    refused = reply is not None and reply.state is CommandState.FAILED
    found = errors if refused and isinstance(errors, dict) else {}
    faulty = {str(each.path[2]) for each in wrong if len(each.path) > 2}
    more = [_mistake({"name": name}, key, str(why)) for key, why in found.items()]
    mistakes = [
        *wrong,
        *(each for each in more if not {str(part) for part in each.path[2:3]} & faulty),
    ]
    if mistakes:
        raise ConfigError(mistakes)


def _mistake(table: Table, key: str, reason: str) -> Mistake:
    owner = label(table, 0)
    path = (ARRAY, 0, key) if key else (ARRAY, 0)
    return Mistake(key=f"{owner} {key}".strip(), reason=reason, path=path)


def _has_placeholder(value: Any) -> bool:
    return bool(list(placeholders(value)))


def _names_in(value: Any) -> list[str]:
    """The names that stand in a `depends_on`, however it is nested."""
    if isinstance(value, str):
        return [value]
    return [name for each in value for name in _names_in(each)] if isinstance(value, list) else []
