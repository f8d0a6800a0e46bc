"""The people who may log in: listed, added, changed and removed by admins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api import pages
from dashboard.api.answers import answer, answer_errors
from dashboard.api.bodies import strictly, wordless
from dashboard.api.orders import Body, Refused
from dashboard.api.session import credentials, hashed, session_document
from dashboard.identity import actor
from domain.access import Role, role_named
from storage.logins import Logins
from storage.people import LastAdmin, NameTaken, People, Person, UnknownPerson

USUAL_PAGE, LARGEST_PAGE = 100, 500
Text = Annotated[str, msgspec.Meta(max_length=1000)]


class Added(Body, kw_only=True):
    """Somebody new."""

    name: Text
    role: Text
    password: Text


class Changed(Body, kw_only=True):
    """What is to be changed of somebody; what is left out stays."""

    role: Text | None = None
    enabled: bool | None = None
    password: Text | None = None


def blueprint(engine: Engine, clock: Callable[[], datetime]) -> Blueprint:
    """The routes of people. A change ends all logins of whom it is about."""
    routes = Blueprint("people", __name__, url_prefix="/api/v1/people")
    people, logins = People(engine), Logins(engine)

    @routes.get("")
    def listed() -> Response:
        now, most = clock(), pages.limit(USUAL_PAGE, LARGEST_PAGE)
        # One more than is shown tells whether there are further ones.
        found = people.listed(limit=most + 1, after=pages.named_cursor())
        shown, more = pages.cut(found, most, lambda person: person.name)
        documents = [{**_told(each), "sessions": _sessions(each, now)} for each in shown]
        return answer({"count": len(documents), "people": documents, "next": more})

    def _sessions(person: Person, now: datetime) -> list[dict[str, Any]]:
        return [session_document(each) for each in logins.of(person.id, now)]

    @routes.post("")
    def add() -> Response:
        asked = strictly(request.get_data(), Added)
        role = _role(asked.role)
        name, stored = credentials(asked.name, asked.password)
        return answer(_told(people.add(name, role, stored, actor=actor(), now=clock())), 201)

    @routes.patch("/<name>")
    def change(name: str) -> Response:
        asked = strictly(request.get_data(), Changed)
        stored = None if asked.password is None else hashed("password", asked.password, name)
        role = None if asked.role is None else _role(asked.role)
        after = people.change(
            name, actor=actor(), now=clock(), role=role, enabled=asked.enabled, password_hash=stored
        )
        return answer(_told(after))

    @routes.delete("/<name>")
    def remove(name: str) -> Response:
        wordless(request.get_data())
        people.remove(name, actor=actor(), now=clock())
        return answer({"state": "removed"})

    _answer_refusals(routes)
    return routes


def _role(word: str) -> Role:
    try:
        return role_named(word)
    except ValueError as error:
        raise Refused(f"role: {error}") from None


def _told(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "role": person.role.word,
        "enabled": person.enabled,
        "created_at": person.created_at.isoformat(),
        "changed_at": person.changed_at.isoformat(),
    }


def _answer_refusals(routes: Blueprint) -> None:
    answer_errors(routes, {Refused: 400, UnknownPerson: 404, NameTaken: 409, LastAdmin: 409})
