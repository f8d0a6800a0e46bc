"""Script payloads in every stored field: no page of the product runs one, to whomever it is shown."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from dashboard import passwords
from domain.access import KeyKind, Role, Scope
from storage import keys
from storage.engine import open_engine
from storage.logins import Browser, Logins
from storage.people import People
from tests.browser.conftest import address, port, quoted
from tests.browser.driver import Screen
from tests.installed import Installed
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

# Each sets this when it runs.
DEED = "globalThis.ran=1"
NAMES = [
    f"<script>{DEED}</script>",
    f"<img src=x onerror={DEED}>",
    f"\"'><svg onload={DEED}>",
    f"javascript:{DEED}",
    f"</script><script>{DEED}</script>",
]
TEXT = " ".join(
    [
        *NAMES,
        f'[click](javascript:{DEED}) ![x](x" onerror="{DEED})',
        f"<a href=javascript:{DEED}>x</a>",
        f"{{{{constructor.constructor('{DEED}')()}}}}",
        f"<iframe srcdoc='<script>parent.{DEED}</script>'></iframe>",
        f"</style></textarea></title><svg/onload={DEED}>",
        "x" * 300,
    ]
)
# With line separators of Unicode, where text of several lines may stand.
LINES = f"{TEXT}\n\u2028{DEED}//\u2029{DEED}"
SHORT = NAMES[1]
CHECKS = "".join(
    f"""
[[check]]
name = {quoted(name)}
kind = "passive"
interval = "2s"
fresh_for = "1h"
failures = 1
group = {quoted(name)}
tags = [{quoted(NAMES[at - 1])}, "all"]
description = {quoted(TEXT)}
"""
    for at, name in enumerate(NAMES)
)
CHECKS += f"""
[[check]]
name = "job"
kind = "heartbeat"
period = "1h"
description = {quoted(TEXT)}
depends_on = [{quoted(NAMES[3])}]
[[channel]]
name = {quoted(SHORT)}
kind = "log"
[[rule]]
id = "of-file"
metric = "shop.orders"
warning = 1
critical = 2
title = {quoted(SHORT)}
description = {quoted(TEXT)}
runbook = {quoted(TEXT)}
message = {quoted(TEXT[:480])}
tags = [{quoted(SHORT)}]
[status]
enabled = true
title = {quoted(SHORT)}
groups = {{ {quoted(NAMES[0])} = {quoted(NAMES[0])}, {quoted(NAMES[1])} = {quoted(NAMES[2])} }}
"""
# Left in each document before anything of it runs: what a policy stopped is noted.
WATCH = """
globalThis.stopped = [];
addEventListener("securitypolicyviolation", (event) =>
  stopped.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
# What a payload would have become, had it been taken for HTML.
GROWN = """[...document.querySelectorAll("*")].filter((node) =>
  node.matches('img[src="x"], iframe, svg[onload], a[href^="javascript:" i], [onerror], [onload]')
  || (node.localName === "script" && node.textContent.includes("globalThis.ran"))
).map((node) => node.outerHTML.slice(0, 200))"""


class Hostile:
    """An installation whose every text was written by somebody who means harm."""

    def __init__(self, made: Installed) -> None:
        self.made = made
        self.cookies: dict[str, str] = {}
        self.incidents: list[str] = []
        self._key = ""

    def people(self) -> None:
        """Who looks, by a session that was opened from a browser with a hostile name."""
        engine, now = open_engine(self.made.url), datetime.now(UTC)
        stored = passwords.hashed("correct horse battery")
        for name, role in (("ann", Role.ADMIN), ("eve", Role.VIEWER)):
            one = People(engine).add(name, role, stored, actor=SHORT, now=now)
            browser = Browser(address=SHORT, agent=TEXT)
            self.cookies[name] = Logins(engine).open(one.id, one.name, browser, now).text
        _, secret = keys.make(
            engine, KeyKind.API, name=SHORT, actor=SHORT, now=now, scopes=list(Scope)
        )
        self._key = secret.text
        _, token = keys.make(
            engine, KeyKind.HEARTBEAT, name=SHORT, actor=SHORT, now=now, subject="job"
        )
        self.token = token.text
        engine.dispose()

    def send(self, method: str, path: str, body: Any, kind: str = "application/json") -> Any:
        """A change that must be taken; what was answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.made.port, timeout=60)
        try:
            data = body if isinstance(body, str) else json.dumps(body)
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": kind}
            connection.request(method, quote(path, safe="/?=&%"), data.encode(), headers)
            answer = connection.getresponse()
            told = answer.read().decode()
            assert answer.status < 300, (path, answer.status, told)
            return json.loads(told) if told.startswith("{") else told
        finally:
            connection.close()

    def report(self) -> None:
        """What programs write: results, pings with logs, metrics."""
        for at, name in enumerate(NAMES):
            status = "healthy" if at == 4 else "critical"
            place = quote(name, safe="")
            for _ in range(2):
                body = {"status": status, "message": TEXT[:990], "metrics": {"a.b": at}}
                self.send("POST", f"/api/v1/checks/{place}/results", body)
        self.send("POST", f"/ping/{self.token}/fail", LINES, "text/plain")
        sample = {"name": "shop.orders", "kind": "gauge", "value": 9}
        self.send("POST", "/api/v1/metrics", {"metrics": [{**sample, "labels": {"a": SHORT}}]})

    def act(self) -> None:
        """What people write, once there are incidents."""
        everywhere = {"tags": ["all"]}
        for number in self.incidents:
            for verb, body in (
                ("comment", {"text": TEXT, "by": SHORT, "public": True}),
                ("acknowledge", {"acknowledged_by": SHORT}),
                ("assign", {"assignee": SHORT, "by": SHORT}),
            ):
                self.send("POST", f"/incidents/{number}/{verb}", body)
        over = {"notes": TEXT[:900], "by": SHORT, "force": True}
        self.send("POST", f"/incidents/{self.incidents[-1]}/resolve", over)
        match = {"match": {"name": NAMES[3]}, "minutes": 60}
        self.send("POST", "/api/v1/silences", {**match, "reason": TEXT[:990], "author": SHORT})
        window = {"name": SHORT, "match": everywhere, "start": "03:00", "duration": "1h"}
        window |= {"reason": TEXT[:500], "author": SHORT}
        self.send("POST", "/api/v1/maintenance", {"table": window})
        rule = {"id": "made-here", "metric": "shop.orders", "warning": 1, "title": NAMES[2]}
        rule |= {"description": TEXT, "runbook": TEXT, "message": TEXT[:480], "tags": [SHORT]}
        self.send("POST", "/api/v1/rules", {"table": rule})
        made = {"name": f"made {SHORT}", "kind": "passive", "description": TEXT, "group": SHORT}
        self.send("POST", "/api/v1/checks", {"table": made})
        self.send("POST", "/api/v1/keys", {"name": NAMES[2], "kind": "wall"})

    def standing(self) -> list[str]:
        """The ids of the incidents that are open."""
        found = self.send("GET", "/incidents", "")
        return [each["id"] for each in found["incidents"]]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """The installation, with everything written that can be."""
    made = Installed(folder=tmp_path_factory.mktemp("hostile"), port=port(), checks=CHECKS)
    text = made.config.read_text(encoding="utf-8")
    made.config.write_text(text.replace("[web]\n", '[web]\nanonymous = "none"\n'), encoding="utf-8")
    try:
        assert made.app("migrate").returncode == 0
        found = Hostile(made)
        found.people()
        made.start("web")
        made.start("monitor")
        wait_for(lambda: made.get("/health/simple")[0] == 200, 120, pause_s=0.3)
        found.report()
        wait_for(lambda: len(found.standing()) >= len(NAMES), 120, pause_s=0.3)
        found.incidents = found.standing()
        found.act()
        yield found
    finally:
        made.close()


def pages(hostile: Hostile) -> list[str]:
    """Every page, and those of the checks and incidents that payloads stand in."""
    checks = [f"/checks/{quote(name, safe='')}" for name in (*NAMES, "job")]
    return [
        "/",
        "/checks",
        "/thresholds",
        "/incidents",
        checks[0],
        f"/incidents/{hostile.incidents[0]}",
        "/checks/new",
        "/business",
        "/wall",
        "/audit",
        "/settings",
        f"/?q={quote(SHORT)}&group={quote(NAMES[0])}",
        f"/checks?q={quote(SHORT)}&tag={quote(NAMES[0])}",
        f"/checks/{quote(SHORT + 'x', safe='')}",
        f"/wall?pages=tag:{quote(NAMES[0])},group:{quote(NAMES[1])}",
        f"/audit?name={quote(SHORT)}",
        checks[1],
        checks[-1],
        f"/incidents/{hostile.incidents[-1]}",
        f"/incidents/{quote(SHORT, safe='')}",
    ]


# An admin is shown everything; what a viewer is shown otherwise stands on the first of them.
LOOKS = {"ann": None, "eve": 6}


@pytest.mark.parametrize("who", LOOKS)
def test_no_page_runs_what_somebody_wrote(screen: Screen, hostile: Hostile, who: str) -> None:
    driver = screen.driver
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    driver.get(address(hostile.made, "/login"))
    driver.delete_all_cookies()
    driver.add_cookie({"name": "nocturne_session", "value": hostile.cookies[who]})
    screen.console()
    literal, wrong = [], {}
    looked_at = pages(hostile)[: LOOKS[who]]
    for path in looked_at:
        screen.open(address(hostile.made, path))
        screen.until(
            "document.querySelector('#page, .wall, main')?.innerText.trim().length > 0", 30
        )
        if screen.js(f"document.body.textContent.includes({json.dumps(DEED)})"):
            literal.append(path)
        found = [
            screen.js("globalThis.ran === undefined ? '' : 'a script ran'"),
            *screen.js("stopped"),
            *screen.js(GROWN),
            # A page that is not there is told by its status, which the console notes.
            *(each for each in screen.console() if "404" not in each),
        ]
        if any(found):
            wrong[path] = [each for each in found if each]

    assert wrong == {}
    assert len(literal) >= len(looked_at) // 2, literal


@pytest.mark.parametrize(
    "path", ["/status", "/login?next=javascript:globalThis.ran=1", "/api/docs"]
)
def test_neither_do_those_without_dash(screen: Screen, hostile: Hostile, path: str) -> None:
    screen.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    screen.driver.get(address(hostile.made, "/login"))
    screen.driver.delete_all_cookies()
    screen.driver.add_cookie({"name": "nocturne_session", "value": hostile.cookies["ann"]})
    screen.console()

    screen.driver.get(address(hostile.made, path))
    screen.until("document.body.innerText.trim().length > 0", 30)

    assert screen.js("globalThis.ran === undefined")
    assert screen.js("stopped") == []
    assert screen.js(GROWN) == []
    assert screen.console() == []
    if path == "/status":
        assert NAMES[0] in screen.js("document.body.textContent")
