"""Logins, keys and tokens over HTTP: what each opens, and that it ends at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from dashboard import firstadmin, passwords
from dashboard.application import create_app
from dashboard.ratelimits import RateLimits
from domain.access import KeyKind, Role, Scope
from domain.facts import Detail, Status
from storage import definitions, keys
from storage.changes import CHECK
from storage.people import People
from storage.schema import throttles
from tests.dashboard.filled import Filled, about, fill

PASSWORD = "correct horse battery"
ROUTER = ".._pages_content.children..._pages_store.data.."
PAUSE = "/api/v1/checks/shop-db/pause"


@pytest.fixture(scope="module")
def stored() -> str:
    """The hash of PASSWORD, made once: it takes long by design."""
    return passwords.hashed(PASSWORD)


@pytest.fixture
def store(tmp_path: Path, stored: str) -> Iterator[Filled]:
    now = datetime.now(UTC)
    filled = fill(tmp_path, now)
    filled.publish({"shop-db": about()})
    filled.results("shop-db", [Status.HEALTHY], now)
    people = People(filled.engine)
    for name, role in (("ann", Role.ADMIN), ("bob", Role.OPERATOR), ("eve", Role.VIEWER)):
        people.add(name, role, stored, actor="setup", now=now)
    yield filled
    filled.engine.dispose()


@pytest.fixture
def server(store: Filled) -> Flask:
    server: Flask = create_app(store.settings(anonymous="none"), store.engine).server
    return server


def log_in(client: FlaskClient, name: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/api/v1/session", json={"name": name, "password": password, **more})


@pytest.fixture
def logged_in(server: Flask) -> Callable[[str], FlaskClient]:
    def made(name: str) -> FlaskClient:
        client: FlaskClient = server.test_client()
        assert log_in(client, name).status_code == 200
        return client

    return made


def bearer(store: Filled, *scopes: Scope, kind: KeyKind = KeyKind.API) -> dict[str, str]:
    now = datetime.now(UTC)
    _, secret = keys.make(store.engine, kind, name="ci", actor="ann", now=now, scopes=scopes)
    return {"Authorization": f"Bearer {secret.text}"}


def test_without_a_login_there_is_nothing_but_a_status(server: Flask) -> None:
    client = server.test_client()

    assert client.get("/health").get_json().keys() == {"status"}
    assert client.get("/live/snapshot").status_code == 401
    assert client.get("/api/v1/rules").status_code == 401
    assert client.post(PAUSE, json={}).status_code == 401


def test_a_reader_without_a_login_is_led_to_it_and_back(server: Flask) -> None:
    client = server.test_client()
    asked = client.get("/incidents?stage=new", headers={"Accept": "text/html,*/*;q=0.8"})

    assert asked.status_code == HTTPStatus.SEE_OTHER
    assert asked.headers["Location"] == "/login?next=%2Fincidents%3Fstage%3Dnew"
    assert client.get("/login").status_code == 200
    assert log_in(client, "bob", next="/incidents?stage=new").get_json()["next"] == (
        "/incidents?stage=new"
    )
    assert log_in(client, "bob", next="//evil.example").get_json()["next"] == "/"


def test_each_role_does_what_it_may(logged_in: Callable[[str], FlaskClient]) -> None:
    tries = [("GET", "/live/snapshot"), ("POST", PAUSE), ("GET", "/api/v1/people")]
    found = {
        name: [
            logged_in(name).open(path, method=method, json={} if method == "POST" else None)
            for method, path in tries
        ]
        for name in ("eve", "bob", "ann")
    }

    answers = {name: [each.status_code for each in every] for name, every in found.items()}
    assert answers == {"eve": [200, 403, 403], "bob": [200, 200, 403], "ann": [200, 200, 200]}


def test_what_somebody_does_stands_in_the_audit_by_name(
    store: Filled, logged_in: Callable[[str], FlaskClient]
) -> None:
    bob = logged_in("bob")
    made = bob.post(
        "/api/v1/silences",
        json={
            "match": {"names": ["shop-db"]},
            "reason": "work",
            "author": "somebody else",
            "duration": "1h",
        },
    )

    if made.status_code == 201:
        assert made.get_json()["author"] == "bob"
    bob.post(PAUSE, json={})
    edits = bob.get("/api/v1/session").get_json()
    assert (edits["name"], edits["role"], edits["via"]) == ("bob", "operator", "session")


def test_the_cookie_can_be_read_by_no_script_and_is_sent_from_no_other_sites_forms(
    server: Flask,
) -> None:
    cookie = log_in(server.test_client(), "ann").headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    client = server.test_client()
    over_tls = client.post(
        "/api/v1/session",
        json={"name": "ann", "password": PASSWORD},
        base_url="https://localhost",
    )
    assert "Secure" in over_tls.headers["Set-Cookie"]


def test_logging_out_ends_the_session_also_for_a_copy_of_the_cookie(
    server: Flask, logged_in: Callable[[str], FlaskClient]
) -> None:
    bob = logged_in("bob")
    cookie = bob.get_cookie("nocturne_session")
    assert cookie is not None

    assert bob.delete("/api/v1/session", json={}).status_code == 200

    thief = server.test_client()
    thief.set_cookie("nocturne_session", cookie.value)
    assert thief.get("/live/snapshot").status_code == 401


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"enabled": False}, {"password": PASSWORD}])
def test_a_change_by_an_admin_ends_the_others_login_at_the_next_request(
    logged_in: Callable[[str], FlaskClient], change: dict[str, Any]
) -> None:
    ann, bob = logged_in("ann"), logged_in("bob")
    assert bob.get("/live/snapshot").status_code == 200

    assert ann.patch("/api/v1/people/bob", json=change).status_code == 200

    assert bob.get("/live/snapshot").status_code == 401


def test_a_new_password_ends_all_other_logins_and_keeps_this_one(
    server: Flask, logged_in: Callable[[str], FlaskClient]
) -> None:
    here, there = logged_in("bob"), logged_in("bob")
    new = "another horse battery"

    wrong = here.post("/api/v1/account/password", json={"current": "no", "new": new})
    weak = here.post("/api/v1/account/password", json={"current": PASSWORD, "new": "short"})
    done = here.post("/api/v1/account/password", json={"current": PASSWORD, "new": new})

    assert [wrong.status_code, weak.status_code, done.status_code] == [403, 400, 200]
    assert "new:" in weak.get_json()["detail"]
    assert here.get("/live/snapshot").status_code == 200
    assert there.get("/live/snapshot").status_code == 401
    assert log_in(server.test_client(), "bob").status_code == 401
    assert log_in(server.test_client(), "bob", new).status_code == 200


def test_guessing_is_slowed_by_account_also_by_another_process(
    store: Filled, server: Flask
) -> None:
    other = create_app(store.settings(anonymous="none"), store.engine).server.test_client()
    assert log_in(server.test_client(), "ann", "a wrong password").status_code == 401
    # As after many more: the wait is then longer than this test can take.
    with store.engine.begin() as connection:
        connection.execute(update(throttles).values(failures=12))

    refused = log_in(other, "ann")

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert "correct" not in refused.get_data(as_text=True)


def test_a_wrong_name_reads_like_a_wrong_password(server: Flask) -> None:
    answers = [
        log_in(server.test_client(), name, "a wrong password").get_json()
        for name in ("ann", "nobody", "../x", "a\x00b")
    ]

    details = {each["detail"] for each in answers if "control" not in each["detail"]}
    assert details == {"name or password is wrong"}


def test_a_login_from_another_site_is_refused(server: Flask) -> None:
    body = {"name": "ann", "password": PASSWORD}
    client = server.test_client()

    foreign = client.post("/api/v1/session", json=body, headers={"Origin": "https://evil.example"})
    form = client.post("/api/v1/session", data=body)

    assert [foreign.status_code, form.status_code] == [403, 415]


def test_the_first_admin_is_made_once_by_the_link(tmp_path: Path) -> None:
    empty = fill(tmp_path, datetime.now(UTC))
    settings = empty.settings()
    link = firstadmin.link(empty.engine, settings, datetime.now(UTC))
    assert link is not None
    newer = firstadmin.link(empty.engine, settings, datetime.now(UTC))
    assert newer is not None
    client = create_app(settings, empty.engine).server.test_client()
    body = {"name": "Ann", "password": PASSWORD}

    def use(address: str) -> int:
        token = address.partition("token=")[2]
        return client.post("/api/v1/setup", json={**body, "token": token}).status_code

    assert client.get("/api/v1/session").get_json()["setup_needed"] is True
    assert [use(link), use("x"), use(newer), use(newer)] == [401, 401, 200, 401]
    assert client.get("/api/v1/session").get_json()["role"] == "admin"
    assert firstadmin.link(empty.engine, settings, datetime.now(UTC)) is None
    empty.engine.dispose()


def test_a_key_opens_what_its_scopes_name(store: Filled, server: Flask) -> None:
    client = server.test_client()
    read, operate = bearer(store, Scope.READ), bearer(store, Scope.OPERATE)
    test = bearer(store, Scope.TEST)

    assert client.get("/api/v1/rules", headers=read).status_code == 200
    assert client.post(PAUSE, json={}, headers=read).status_code == 403
    assert client.post(PAUSE, headers=operate).status_code == 200
    assert client.get("/api/v1/keys", headers=operate).status_code == 403
    assert client.get("/api/v1/rules", headers=test).status_code == 403
    assert client.get("/health", headers=read).get_json().keys() > {"status"}


@pytest.mark.parametrize("text", ["", "x", "noc_" + "0" * 12 + "_" + "a" * 43, "\xff"])
def test_a_key_that_opens_nothing_is_refused_and_not_taken_for_nobody(
    store: Filled, text: str
) -> None:
    client = create_app(store.settings(), store.engine).server.test_client()

    answer = client.get("/api/v1/rules", headers={"Authorization": f"Bearer {text}"})

    assert answer.status_code == 401


def test_a_revoked_key_is_refused_at_its_next_request(
    store: Filled, server: Flask, logged_in: Callable[[str], FlaskClient]
) -> None:
    ann = logged_in("ann")
    made = ann.post("/api/v1/keys", json={"name": "ci", "scopes": ["read"]}).get_json()
    headers = {"Authorization": f"Bearer {made['secret']}"}
    client = server.test_client()
    assert client.get("/api/v1/rules", headers=headers).status_code == 200
    assert "secret" not in ann.get("/api/v1/keys").get_data(as_text=True)

    assert ann.post(f"/api/v1/keys/{made['id']}/revoke", json={}).status_code == 200

    assert client.get("/api/v1/rules", headers=headers).status_code == 401
    assert ann.post(f"/api/v1/keys/{made['id']}/revoke", json={}).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "", "scopes": ["read"]}, "name"),
        ({"name": "ci"}, "scopes"),
        ({"name": "ci", "scopes": ["root"]}, "scopes"),
        ({"name": "ci", "scopes": ["wall"]}, "scopes"),
        ({"name": "ci", "kind": "setup"}, "kind"),
        ({"name": "ci", "kind": "wall", "scopes": ["read"]}, "scopes"),
        ({"name": "ci", "kind": "heartbeat"}, "subject"),
        ({"name": "ci", "kind": "heartbeat", "subject": "nobody"}, "subject"),
        ({"name": "ci", "kind": "heartbeat", "subject": "shop-db"}, "subject"),
        ({"name": "ci", "kind": "heartbeat", "subject": "a\x00b"}, "subject"),
        ({"name": "ci", "scopes": ["read"], "subject": "x"}, "subject"),
        ({"name": "ci", "scopes": ["read"], "days": 0}, "days"),
        ({"name": "ci", "scopes": ["read"], "days": True}, "days"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_by_the_fields_name(
    store: Filled, logged_in: Callable[[str], FlaskClient], body: dict[str, Any], field: str
) -> None:
    answer = logged_in("ann").post("/api/v1/keys", json=body)

    assert answer.status_code == 400
    assert answer.get_json()["detail"].startswith(f"{field}:")
    assert keys.listed(store.engine) == ()


def test_the_audit_of_a_token_tells_what_it_is_for(
    store: Filled, logged_in: Callable[[str], FlaskClient]
) -> None:
    ann, now = logged_in("ann"), datetime.now(UTC)
    table: dict[str, Detail] = {"name": "backup", "kind": "heartbeat", "period": "1h"}
    definitions.publish(store.engine, CHECK, [table], "config.toml", now)

    job = ann.post("/api/v1/keys", json={"name": "j", "kind": "heartbeat", "subject": "backup"})
    hall = ann.post("/api/v1/keys", json={"name": "hall", "kind": "wall"})
    ann.post(f"/api/v1/keys/{job.get_json()['id']}/revoke", json={})

    assert (job.status_code, hall.status_code) == (201, 201)
    lines = ann.get("/api/v1/audit?kind=key").get_json()["changes"]
    told = [(each["action"], each["name"], each["after"]) for each in lines]
    assert [(action, name) for action, name, _ in told] == [
        ("revoke key", "j"),
        ("make key", "hall"),
        ("make key", "j"),
    ]
    assert [after.get("check") for _, _, after in told] == ["backup", None, "backup"]
    assert told[1][2]["wall"] == "hall"


def test_a_walls_token_opens_the_wall_and_nothing_else(store: Filled, server: Flask) -> None:
    now = datetime.now(UTC)
    made, secret = keys.make(store.engine, KeyKind.WALL, name="hall", actor="ann", now=now)
    wall = server.test_client()

    entered = wall.get(f"/wall?token={secret.text}&every=20")

    assert entered.status_code == HTTPStatus.SEE_OTHER
    assert entered.headers["Location"] == "/wall?every=20"
    assert wall.get("/live/snapshot").status_code == 200
    assert wall.get("/_dash-layout").status_code == 200
    for path in ("/api/v1/rules", "/incidents", "/checks/shop-db", "/api/v1/keys"):
        assert wall.get(path).status_code == 403, path
    assert wall.post(PAUSE, json={}).status_code == 403
    assert [route(wall, each) for each in ("/wall", "/checks/shop-db")] == [200, 403]
    keys.revoke(store.engine, made.id, actor="ann", now=now)
    assert wall.get("/live/snapshot").status_code == 401


@pytest.mark.parametrize(
    "inputs",
    [
        [("x", "/checks/shop-db"), ("pathname", "/wall")],
        [("pathname", "/checks/shop-db"), ("pathname", "/wall")],
        [("search", "/checks/shop-db"), ("pathname", "/wall"), ("pathname", "/wall")],
        [[("pathname", "/checks/shop-db")], ("pathname", "/wall")],
        [[("pathname", "/wall")], ("pathname", "/wall")],
        [("pathname", ["/wall"]), ("pathname", "/wall")],
        [],
    ],
)
def test_a_walls_token_gets_no_other_page_by_inputs_under_other_names(
    store: Filled, server: Flask, inputs: list[Any]
) -> None:
    now = datetime.now(UTC)
    _, secret = keys.make(store.engine, KeyKind.WALL, name="hall", actor="ann", now=now)
    wall = server.test_client()
    wall.get(f"/wall?token={secret.text}")

    def sent(each: Any) -> Any:
        if isinstance(each, list):
            return [sent(one) for one in each]
        return {"id": "_pages_location", "property": each[0], "value": each[1]}

    body = {"output": ROUTER, "outputs": [], "inputs": [sent(each) for each in inputs]}

    assert wall.post("/_dash-update-component", json=body).status_code == 403


def route(client: FlaskClient, path: str) -> int:
    """What Dash's router answers for a page."""
    outputs = [{"id": "_pages_content", "property": "children"}]
    outputs.append({"id": "_pages_store", "property": "data"})
    inputs = [
        {"id": "_pages_location", "property": "pathname", "value": path},
        {"id": "_pages_location", "property": "search", "value": ""},
    ]
    body = {"output": ROUTER, "outputs": outputs, "inputs": inputs, "changedPropIds": []}
    return client.post("/_dash-update-component", json=body).status_code


def test_who_comes_through_a_proxy_is_not_on_this_machine(store: Filled) -> None:
    client = create_app(store.settings(), store.engine).server.test_client()

    assert client.get("/live/snapshot").status_code == 200
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert client.get("/live/snapshot", headers={name: "10.1.2.3"}).status_code == 401
    behind = create_app(store.settings(proxy="127.0.0.1"), store.engine).server.test_client()
    assert behind.get("/live/snapshot").status_code == 401


def test_a_sender_that_asks_too_much_waits_and_others_do_not() -> None:
    now = 100.0
    limits = RateLimits(lambda: now, per_second=2, at_once=3)

    assert [limits.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limits.wait_s("b") == 0
    now += 0.5
    assert [limits.wait_s("a"), limits.wait_s("a")] == [0, 0.5]


def test_a_reader_with_a_walls_token_can_still_log_in(store: Filled, server: Flask) -> None:
    now = datetime.now(UTC)
    _, secret = keys.make(store.engine, KeyKind.WALL, name="lobby", actor="ann", now=now)
    wall = server.test_client()
    wall.get(f"/wall?token={secret.text}")

    asked = wall.get("/settings", headers={"Accept": "text/html,*/*;q=0.8"})

    assert asked.headers["Location"] == "/login?next=%2Fsettings"


def test_somebody_sees_the_own_logins_and_ends_all_but_this_one(
    logged_in: Callable[[str], FlaskClient],
) -> None:
    here, there, other = logged_in("bob"), logged_in("bob"), logged_in("eve")

    listed = here.get("/api/v1/account/sessions").get_json()["sessions"]
    ended = here.post("/api/v1/account/sessions/end", json={})

    assert [each["here"] for each in listed].count(True) == 1
    assert len(listed) == 2
    assert all(
        each.keys() == {"created_at", "seen_at", "address", "agent", "here"} for each in listed
    )
    assert ended.get_json() == {"ended": 1}
    answers = [each.get("/live/snapshot").status_code for each in (here, there, other)]
    assert answers == [200, 401, 200]


def test_a_key_has_no_logins_to_see_or_end(store: Filled, server: Flask) -> None:
    client, key = server.test_client(), bearer(store, Scope.READ)

    assert client.get("/api/v1/account/sessions", headers=key).get_json()["count"] == 0
    assert client.post("/api/v1/account/sessions/end", headers=key, json={}).status_code == 403
