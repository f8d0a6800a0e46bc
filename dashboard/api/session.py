"""Logging in and out, the first set-up, and one's own password."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard import passwords
from dashboard.api import pages
from dashboard.api.answers import answer, answer_errors, problem
from dashboard.api.bodies import strictly, wordless
from dashboard.api.orders import Body, Refused
from dashboard.identity import SESSION, who
from domain.access import (
    BY_ACCOUNT,
    BY_ADDRESS,
    LONGEST_SESSION,
    KeyKind,
    Role,
    checked_password,
    folded_name,
    normal_password,
    safe_next,
)
from storage import keys, secrets
from storage.engine import to_ms
from storage.logins import Browser, Logins, Standing, TooManyTries
from storage.people import AlreadySetUp, People, Person

Text = Annotated[str, msgspec.Meta(max_length=1000)]


class Entering(Body, kw_only=True):
    """A login: name, password, and where to go then."""

    name: Text
    password: Text
    next: Text = "/"


class SettingUp(Body, kw_only=True):
    """The first admin, made with the one-time link's token."""

    token: Text
    name: Text
    password: Text


class NewPassword(Body, kw_only=True):
    """One's own password: the one so far, and the new one."""

    current: Text
    new: Text


def blueprint(engine: Engine, clock: Callable[[], datetime]) -> Blueprint:
    """The routes of logins. Tries are counted in the store, for all processes and over restarts."""
    routes = Blueprint("session", __name__, url_prefix="/api/v1")
    people, logins = People(engine), Logins(engine)

    @routes.get("/session")
    def present() -> Response:
        one = who()
        needed = one.role < Role.ADMIN and not people.has_admin()
        told = {"name": one.name, "role": one.role.word, "via": one.via}
        return answer({**told, "scopes": sorted(one.scopes), "setup_needed": needed})

    _in_and_out(routes, people, logins, clock)
    _set_up(routes, engine, people, logins, clock)
    _change_password(routes, people, logins, clock)
    _of_ones_own(routes, logins, clock)
    _answer_refusals(routes)
    return routes


def _in_and_out(
    routes: Blueprint, people: People, logins: Logins, clock: Callable[[], datetime]
) -> None:
    """The routes that begin and end a session."""

    @routes.post("/session")
    def log_in() -> Response:
        asked = strictly(request.get_data(), Entering)
        now = clock()
        person = _proved(people, logins, asked.name, asked.password, now)
        if person is None:
            return problem(401, "name or password is wrong")
        return _entered(logins, person, now, {"next": safe_next(asked.next)})

    @routes.delete("/session")
    def log_out() -> Response:
        wordless(request.get_data())
        secret = request.cookies.get(SESSION)
        if secret:
            logins.close(secret, who().name, clock())
        response = answer({"state": "logged out"})
        response.delete_cookie(SESSION, httponly=True, samesite="Lax")
        return response


def _set_up(
    routes: Blueprint,
    engine: Engine,
    people: People,
    logins: Logins,
    clock: Callable[[], datetime],
) -> None:
    """The route that makes the first admin."""

    @routes.post("/setup")
    def set_up() -> Response:
        asked = strictly(request.get_data(), SettingUp)
        now = clock()
        key = keys.find(engine, asked.token, now)
        if key is None or key.kind is not KeyKind.SETUP:
            return problem(
                401, "this link was used or has expired: app.py setup-link prints another"
            )
        name, stored = credentials(asked.name, asked.password)
        made = people.add(name, Role.ADMIN, stored, actor=name, now=now, first_by_key=key.id)
        return _entered(logins, made, now, {"next": "/"})


def _change_password(
    routes: Blueprint, people: People, logins: Logins, clock: Callable[[], datetime]
) -> None:
    """The route of one's own password."""

    @routes.post("/account/password")
    def change_password() -> Response:
        asked = strictly(request.get_data(), NewPassword)
        one, now = who(), clock()
        if one.user_id is None:
            return problem(403, "only somebody who is logged in has a password")
        person = _proved(people, logins, one.name, asked.current, now)
        if person is None:
            return problem(403, "current: the password is wrong")
        stored = hashed("new", asked.new, person.name)
        changed = people.change(person.name, actor=person.name, now=now, password_hash=stored)
        return _entered(logins, changed, now, {})


def _of_ones_own(routes: Blueprint, logins: Logins, clock: Callable[[], datetime]) -> None:
    """The routes of one's own sessions."""

    @routes.get("/account/sessions")
    def own() -> Response:
        one, secret = who(), request.cookies.get(SESSION, "")
        found = () if one.user_id is None else logins.of(one.user_id, clock())
        shown, more = pages.part(found, _newest_first)
        told = [{**session_document(each), "here": each.is_of(secret)} for each in shown]
        return answer({"count": len(told), "sessions": told, "next": more})

    @routes.post("/account/sessions/end")
    def end_others() -> Response:
        wordless(request.get_data())
        one, secret = who(), request.cookies.get(SESSION, "")
        if one.user_id is None:
            return problem(403, "only somebody who is logged in has sessions")
        return answer({"ended": logins.close_others(one.user_id, secret, one.name, clock())})


def _newest_first(session: Standing) -> str:
    """The place of a session in its list. It tells nothing of the secret: its hash is hashed."""
    return f"{10**15 - to_ms(session.created_at):015} {secrets.digest(session.hash)[:16]}"


def session_document(session: Standing) -> dict[str, Any]:
    """A session as JSON."""
    return {
        "created_at": session.created_at.isoformat(),
        "seen_at": session.seen_at.isoformat(),
        "address": session.address,
        "agent": session.agent,
    }


def _proved(
    people: People, logins: Logins, name: str, password: str, now: datetime
) -> Person | None:
    """Who proved to be somebody by a password; every try counts. Raises TooManyTries."""
    try:
        name = folded_name(name)
    except ValueError:
        # Nobody has this name; it is counted and takes as long all the same.
        name = "\N{REPLACEMENT CHARACTER}"
    account, address = f"account {name}", f"address {request.remote_addr or ''}"
    logins.begin_try({account: BY_ACCOUNT, address: BY_ADDRESS}, now)
    found = people.password_of(name)
    if not passwords.matches(found[1] if found else None, normal_password(password)):
        return None
    logins.forgive([account, address])
    return found[0] if found else None


def credentials(name: str, password: str) -> tuple[str, str]:
    """A new person's name and the hash of the password. Raises Refused naming the field."""
    try:
        folded = folded_name(name)
    except ValueError as error:
        raise Refused(f"name: {error}") from None
    return folded, hashed("password", password, folded)


def hashed(field: str, password: str, name: str) -> str:
    """The hash of a new password for somebody. Raises Refused naming the field when it is weak."""
    try:
        return passwords.hashed(checked_password(password, name))
    except ValueError as error:
        raise Refused(f"{field}: {error}") from None


def _entered(logins: Logins, person: Person, now: datetime, more: dict[str, str]) -> Response:
    """The answer to who has logged in: who it is, and the cookie."""
    browser = Browser(
        address=request.remote_addr or "", agent=request.headers.get("User-Agent", "")
    )
    secret = logins.open(person.id, person.name, browser, now)
    response = answer({"name": person.name, "role": person.role.word, **more})
    response.set_cookie(
        SESSION,
        secret.text,
        max_age=int(LONGEST_SESSION.total_seconds()),
        httponly=True,
        secure=request.is_secure,
        # Lax: a link to an incident in a chat must find the reader logged in.
        samesite="Lax",
    )
    return response


def _answer_refusals(routes: Blueprint) -> None:
    answer_errors(routes, {Refused: 400})

    @routes.errorhandler(TooManyTries)
    def _wait(error: TooManyTries) -> Response:
        response = problem(429, str(error))
        response.headers["Retry-After"] = str(error.wait_s)
        return response

    answer_errors(routes, {AlreadySetUp: 409})
