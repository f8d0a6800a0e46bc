"""Behind nginx, as docs/operating.md tells to set both up: TLS, logins, addresses, forged headers."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlalchemy import select

from dashboard import passwords
from domain.access import Role
from storage.engine import open_engine
from storage.people import People
from storage.schema import throttles
from tests.installed import Installed
from tests.waiting import wait_for

DOCS = Path(__file__).parents[2] / "docs" / "operating.md"
NAME, PASSWORD = "noc.example.org", "correct horse battery"
# Two browsers, neither at the address of the proxy, and one that they only claim to have.
HERE, THERE, FORGED = "127.0.0.2", "127.0.0.3", "203.0.113.9"
FORGERIES = {"X-Forwarded-For": FORGED, "X-Real-IP": FORGED, "Forwarded": f"for={FORGED}"}
GUESSES = 3
AROUND = """daemon off; master_process off; pid nginx.pid; error_log error.log;
events {{ worker_connections 128; }}
http {{ access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;
uwsgi_temp_path u; scgi_temp_path s;
{servers}
}}
"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer: its status, its headers, its body."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, kw_only=True)
class Site:
    """Nocturne behind the proxy, as browsers reach it."""

    made: Installed
    plain: int
    tls: int
    trust: ssl.SSLContext

    @property
    def host(self) -> str:
        return f"{NAME}:{self.tls}"

    def ask(
        self, method: str, path: str, body: Any = None, *, source: str = HERE, **headers: str
    ) -> Answer:
        """Ask the proxy by TLS, from an address of this machine."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.tls, timeout=60, context=self.trust, source_address=(source, 0)
        )
        own = {"Host": self.host, "Content-Type": "application/json"}
        return exchange(connection, method, path, body, {**own, **headers})

    def log_in(self, name: str, password: str, **more: str) -> Answer:
        origin = {"Origin": f"https://{self.host}"}
        body = {"name": name, "password": password}
        return self.ask("POST", "/api/v1/session", body, **{**origin, **more})

    def logged(self, path: str) -> list[dict[str, Any]]:
        """What the access log tells of requests for a path."""
        # The last line may be half written.
        lines = [line for line in self.made.log("web").splitlines() if line.endswith("}")]
        told = [json.loads(line) for line in lines if line.startswith("{")]
        return [each for each in told if each.get("path") == path]


def exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any,
    headers: Mapping[str, str],
) -> Answer:
    try:
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, dict(headers))
        found = connection.getresponse()
        text = found.read().decode(errors="replace")
        return Answer(status=found.status, headers=dict(found.headers), body=text)
    finally:
        connection.close()


def blocks(language: str) -> list[str]:
    """The examples of the chapter on proxies in one language."""
    chapter = DOCS.read_text().partition("## Behind a proxy")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", chapter, re.DOTALL)


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [int(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return found


def installed_behind(folder: Path, port: int) -> Installed:
    """An installation with the documented settings, and an admin."""
    made = Installed(folder=folder, port=port)
    (settings,) = blocks("toml")
    made.config.write_text(made.config.read_text().replace("[web]\n", settings))
    made.migrate()
    engine = open_engine(made.url)
    stored = passwords.hashed(PASSWORD)
    People(engine).add("ann", Role.ADMIN, stored, actor="test", now=datetime.now(UTC))
    engine.dispose()
    return made


def nginx_file(folder: Path, web: int, plain: int, tls: int, certificate: Path) -> Path:
    """The documented configuration with ports and files of this test."""
    (servers,) = blocks("nginx")
    for before, after in {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{tls} ssl;",
        "/etc/ssl/noc.pem": str(certificate),
        "/etc/ssl/noc.key": str(certificate),
        "http://127.0.0.1:8050": f"http://127.0.0.1:{web}",
    }.items():
        assert servers.count(before) == 1, before
        servers = servers.replace(before, after)
    path = folder / "nginx.conf"
    path.write_text(AROUND.format(servers=servers))
    return path


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    program = shutil.which("nginx", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    if program is None:
        pytest.skip("no nginx on this machine")
    folder, authority = tmp_path_factory.mktemp("proxy"), trustme.CA()
    issued, trust = authority.issue_cert(NAME, "127.0.0.1"), ssl.create_default_context()
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "noc.pem")
    authority.configure_trust(trust)
    web, plain, tls = free_ports(3)
    made = installed_behind(folder, web)
    nginx_file(folder, web, plain, tls, folder / "noc.pem")
    command = [program, "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    made.start("web")
    with subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        try:
            wait_for(lambda: is_open(tls), 60, pause_s=0.2)
            wait_for(lambda: is_open(web), 60, pause_s=0.2)
            yield Site(made=made, plain=plain, tls=tls, trust=trust)
        finally:
            running.terminate()
            made.close()


def test_plain_http_leads_to_tls(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.plain, timeout=60)

    answer = exchange(connection, "GET", "/incidents?x=1", None, {"Host": NAME})

    assert answer.status == 301
    assert answer.headers["Location"] == f"https://{NAME}/incidents?x=1"


def test_nobody_is_anonymous_behind_a_proxy(site: Site) -> None:
    program = site.ask("GET", "/api/v1/rules")
    reader = site.ask("GET", "/incidents", Accept="text/html")

    assert program.status == 401
    assert (reader.status, reader.headers["Location"]) == (303, "/login?next=%2Fincidents")
    assert json.loads(site.ask("GET", "/health").body).keys() == {"status"}


def test_a_login_by_tls_gets_a_cookie_that_leaves_by_tls_alone(site: Site) -> None:
    answer = site.log_in("ann", PASSWORD)

    assert answer.status == 200, answer.body
    cookie, *flags = [part.strip() for part in answer.headers["Set-Cookie"].split(";")]
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= {*flags}
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    (told,) = json.loads(site.ask("GET", "/api/v1/account/sessions", Cookie=cookie).body)[
        "sessions"
    ]
    assert (told["address"], told["here"]) == (HERE, True)


def test_another_site_changes_nothing_with_the_cookie_of_who_is_logged_in(site: Site) -> None:
    cookie = site.log_in("ann", PASSWORD).headers["Set-Cookie"].partition(";")[0]
    path, table = "/api/v1/rules", {"table": {"id": "mine", "metric": "m", "warning": 1}}

    foreign = [
        site.ask("POST", path, table, Cookie=cookie, Origin="https://evil.example"),
        site.ask("POST", path, table, Cookie=cookie, Origin=f"https://{NAME}.evil.example"),
        # Only the proxy says by which name it was asked.
        site.ask(
            "POST",
            path,
            table,
            Cookie=cookie,
            Origin="https://evil.example",
            **{"X-Forwarded-Host": "evil.example"},
        ),
    ]
    own = site.ask("POST", path, table, Cookie=cookie, Origin=f"https://{site.host}")

    assert [each.status for each in foreign] == [403, 403, 403]
    assert own.status == 201, own.body
    assert site.ask("GET", "/health", Host="evil.example").status == 400


def test_the_access_log_tells_who_asked_the_proxy_whatever_they_claim(site: Site) -> None:
    site.ask("GET", "/api/v1/levels", source=THERE, **FORGERIES)

    wait_for(lambda: bool(site.logged("/api/v1/levels")), 30, pause_s=0.2)
    assert {each["address"] for each in site.logged("/api/v1/levels")} == {THERE}
    assert FORGED not in site.made.log("web")


def test_who_is_not_the_proxy_is_not_believed(site: Site) -> None:
    connection = http.client.HTTPConnection(
        "127.0.0.1", site.made.port, timeout=60, source_address=(THERE, 0)
    )
    claimed = {**FORGERIES, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}

    answer = exchange(connection, "GET", "/api/v1/channels", None, {"Host": "127.0.0.1", **claimed})

    assert answer.status == 401
    wait_for(lambda: bool(site.logged("/api/v1/channels")), 30, pause_s=0.2)
    assert {each["address"] for each in site.logged("/api/v1/channels")} == {THERE}


def test_guesses_are_counted_by_the_address_behind_the_proxy(site: Site) -> None:
    for number in range(GUESSES):
        claimed = {"X-Forwarded-For": f"203.0.113.{number}"}
        answer = site.log_in(f"guess-{number}", "wrong wrong wrong", **claimed, source=THERE)
        assert answer.status == 401, answer.body

    engine = open_engine(site.made.url)
    query = select(throttles.c.subject, throttles.c.failures)
    with engine.connect() as connection:
        counted = {row.subject: row.failures for row in connection.execute(query)}
    engine.dispose()
    assert counted[f"address {THERE}"] == GUESSES
    assert not [each for each in counted if "203.0.113." in each]
