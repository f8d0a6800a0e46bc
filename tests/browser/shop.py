"""A small shop on the loopback interface: pages that can be fine, slow, wrong or gone."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Page(BaseHTTPRequestHandler):
    """Answers every request as its server was told to."""

    server: Server

    def do_GET(self) -> None:
        if self.server.wait_s:
            time.sleep(self.server.wait_s)
        body = b'{"status": "ok"}'
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """One service; `status` and `wait_s` may be changed while it runs."""

    daemon_threads = True
    status = 200
    wait_s = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


@contextlib.contextmanager
def services(count: int) -> Iterator[list[Server]]:
    """So many services, ended afterwards."""
    made = [Server(("127.0.0.1", 0), Page) for _ in range(count)]
    for each in made:
        threading.Thread(target=each.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield made
    finally:
        for each in made:
            each.shutdown()
            each.server_close()
