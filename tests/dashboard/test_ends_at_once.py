"""What somebody may no longer do ends with the very next request, in every web process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import argon2
import pytest
from flask import Flask
from sqlalchemy import update

from dashboard import passwords
from dashboard.application import create_app
from domain.access import KeyKind, Role, Scope
from storage import keys
from storage.engine import open_engine
from storage.people import People
from storage.schema import keys as key_rows
from storage.schema import sessions, throttles
from tests.dashboard.filled import Filled, about, fill

PASSWORD, NEW = "correct horse battery", "another horse battery"
LOOK = "/api/v1/rules"
MOST_GUESSES = 12
PAUSE = "/api/v1/checks/shop-db/pause"
Headers = Mapping[str, str]


@pytest.fixture(scope="module")
def stored() -> str:
    return passwords.hashed(PASSWORD)


@pytest.fixture
def store(tmp_path: Path, stored: str) -> Iterator[Filled]:
    filled = fill(tmp_path, datetime.now(UTC))
    filled.publish({"shop-db": about()})
    for name, role in (("ann", Role.ADMIN), ("bob", Role.OPERATOR)):
        People(filled.engine).add(name, role, stored, actor="setup", now=datetime.now(UTC))
    yield filled
    filled.engine.dispose()


@pytest.fixture
def webs(store: Filled) -> Iterator[tuple[Flask, Flask]]:
    """Two web processes' applications, which share nothing but the store."""
    engines = [open_engine(store.url) for _ in range(2)]
    one, other = (create_app(store.settings(anonymous="none"), each).server for each in engines)
    yield one, other
    for each in engines:
        each.dispose()


def ask(web: Flask, method: str, path: str, headers: Headers, body: Any = None) -> int:
    sent = {} if method == "GET" else {"json": {} if body is None else body}
    client = web.test_client(use_cookies=False)
    return client.open(path, method=method, headers=dict(headers), **sent).status_code


def log_in(web: Flask, name: str, password: str = PASSWORD) -> Any:
    client = web.test_client(use_cookies=False)
    return client.post("/api/v1/session", json={"name": name, "password": password})


def session(web: Flask, name: str) -> Headers:
    """What a browser sends once it is logged in."""
    answer = log_in(web, name)
    assert answer.status_code == 200
    return {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}


def key(store: Filled, *scopes: Scope) -> tuple[int, Headers]:
    made, secret = keys.make(
        store.engine, KeyKind.API, name="ci", actor="ann", now=datetime.now(UTC), scopes=scopes
    )
    return made.id, {"Authorization": f"Bearer {secret.text}"}


def expire(store: Filled, table: Any) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    with store.engine.begin() as connection:
        connection.execute(update(table).values(expires_at=past))


# What is done to bob's login: in which process, by whom.
Act = Callable[[Filled, Flask, Headers, Headers], int]
ENDS: dict[str, Act] = {
    "he logs out": lambda _, web, bob, __: ask(web, "DELETE", "/api/v1/session", bob),
    "an admin sets another password": lambda _, web, __, ann: ask(
        web, "PATCH", "/api/v1/people/bob", ann, {"password": NEW}
    ),
    "his role drops": lambda _, web, __, ann: ask(
        web, "PATCH", "/api/v1/people/bob", ann, {"role": "viewer"}
    ),
    "he is switched off": lambda _, web, __, ann: ask(
        web, "PATCH", "/api/v1/people/bob", ann, {"enabled": False}
    ),
    "he is removed": lambda _, web, __, ann: ask(web, "DELETE", "/api/v1/people/bob", ann),
    "it expires": lambda store, *_: expire(store, sessions) or 200,
}


@pytest.mark.parametrize("how", ENDS)
def test_a_login_ends_with_the_next_request_in_every_process(
    store: Filled, webs: tuple[Flask, Flask], how: str
) -> None:
    one, other = webs
    bob, ann = session(one, "bob"), session(other, "ann")
    assert [ask(web, "GET", LOOK, bob) for web in webs] == [200, 200]
    assert ask(other, "POST", PAUSE, bob) == 200

    assert ENDS[how](store, one, bob, ann) == 200

    for web in webs:
        assert [ask(web, "GET", LOOK, bob), ask(web, "POST", PAUSE, bob)] == [401, 401]


def test_a_password_of_ones_own_that_changes_ends_all_other_logins_in_every_process(
    webs: tuple[Flask, Flask],
) -> None:
    one, other = webs
    here, there = session(one, "bob"), session(other, "bob")

    changed = ask(one, "POST", "/api/v1/account/password", here, {"current": PASSWORD, "new": NEW})

    assert changed == 200
    for web in webs:
        # Also the session that changed it: its browser was given another one by the answer.
        assert [ask(web, "GET", LOOK, each) for each in (here, there)] == [401, 401]
    assert log_in(other, "bob").status_code == 401


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_key_ends_with_the_next_request_in_every_process(
    store: Filled, webs: tuple[Flask, Flask], how: str
) -> None:
    one, other = webs
    ann = session(one, "ann")
    number, headers = key(store, Scope.READ, Scope.OPERATE)
    assert [ask(web, "POST", PAUSE, headers) for web in webs] == [200, 200]

    if how == "revoked":
        assert ask(one, "POST", f"/api/v1/keys/{number}/revoke", ann) == 200
    else:
        expire(store, key_rows)

    for web in (other, one):
        assert [ask(web, "GET", LOOK, headers), ask(web, "POST", PAUSE, headers)] == [401, 401]


def test_a_session_of_one_who_was_removed_is_not_that_of_the_next_by_this_name(
    webs: tuple[Flask, Flask],
) -> None:
    one = webs[0]
    bob, ann = session(one, "bob"), session(one, "ann")
    assert ask(one, "DELETE", "/api/v1/people/bob", ann) == 200
    again = {"name": "bob", "role": "admin", "password": NEW}
    assert ask(one, "POST", "/api/v1/people", ann, again) in (200, 201)

    assert [ask(web, "GET", LOOK, bob) for web in webs] == [401, 401]


@pytest.mark.parametrize("name", ["ann", "nobody"])
def test_guessing_is_slowed_alike_for_names_that_are_and_are_not_across_processes_and_restarts(
    store: Filled, webs: tuple[Flask, Flask], name: str
) -> None:
    answers = [log_in(webs[number % 2], name, f"wrong guess {number}") for number in range(5)]
    # On a slow machine the first waits are over before the next guess: they double.
    while answers[-1].status_code == 401 and len(answers) < MOST_GUESSES:
        answers.append(log_in(webs[len(answers) % 2], name, f"wrong guess {len(answers)}"))

    assert [each.status_code for each in answers[:5]] == [401] * 5
    assert answers[-1].status_code == 429
    assert {each.get_json()["detail"] for each in answers[:-1]} == {"name or password is wrong"}
    engine = open_engine(store.url)
    # As after many more: the wait is then longer than this test can take.
    with engine.begin() as connection:
        connection.execute(update(throttles).values(failures=12))
    restarted = create_app(store.settings(anonymous="none"), engine).server
    held = log_in(restarted, name)
    engine.dispose()
    assert held.status_code == 429
    assert int(held.headers["Retry-After"]) >= 1


def test_a_login_costs_as_much_work_for_a_name_that_nobody_has(
    webs: tuple[Flask, Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    # Of the library, to count what it is asked for; it does its work all the same.
    verify, make = argon2.PasswordHasher.verify, argon2.PasswordHasher.hash

    def counted_verify(self: Any, *given: Any) -> Any:
        done.append("verify")
        return verify(self, *given)

    def counted_make(self: Any, *given: Any, **more: Any) -> Any:
        done.append("hash")
        return make(self, *given, **more)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted_verify)
    monkeypatch.setattr(argon2.PasswordHasher, "hash", counted_make)
    log_in(webs[0], "ann", "a first try")
    work = {}
    for name in ("ann", "nobody", "Ann ", "x" * 900, "../../etc"):
        done.clear()
        assert log_in(webs[0], name, "a wrong guess").status_code == 401
        work[name] = tuple(done)

    assert set(work.values()) == {("verify",)}
