"""Slow clients against the web process as it is started: they starve nobody."""

from __future__ import annotations

import re
import socket
import urllib.request
from contextlib import ExitStack

from tests.installed import Installed
from tests.waiting import wait_for

IDLE, DRIPPING, UNREAD = 200, 50, 20
HEADERS = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = (
    b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000000\r\n\r\n{"
)


def test_hundreds_of_slow_clients_keep_nobody_from_being_answered(installed: Installed) -> None:
    installed.start("web")
    wait_for(lambda: installed.get("/health/live")[0] == 200, 60, pause_s=0.2)
    largest = f"GET {bundle(installed)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with ExitStack() as stack:
        for begun in (
            *[b""] * IDLE,
            *[HEADERS, BODY] * DRIPPING,
            *[largest] * UNREAD,
        ):
            client = stack.enter_context(
                socket.create_connection(("127.0.0.1", installed.port), timeout=30)
            )
            if begun:
                client.sendall(begun)
                client.sendall(b"x")

        for path in ("/health/simple", "/health", "/live/snapshot", "/api/v1/rules"):
            # No monitor runs, so health is answered with 503.
            assert installed.get(path)[0] in (200, 503), path

    assert "Traceback" not in installed.log("web")


def bundle(installed: Installed) -> str:
    """The address of the largest script that a page loads, which anybody may ask for."""
    with urllib.request.urlopen(f"http://127.0.0.1:{installed.port}/", timeout=30) as answer:
        page = answer.read().decode()
    found = re.search(r'src="(/_dash-component-suites/[^"]*dash_renderer[^"]*)"', page)
    assert found is not None, page
    return found[1]
