"""Secrets planted in a real installation are found nowhere: pages, API, exports, logs, pages sent.

Each has a marker of its own. Targets answer with all that they were sent, so that messages, incidents
and notifications have every chance to repeat it.
"""

from __future__ import annotations

import http.client
import itertools
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import select

from dashboard import passwords
from dashboard.access import DASH_CALLBACKS, PAGES, ROUTES
from dashboard.callbacks.check import ROLES
from domain.access import KeyKind, Role, Scope
from domain.facts import Status
from storage import keys
from storage.engine import open_engine
from storage.people import People
from storage.readings import Readings
from storage.schema import metadata
from tests.installed import Installed
from tests.receiver import Receiver, receiver
from tests.waiting import wait_for

PASSWORD = "mk-own-password-9"
# Of the environment, of a file, of what people type and of what a store is opened with.
ENVIRONMENT = {"SHOP_TOKEN": "mk-from-environment", "HOOK_KEY": "mk-hook-environment"}
IN_FILE = "mk-from-a-file"
TYPED = ("mk-typed-at-login", "mk-typed-as-field", "mk-typed-in-draft", "mk-typed-as-new")
CHECKS = """
[[check]]
name = "in-url"
kind = "http"
url = "http://shop:mk-url-password@127.0.0.1:{echo}/a?token=mk-url-query"
[[check]]
name = "in-headers"
kind = "http"
url = "http://127.0.0.1:{echo}/b"
method = "POST"
body = '{{"password": "mk-body-password"}}'
headers = {{ Authorization = "Bearer mk-header-bearer", X-Api-Key = "mk-header-key" }}
expect_body = "never there"
[[check]]
name = "in-password"
kind = "http"
url = "http://127.0.0.1:{echo}/c"
username = "shop"
password = "mk-http-password"
[[check]]
name = "in-bearer"
kind = "http"
url = "http://127.0.0.1:{echo}/d"
bearer_token = "mk-http-bearer"
[[check]]
name = "in-proxy"
kind = "http"
url = "http://shop.invalid/"
proxy = "http://shop:mk-proxy-password@127.0.0.1:{echo}"
[[check]]
name = "from-environment"
kind = "http"
url = "http://127.0.0.1:{echo}/e?key=${{SHOP_TOKEN}}"
headers = {{ Authorization = "Bearer ${{SHOP_TOKEN}}" }}
[[check]]
name = "from-file"
kind = "http"
url = "http://127.0.0.1:{echo}/f"
bearer_token = "file:{file}"
[[check]]
name = "exposed"
kind = "prometheus"
url = "http://127.0.0.1:{echo}/metrics"
bearer_token = "mk-prometheus-bearer"
select = [{{ metric = "up" }}]
[[check]]
name = "model"
kind = "openai"
base_url = "http://127.0.0.1:{echo}/v1"
api_key = "mk-openai-key"
[[check]]
name = "cache"
kind = "redis"
url = "redis://shop:mk-redis-password@127.0.0.1:{echo}/0"
[[check]]
name = "broker"
kind = "mqtt"
host = "127.0.0.1"
port = {echo}
username = "shop"
password = "mk-mqtt-password"
[[check]]
name = "db"
kind = "postgres"
url = "postgresql://shop:mk-postgres-password@127.0.0.1:{echo}/shop"
[[check]]
name = "db-my"
kind = "sql"
url = "mysql://shop:mk-mysql-password@127.0.0.1:{echo}/shop"
[[check]]
name = "db-own"
kind = "sql"
url = "${{storage.url}}"
[[check]]
name = "db-pg"
kind = "sql"
url = "postgresql://shop:mk-sql-password@127.0.0.1:{closed}/shop"
[[check]]
name = "live"
kind = "websocket"
url = "ws://shop:mk-ws-password@127.0.0.1:{echo}/ws?token=mk-ws-query"
headers = {{ X-Auth-Token = "mk-ws-header" }}
[[check]]
name = "plugin"
kind = "command"
command = ["/usr/bin/env", "--", "/bin/sh", "-c", "env; echo $0 $@; exit 2", "--token=mk-argument"]
env = {{ SHOP_PASSWORD = "mk-command-variable" }}
[[check]]
name = "nightly"
kind = "heartbeat"
period = "1h"

[[channel]]
name = "ops"
kind = "webhook"
url = "{hook}?key=mk-hook-query"
secret = "mk-hook-secret"
headers = {{ Authorization = "Bearer mk-hook-bearer" }}
[[channel]]
name = "own"
kind = "webhook"
url = "{hook}?key=${{HOOK_KEY}}"
secret = "${{HOOK_KEY}}"
[[channel]]
name = "dead"
kind = "webhook"
url = "http://shop:mk-dead-password@127.0.0.1:{closed}/mk-dead-path?key=mk-dead-query"
secret = "mk-dead-secret"
[[channel]]
name = "echoing"
kind = "webhook"
url = "http://127.0.0.1:{echo}/mk-echo-path?key=mk-echo-query"
secret = "mk-echo-secret"
headers = {{ X-Token = "mk-echo-header" }}
"""
MONITOR = '[monitor]\ninterval = "3s"\nfailures = 1\n[log]\nlevel = "debug"\n'


class Echo(BaseHTTPRequestHandler):
    """Refuses every request, with all of it in the answer."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = f"{self.requestline}\n{self.headers}\n".encode() + body
        self.send_response(500, self.requestline.replace("\r", "")[:200])
        self.send_header("Content-Length", str(len(told)))
        self.send_header("X-Echo", self.headers.get("Authorization", ""))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST = do_CONNECT = do_PUT = answer  # noqa: N815  # names of the library

    def log_message(self, format: str, *args: Any) -> None:
        return


@contextmanager
def echoing() -> Iterator[int]:
    """A server that answers with what it was sent; its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join(30)


@dataclass
class Planted:
    """An installation that runs with secrets in it, and all that was told to anybody."""

    made: Installed
    receiver: Receiver
    secrets: dict[str, str]
    headers: dict[str, dict[str, str]]
    told: dict[str, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: str | None = None
    ) -> tuple[int, str]:
        """The status and the whole answer, headers included; it is kept for the search."""
        connection = http.client.HTTPConnection("127.0.0.1", self.made.port, timeout=60)
        try:
            connection.request(method, path, body, {**headers, "Content-Type": "application/json"})
            answer = connection.getresponse()
            text = f"{answer.headers}\n{answer.read().decode(errors='replace')}"
            self.told[f"{method} {path} {answer.status} {sorted(headers)}"] = text
            return answer.status, text
        finally:
            connection.close()


@pytest.fixture(scope="module")
def database(postgres_server: str) -> Iterator[str]:
    """An empty database, opened with a password in its address."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE planted")
    parts = urlsplit(postgres_server)
    location = f"{parts.username}:mk-store-password@{parts.netloc.rpartition('@')[2]}"
    yield parts._replace(netloc=location, path="/planted").geturl()
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("DROP DATABASE planted WITH (FORCE)")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Planted]:
    """The installation, once everything has failed that can fail, and was told to the channels."""
    folder = tmp_path_factory.mktemp("planted")
    secret_file = folder / "token"
    secret_file.write_text(IN_FILE + "\n")
    with receiver() as hook, echoing() as echo, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        checks = CHECKS.format(echo=echo, file=secret_file, hook=hook.url, closed=free())
        made = Installed(folder=folder, port=free(), checks=checks, plain=MONITOR, store=database)
        try:
            assert made.app("migrate").returncode == 0
            secrets, headers = people_and_keys(made)
            made.start("web")
            made.start("monitor")
            found = Planted(made=made, receiver=hook, secrets=secrets, headers=headers)
            wait_for(lambda: len(broken(made)) >= 12, 120, pause_s=0.5)
            wait_for(lambda: len(hook.received) >= 8, 120, pause_s=0.5)
            yield found
        finally:
            made.close()


def free() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def people_and_keys(made: Installed) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Secrets that Nocturne makes itself, by name, and the headers of who may look."""
    engine, now = open_engine(made.url), datetime.now(UTC)
    try:
        people = People(engine)
        stored = passwords.hashed(PASSWORD)
        people.add("ann", Role.ADMIN, stored, actor="test", now=now)
        people.add("eve", Role.VIEWER, stored, actor="test", now=now)
        found: dict[str, str] = {}
        for kind, more in (
            (KeyKind.API, {"scopes": list(Scope)}),
            (KeyKind.WALL, {}),
            (KeyKind.STATUS, {}),
            (KeyKind.HEARTBEAT, {"subject": "nightly"}),
        ):
            given: dict[str, Any] = more
            _, secret = keys.make(engine, kind, name=f"a {kind}", actor="ann", now=now, **given)
            found[kind] = secret.text
        return found, {
            "key": {"Authorization": f"Bearer {found[KeyKind.API]}"},
            "wall": {"Cookie": f"nocturne_wall={found[KeyKind.WALL]}"},
            "nobody": {},
        }
    finally:
        engine.dispose()


def broken(made: Installed) -> list[str]:
    """The checks that have an incident."""
    engine = open_engine(made.url)
    try:
        rows = Readings(engine).board(datetime.now(UTC)).checks
        return [row.name for row in rows if row.state.hard is Status.CRITICAL]
    finally:
        engine.dispose()


def log_in(planted: Planted) -> None:
    """Log in as both, and badly; the answers that hand out the cookies are not looked at."""
    for name in ("ann", "eve"):
        body = json.dumps({"name": name, "password": PASSWORD})
        _, text = planted.ask("POST", "/api/v1/session", {}, body)
        found = re.search(r"nocturne_session=([^;]+)", text)
        assert found is not None, text
        planted.secrets[f"session of {name}"] = found[1]
        planted.headers[name] = {"Cookie": f"nocturne_session={found[1]}"}
    planted.told.clear()
    for body in (
        {"name": "eve", "password": TYPED[0]},
        {"name": "nobody", "password": TYPED[0]},
        {"name": "eve", "password": TYPED[0], "pass": TYPED[1]},
        {"name": ["x"], "password": {"is": TYPED[1]}},
    ):
        planted.ask("POST", "/api/v1/session", {}, json.dumps(body))


def markers(planted: Planted) -> dict[str, str]:
    """All that may be found nowhere, by what it is."""
    config = planted.made.config.read_text()
    found = {each: each for each in re.findall(r"mk-[a-z-]+[a-z]", config)}
    found |= {value: value for value in (*ENVIRONMENT.values(), IN_FILE, *TYPED)}
    return {**found, **{f"secret: {name}": text for name, text in planted.secrets.items()}}


def leaks(planted: Planted, told: dict[str, str]) -> list[tuple[str, str, str]]:
    """Which marker stands where, with what stands around it."""
    return [
        (where, name, text[max(0, at - 60) : at + 60])
        for where, text in told.items()
        for name, marker in markers(planted).items()
        if (at := text.find(marker)) >= 0
    ]


# Those that keep most secrets, and each way to give one.
LOOKED_AT = ("in-url", "in-headers", "from-file", "plugin", "db-own")


def addresses(rule: str) -> list[str]:
    """What a route is asked for: several checks where it takes the name of one."""
    if "/checks/" in rule or "/components/" in rule:
        return [re.sub(r"<[^>]+>", name, rule) for name in LOOKED_AT]
    if rule == PAGES:
        return ["/checks", "/wall", "/settings", "/audit", "/thresholds", "/checks/in-url"]
    return [re.sub(r"<int:[^>]+>", "1", re.sub(r"<(?!int:)[^>]+>", "ops", rule))]


def test_no_answer_tells_a_secret_whoever_asks(planted: Planted) -> None:
    log_in(planted)
    for who in ("key", "nobody"):
        headers = planted.headers[who]
        for rule, method in ROUTES:
            if method != "GET" or rule.startswith(("/assets/", "/_dash-component", "/ping/")):
                continue
            for path in addresses(rule):
                planted.ask("GET", path, headers)
        for incident in re.findall(r"INC-\d{8}-\d{4}", str(planted.told)):
            if f"GET /incidents/{incident} 200 {sorted(headers)}" not in planted.told:
                planted.ask("GET", f"/incidents/{incident}", headers)
                planted.ask("GET", f"/api/v1/explain?incident={incident}", headers)
        for what in ("results", "incidents", "alerts", "series?metric=http.total_ms"):
            for form in ("csv", "json"):
                mark = "&" if "?" in what else "?"
                planted.ask("GET", f"/api/v1/export/{what}{mark}format={form}", headers)

    assert sum(" 200 " in each for each in planted.told) > 100
    assert leaks(planted, planted.told) == []


def callback_body(callback: dict[str, Any], name: str, page: str) -> dict[str, Any]:
    """What a browser sends to have a callback tell of a check, or lay out a page."""
    seen = {"name": name, "first": True, "range": "24h", "theme": "dark", "zone": "UTC"}
    values = {"pathname": page, "search": "", "data": seen}
    outputs = [each.rpartition(".") for each in callback["output"].strip(".").split("...")]
    return {
        "output": callback["output"],
        "outputs": [{"id": of, "property": prop} for of, _, prop in outputs],
        "inputs": [{**each, "value": values[each["property"]]} for each in callback["inputs"]],
        "state": [{**each, "value": None} for each in callback["state"]],
        "changedPropIds": [f"{each['id']}.{each['property']}" for each in callback["inputs"]],
    }


def test_no_callback_answers_with_a_secret(planted: Planted) -> None:
    admin = planted.headers["key"]
    checks = planted.made.config.read_text().partition("[[channel]]")[0]
    asked = [(name, f"/checks/{name}") for name in re.findall(r'^name = "(.+)"$', checks, re.M)]
    asked += [(LOOKED_AT[0], page) for page in addresses(PAGES)]
    _, text = planted.ask("GET", "/_dash-dependencies", admin)
    callbacks = [
        each
        for each in json.loads(text.partition("\n\n")[2])
        if not each.get("clientside_function")
    ]

    planted.told.clear()
    for callback, (name, page) in itertools.product(callbacks, asked):
        # The query only tells the answers apart.
        path = f"/_dash-update-component?{len(planted.told)}"
        planted.ask("POST", path, admin, json.dumps(callback_body(callback, name, page)))

    assert {each["output"] for each in callbacks} == {*ROLES, *DASH_CALLBACKS}
    # Each of them told of every check, and every page was laid out.
    assert len(planted.told) == len(callbacks) * len(asked)
    assert all(" 200 " in where and '"response"' in text for where, text in planted.told.items())
    assert leaks(planted, planted.told) == []


def test_neither_does_what_refuses_or_tries_an_edit(planted: Planted) -> None:
    planted.told.clear()
    admin = planted.headers["key"]
    draft = {"kind": "http", "url": "http://127.0.0.1:9/", "name": "x"}
    bodies: list[tuple[str, str, Any]] = [
        ("PATCH", "/api/v1/checks/in-url", {"set": {"url": "http://127.0.0.1:9/new"}}),
        ("PATCH", "/api/v1/checks/in-url", {"set": {"password": TYPED[2]}}),
        ("PATCH", "/api/v1/checks/in-headers", {"set": {"headers": {"X-Token": TYPED[2]}}}),
        ("PATCH", "/api/v1/checks/in-headers", {"set": {"interval": "never"}}),
        ("POST", "/api/v1/checks", {**draft, "bearer_token": TYPED[2]}),
        ("POST", "/api/v1/checks", {"fields": {**draft, "bearer_token": TYPED[2]}}),
        ("POST", "/api/v1/checks/try", {"of": "in-headers", "fields": {}}),
        ("POST", "/api/v1/checks/try", {"of": "from-environment", "fields": {}}),
        ("POST", "/api/v1/checks/try", {"of": "in-url", "fields": {"timeout": "5s"}}),
        ("POST", "/api/v1/checks/try", {"fields": {**draft, "password": TYPED[2]}}),
        ("POST", "/api/v1/channels/dead/test", {}),
        ("POST", "/api/v1/channels/echoing/test", {}),
        ("POST", "/api/v1/people", {"name": "eve", "role": "viewer", "password": TYPED[3]}),
        ("POST", "/api/v1/people", {"name": "x", "role": TYPED[3], "password": TYPED[3]}),
        ("PATCH", "/api/v1/people/eve", {"password": [TYPED[3]]}),
        ("POST", "/api/v1/setup", {"token": TYPED[1], "name": "x", "password": TYPED[3]}),
    ]
    for method, path, body in bodies:
        planted.ask(method, path, admin, json.dumps(body))
    token = planted.secrets[KeyKind.HEARTBEAT]
    planted.ask("POST", f"/ping/{token}/fail", {}, '"it failed"')
    planted.ask("POST", f"/ping/{token}x/fail", {}, '"it failed"')
    planted.ask("PUT", f"/ping/{token}", {}, "{}")
    planted.ask("GET", f"/status/{token}", {})
    planted.ask("GET", f"/wall?token={planted.secrets[KeyKind.STATUS]}", {})
    planted.ask("GET", "/api/v1/rules", {"Authorization": f"Bearer {token}"})
    for path in ("/api/v1/checks/in-url", "/api/v1/audit", "/api/v1/checks"):
        planted.ask("GET", path, admin)

    # Asked for, not told.
    told = {where.replace(token, "…"): text for where, text in planted.told.items()}
    assert leaks(planted, told) == []


def test_no_notification_tells_a_secret(planted: Planted) -> None:
    told = {key: json.dumps(body) for key, body in planted.receiver.received}

    assert len(told) >= 8
    assert leaks(planted, told) == []


def test_neither_log_tells_a_secret(planted: Planted) -> None:
    told = {f"log of {name}": planted.made.log(name) for name in ("web", "monitor")}

    assert all(len(text) > 1000 for text in told.values())
    assert leaks(planted, told) == []


def test_no_mistake_in_the_file_repeats_a_secret(planted: Planted) -> None:
    text = planted.made.config.read_text()
    wrong = planted.made.folder / "wrong.toml"
    wrong.write_text(
        re.sub(r"^kind = (.*)$", r"kind = \1\nfrobnicate = 1", text, flags=re.MULTILINE)
        .replace('url = "', 'url = "nonsense ')
        .replace('interval = "3s"', 'interval = "soon"')
    )

    found = planted.made.app("--config", str(wrong), "check-config")

    assert found.returncode == 2
    assert "frobnicate" in found.stderr + found.stdout
    assert leaks(planted, {"check-config": found.stderr + found.stdout}) == []


def test_the_store_holds_what_stands_in_place_of_a_secret_and_hashes(planted: Planted) -> None:
    engine = open_engine(planted.made.url)
    with engine.connect() as connection:
        told = {
            name: str(connection.execute(select(table)).all())
            for name, table in metadata.tables.items()
        }
    engine.dispose()
    # What is written out in the file stands as it is in the definitions, and there alone.
    written = told.pop("definitions")

    assert leaks(planted, told) == []
    for secret in (*ENVIRONMENT.values(), IN_FILE, *TYPED, *planted.secrets.values()):
        assert secret not in written
