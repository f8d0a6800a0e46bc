"""The same data in Debian's Prometheus: a block made by promtool, and a server on loopback."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from storage.chunks import Times, Values

MISSING = "Prometheus is left out: apt-get install prometheus --no-install-recommends"
METRIC = "nocturne_ms"


def is_installed() -> bool:
    return shutil.which("promtool") is not None and shutil.which("prometheus") is not None


def blocks(folder: Path, found: Mapping[str, tuple[Times, Values]]) -> int:
    """Make blocks of series by name in `folder`; returns their bytes."""
    text = folder.with_suffix(".txt")
    with text.open("w") as file:
        file.write(f"# TYPE {METRIC} gauge\n")
        for name, (at, values) in found.items():
            file.writelines(
                f'{METRIC}{{check="{name}"}} {value!r} {moment / 1000:.3f}\n'
                for moment, value in zip(at.tolist(), values.tolist(), strict=True)
            )
        file.write("# EOF\n")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(folder)],
        check=True,
        capture_output=True,
        timeout=900,
    )
    text.unlink()
    return size(folder)


def size(folder: Path) -> int:
    """The bytes of its blocks, without the log of what is not in blocks yet."""
    return sum(
        path.stat().st_size
        for block in folder.glob("01*")
        for path in block.rglob("*")
        if path.is_file()
    )


class Server:
    """A Prometheus over such blocks."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def query_range(self, query: str, start_s: float, end_s: float, step_s: float) -> int:
        """Ask for a series; returns how many points came."""
        asked = urlencode({"query": query, "start": start_s, "end": end_s, "step": step_s})
        self._connection.request("GET", f"/api/v1/query_range?{asked}")
        answer = self._connection.getresponse().read()
        return len(answer)

    def points(self, query: str, start_s: float, end_s: float, step_s: float) -> int:
        """The same, to make sure that there is anything."""
        asked = urlencode({"query": query, "start": start_s, "end": end_s, "step": step_s})
        self._connection.request("GET", f"/api/v1/query_range?{asked}")
        document: Any = json.loads(self._connection.getresponse().read())
        return sum(len(each["values"]) for each in document["data"]["result"])

    def is_ready(self) -> bool:
        try:
            self._connection.request("GET", "/-/ready")
            return self._connection.getresponse().read() is not None
        except OSError:
            self._connection.close()
            return False


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Run Prometheus over the blocks in `folder`, ended afterwards."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    config = folder.with_suffix(".yml")
    config.write_text("global: {}\n")
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder}",
            "--storage.tsdb.retention.time=10y",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        server = Server(port)
        limit = time.monotonic() + 60
        while not server.is_ready() and time.monotonic() < limit:
            time.sleep(0.2)
        yield server
    finally:
        process.terminate()
        process.wait(30)
