"""Whether the web process can have its port, and whether it answers there."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from launch.port import answers, refusal, resolves


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/live" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def web() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def test_a_free_port_is_not_refused(free_port: int) -> None:
    assert refusal("127.0.0.1", free_port) is None


def test_a_taken_port_is_refused_with_what_to_do() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        reason = refusal("127.0.0.1", port)

    assert reason is not None
    assert f"port {port} on 127.0.0.1 cannot be used (address already in use)" in reason
    assert "NOCTURNE_WEB__PORT" in reason


def test_an_address_of_another_machine_is_refused(free_port: int) -> None:
    assert "cannot be used" in str(refusal("192.0.2.1", free_port))
    assert "is not an address of this machine" in str(refusal("no such host", free_port))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "localhost", "192.0.2.1"])
def test_addresses_and_names_with_one_resolve(host: str) -> None:
    assert resolves(host)


@pytest.mark.parametrize("host", ["nohost.invalid", "x" * 70, "a..b", "1.2.3.4.5"])
def test_what_is_no_address_and_has_none_does_not_resolve(host: str) -> None:
    assert not resolves(host)


def test_a_server_answers_only_with_200(web: int, free_port: int) -> None:
    assert answers("127.0.0.1", web)
    assert not answers("127.0.0.1", web, "/other")
    assert not answers("127.0.0.1", free_port)
