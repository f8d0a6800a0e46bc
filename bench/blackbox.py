"""Debian's Prometheus with its blackbox exporter, doing the same checks on loopback.

Prometheus scrapes the exporter once for each target, and evaluates two rules; the exporter opens a
fresh connection for each scrape. All else is as they are without settings.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.cores import on_core
from tests.waiting import wait_for

PROGRAMS = ("prometheus", "prometheus-blackbox-exporter")
PACKAGES = "apt-get install --no-install-recommends prometheus prometheus-blackbox-exporter"
MISSING = f"Prometheus is left out: {PACKAGES}"


def is_installed() -> bool:
    return all(shutil.which(each) for each in PROGRAMS)


@dataclass(frozen=True)
class Peer:
    """Both processes; what they used so far, in CPU seconds, and what they hold, in MB of 10⁶ bytes."""

    prometheus: psutil.Process
    exporter: psutil.Process
    port: int

    def cpu_s(self) -> float:
        return _cpu_s(self.prometheus) + self.exporter_cpu_s()

    def exporter_cpu_s(self) -> float:
        return _cpu_s(self.exporter)

    def rss_mb(self) -> float:
        both = (self.prometheus, self.exporter)
        return float(sum(each.memory_info().rss for each in both)) / 1e6

    def firing(self) -> dict[str, list[str]]:
        """Which targets fire, by the name of the alert."""
        found: dict[str, list[str]] = {}
        for each in self._ask("/api/v1/alerts")["data"]["alerts"]:
            if each["state"] == "firing":
                labels = each["labels"]
                found.setdefault(labels["alertname"], []).append(labels["instance"])
        return found

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as reply:
            return json.load(reply)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=2):
                return True
        except OSError:
            return False


@contextmanager
def peer(
    folder: Path,
    urls: Sequence[str],
    interval_s: int,
    ca_file: Path | None = None,
    core: int | None = None,
) -> Iterator[Peer]:
    """Check these addresses every so many seconds; both processes are ended afterwards."""
    port, exporter_port = free_port(), free_port()
    started: list[subprocess.Popen[bytes]] = []
    _write(folder, urls, interval_s, exporter_port, ca_file)
    exporting = (
        "prometheus-blackbox-exporter",
        f"--config.file={folder / 'blackbox.yml'}",
        f"--web.listen-address=127.0.0.1:{exporter_port}",
    )
    scraping = (
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    try:
        with on_core(core):
            started += [_start(*exporting), _start(*scraping)]
        exporter, prometheus = (psutil.Process(each.pid) for each in started)
        found = Peer(prometheus=prometheus, exporter=exporter, port=port)
        wait_for(found.is_ready, 60, pause_s=0.2)
        yield found
    finally:
        for each in started:
            each.terminate()
        for each in started:
            try:
                each.wait(30)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _start(*command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _write(
    folder: Path, urls: Sequence[str], interval_s: int, exporter_port: int, ca_file: Path | None
) -> None:
    """Their configuration, in JSON, which is YAML as well."""
    http: dict[str, Any] = {"preferred_ip_protocol": "ip4"}
    if ca_file is not None:
        http["tls_config"] = {"ca_file": str(ca_file)}
    module = {"prober": "http", "timeout": f"{interval_s}s", "http": http}
    (folder / "blackbox.yml").write_text(json.dumps({"modules": {"checked": module}}))
    job = {
        "job_name": "checked",
        "metrics_path": "/probe",
        "params": {"module": ["checked"]},
        "static_configs": [{"targets": list(urls)}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": f"127.0.0.1:{exporter_port}"},
        ],
    }
    times = {"scrape_interval": f"{interval_s}s", "evaluation_interval": f"{interval_s}s"}
    times["scrape_timeout"] = f"{interval_s}s"
    document = {
        "global": times,
        "rule_files": [str(folder / "rules.yml")],
        "scrape_configs": [job],
    }
    (folder / "prometheus.yml").write_text(json.dumps(document))
    # Ours confirms a fault by three results; theirs by holding it over three scrapes.
    rules = [
        {"alert": "first", "expr": "probe_success == 0"},
        {"alert": "confirmed", "expr": "probe_success == 0", "for": f"{2 * interval_s}s"},
    ]
    groups = {"groups": [{"name": "checked", "rules": rules}]}
    (folder / "rules.yml").write_text(json.dumps(groups))
