"""What becomes of a connection after an answer that has no body."""

from __future__ import annotations

import http.client

import pytest
from flask import Response

from tests.dashboard.test_connections import serving

ENDED = {"Connection": "close"}


def ask(client: http.client.HTTPConnection, headers: dict[str, str]) -> bool:
    """Ask for what has no body; whether the connection stays."""
    client.request("GET", "/nothing", headers=headers)
    answer = client.getresponse()
    assert answer.read() == b""
    return client.sock is not None


@pytest.mark.parametrize("status", [204, 304])
def test_it_stays_open_for_the_next_request_unless_the_client_wants_it_ended(status: int) -> None:
    with serving() as served:
        served.server.application.add_url_rule(
            "/nothing", "nothing", view_func=lambda: Response(status=status)
        )
        client = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
        first = ask(client, {})
        socket = client.sock

        second = ask(client, {})
        client.request("GET", "/x")
        there = client.getresponse().read()

        assert (first, second, client.sock is socket) == (True, True, True)
        assert there == b"there"
        assert not ask(client, ENDED)


def test_a_client_of_http_1_0_is_hung_up_on() -> None:
    with serving() as served:
        served.server.application.add_url_rule(
            "/nothing", "nothing", view_func=lambda: Response(status=304)
        )
        with served.connect() as client:
            client.sendall(b"GET /nothing HTTP/1.0\r\nHost: a\r\n\r\n")

            answer = b"".join(iter(lambda: client.recv(1000), b""))

    assert answer.startswith(b"HTTP/1.0 304 ")
    assert b"Connection: close" in answer
