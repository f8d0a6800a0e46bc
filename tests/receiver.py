"""A real webhook receiver on loopback that keeps what it was sent, and can be made to fail."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Where webhooks arrive. `status` is what it answers from now on, `delay_s` later.

    `senders` are the lives that sent, as they call themselves in a header, each with the key.
    `unanswered` are the keys that wait for their answer now; `on_arrival` is called while one does.
    """

    def __init__(self) -> None:
        self.status = 200
        self.delay_s = 0.0
        self.unanswered: set[str] = set()
        self.on_arrival: Callable[[], None] = lambda: None
        self.senders: list[tuple[str, str]] = []
        self.received: list[tuple[str, dict[str, Any]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                data = self.rfile.read(length)
                # A sender that was killed may have sent half of it: that is no request yet.
                if len(data) < length:
                    return
                body = json.loads(data)
                key = self.headers["Idempotency-Key"]
                if receiver.status < 300:
                    receiver.received.append((key, body))
                    receiver.senders.append((self.headers.get("Life", ""), key))
                receiver.unanswered.add(key)
                receiver.on_arrival()
                time.sleep(receiver.delay_s)
                receiver.unanswered.discard(key)
                # Whoever sent it may have been killed meanwhile.
                with suppress(ConnectionError):
                    self.send_response(receiver.status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    def events(self) -> list[str]:
        """What arrived, copies with the same key left out, in order."""
        seen: dict[str, str] = {}
        for key, body in list(self.received):
            seen.setdefault(key, body["event"])
        return list(seen.values())


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A running receiver, ended afterwards."""
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join(5)
