"""The worked example of the client runs as it is written, and what it pushes is taken in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain import ruletable
from domain.access import KeyKind, Scope
from storage import keys
from storage.engine import open_engine
from tests.installed import Installed
from tests.waiting import wait_for

ROOT = Path(__file__).parent.parent
METRICS = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", METRICS, re.MULTILINE | re.DOTALL)
    return str(found)


def key_of(installed: Installed) -> str:
    engine = open_engine(installed.url)
    try:
        _, secret = keys.make(
            engine,
            KeyKind.API,
            name="app",
            actor="test",
            now=datetime.now(UTC),
            scopes=[Scope.METRICS, Scope.READ],
        )
    finally:
        engine.dispose()
    return secret.text


def test_the_rule_in_the_docs_can_be() -> None:
    document = tomllib.loads(block("toml"))

    assert ruletable.examine(document["rule"])[1] == ()


def test_the_example_pushes_to_a_real_nocturne(installed: Installed) -> None:
    key = key_of(installed)
    installed.start("run")
    address = f"http://127.0.0.1:{installed.port}"
    wait_for(lambda: installed.get("/health/ready")[0] == 200, seconds=60)

    ended = subprocess.run(
        [sys.executable, "-c", block("python")],
        cwd=ROOT,
        env={**os.environ, "MONITORING_URL": address, "METRICS_KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert 'files_processed{type="pdf"} 1\n' in ended.stdout
    assert 'requests_total{method="CALL",endpoint="import",status="ok"} 1\n' in ended.stdout
    wanted = {"files.processed", "api.cost_usd", "users.active", "import.duration_seconds"}
    wait_for(lambda: wanted <= pushed(installed), seconds=60)


def pushed(installed: Installed) -> set[str]:
    _, body = installed.get("/api/v1/metrics")
    return {each["name"] for each in body["metrics"]}


@pytest.mark.parametrize("name", ["nocturne_check_status", "nocturne_beat_age_seconds"])
def test_the_series_that_the_docs_name_are_told(name: str) -> None:
    exposed = (ROOT / "dashboard" / "api" / "exposed.py").read_text(encoding="utf-8")
    told = set(re.findall(r'"(nocturne_[a-z_]+)"', exposed))

    assert name in told
    assert set(re.findall(r"`(nocturne_[a-z_]+)", METRICS)) - {"nocturne_client"} == told
