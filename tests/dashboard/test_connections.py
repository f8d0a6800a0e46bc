"""What a client may take its time over, against waitress as the web process sets it up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from flask import Flask
from waitress import wasyncore
from waitress.server import BaseWSGIServer

from dashboard import connections
from dashboard.connections import LISTENERS, Connection, listen
from tests.waiting import wait_for

MOST = 20
ASK = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
DRIP = b"GET /x HTTP/1.1\r\nHost: a\r\nX: "
BODY = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nx"
BIG = b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n"


class Served:
    """A server that runs in a thread, and what is connected to it."""

    def __init__(self, host: str, **more: Any) -> None:
        application = Flask("served")
        application.add_url_rule("/x", "x", view_func=lambda: "there")
        application.add_url_rule("/big", "big", view_func=lambda: b"x" * 8_000_000)
        self.server: Any = listen(application, host, 0, connection_limit=MOST + LISTENERS, **more)
        self._map = getattr(self.server, "map", None) or self.server._map
        self._first = next(each for each in self._map.values() if isinstance(each, BaseWSGIServer))
        self.port = self._first.socket.getsockname()[1]
        self.family = self._first.family
        self.address = self._first.socket.getsockname()[0]
        self._thread = threading.Thread(target=self.server.run, daemon=True)
        self._thread.start()

    def connect(self) -> socket.socket:
        client = socket.create_connection((self.address, self.port), timeout=30)
        client.settimeout(30)
        return client

    def answered(self) -> bytes:
        """What one is told who asks at once."""
        with self.connect() as client:
            client.sendall(ASK)
            return client.recv(1000).split(b"\r\n")[0]

    def standing(self) -> int:
        """How many connections are open."""
        return sum(isinstance(each, Connection) for each in list(self._map.values()))

    def end(self) -> None:
        """End what is being answered, then the loop, in its own thread."""

        def close() -> None:
            for each in list(self._map.values()):
                if isinstance(each, Connection):
                    each.handle_close()
            wasyncore.close_all(self._map, ignore_all=True)

        self._first.task_dispatcher.shutdown(timeout=30)
        self._first.trigger.pull_trigger(close)
        self._thread.join(30)


@contextmanager
def serving(host: str = "127.0.0.1", **more: Any) -> Iterator[Served]:
    """A running server, ended afterwards."""
    made = Served(host, **more)
    try:
        yield made
    finally:
        made.end()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("sent", [b"", DRIP, BODY, BIG], ids=["idle", "headers", "body", "answer"])
def test_more_slow_clients_than_are_taken_shut_out_nobody_who_asks(host: str, sent: bytes) -> None:
    with serving(host) as served, ExitStack() as stack:
        for _ in range(3 * MOST):
            client = stack.enter_context(served.connect())
            if sent:
                client.sendall(sent)

        answers = {served.answered() for _ in range(5)}

    assert answers == {b"HTTP/1.1 200 OK"}


def test_who_waits_longest_gives_way() -> None:
    with serving() as served, ExitStack() as stack:
        clients = [stack.enter_context(served.connect()) for _ in range(MOST)]
        wait_for(lambda: served.standing() == MOST, 30)

        assert served.answered() == b"HTTP/1.1 200 OK"

        assert clients[0].recv(1) == b""
        clients[-1].sendall(ASK)
        assert clients[-1].recv(1000).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("begun", [DRIP, BODY], ids=["headers", "body"])
def test_a_request_that_drips_is_ended_though_something_always_comes(begun: bytes) -> None:
    with serving(longest_request_s=0.5) as served, served.connect() as client:
        client.sendall(begun)

        def is_ended() -> bool:
            try:
                client.sendall(b"x")
            except ConnectionError:
                return True
            return served.standing() == 0

        wait_for(is_ended, 60, pause_s=0.1)


def test_a_client_that_never_takes_its_answer_is_let_go() -> None:
    with serving(channel_timeout=1, cleanup_interval=1) as served, served.connect() as client:
        client.sendall(BIG)
        wait_for(lambda: served.standing() == 1, 30)

        wait_for(lambda: served.standing() == 0, 60, pause_s=0.1)


def test_headers_beyond_the_limit_are_refused() -> None:
    with serving() as served, served.connect() as client:
        client.sendall(DRIP + b"x" * (connections.MOST_HEADERS + 8192) + b"\r\n\r\n")

        assert client.recv(1000).startswith(b"HTTP/1.0 431")
