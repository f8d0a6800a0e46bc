"""Money that was spent stays spent: the daily cap of the `openai` kind over kill -9."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.installed import Installed
from tests.waiting import wait_for

CAP_USD = 6.0
COST_USD = 2.0


class Seller(BaseHTTPRequestHandler):
    """An API of the OpenAI kind that sells each completion for COST_USD, at USD 1 a token."""

    sold = 0

    def do_GET(self) -> None:
        self._answer(json.dumps({"object": "list", "data": [{"id": "gpt-small"}]}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        type(self).sold += 1
        usage = {"prompt_tokens": 1, "completion_tokens": int(COST_USD), "total_tokens": 3}
        chunks = [
            {"choices": [{"index": 0, "delta": {"content": "ok"}, "finish_reason": "stop"}]},
            {"choices": [], "usage": usage},
        ]
        lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        self._answer("".join([*lines, "data: [DONE]\n\n"]).encode(), "text/event-stream")

    def _answer(self, body: bytes, kind: str = "application/json") -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def seller() -> Iterator[ThreadingHTTPServer]:
    Seller.sold = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Seller) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def spent(installed: Installed) -> float:
    return installed.check("assistant").metrics.get("openai.spent_today_usd", 0.0)


def test_a_killed_monitor_goes_on_from_what_was_spent_and_keeps_to_the_daily_cap(
    installed: Installed, seller: ThreadingHTTPServer
) -> None:
    installed.write(f"""
[[check]]
name = "assistant"
kind = "openai"
base_url = "http://127.0.0.1:{seller.server_address[1]}/v1"
model = "gpt-small"
completion = true
price_out = 1e6
daily_cap_usd = {CAP_USD}
interval = "2s"
""")
    day = datetime.now(UTC).date()
    monitor = installed.start("monitor")
    wait_for(lambda: bool(installed.results("assistant")) and spent(installed) > 0, 30)
    monitor.kill()
    monitor.wait()
    before, sold = spent(installed), Seller.sold

    killed_at = datetime.now(UTC)
    installed.start("monitor")
    installed.wait_for_result("assistant", 30, after=killed_at)
    after = spent(installed)
    wait_for(
        lambda: installed.check("assistant").details.get("completion") is not None, 30, pause_s=0.1
    )

    if datetime.now(UTC).date() != day:
        return  # midnight in UTC has come, and with it an empty purse
    print(f"spent {before:g} USD of {CAP_USD:g} at kill -9, {after:g} at the next result")
    assert after >= min(CAP_USD, before + COST_USD)
    # What was bought and not stored when it was killed is what a crash may forget.
    assert Seller.sold * COST_USD <= CAP_USD + max(0.0, sold * COST_USD - before)
    assert spent(installed) == CAP_USD
