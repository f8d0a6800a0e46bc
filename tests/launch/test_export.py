"""`app.py export` on a real store, as a process and in this one."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import app
from domain.exporting import FIELDS, What
from domain.facts import Status
from launch import export
from launch.commands import BAD_CONFIG, OK, REFUSED, Call, Export
from tests.dashboard.filled import about, fill

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def config(tmp_path: Path) -> Path:
    store = fill(tmp_path, datetime.now(UTC))
    store.publish({"=shop-db": about(), "cpu": about()})
    store.results("=shop-db", [Status.HEALTHY] * 5 + [Status.CRITICAL] * 5, datetime.now(UTC))
    store.engine.dispose()
    path = tmp_path / "config.toml"
    path.write_text('[storage]\nurl = "sqlite:///nocturne.db"\n', encoding="utf-8")
    return path


def run(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py", "--config", str(config), "export", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def call(config: Path, what: str, output: str = "", **fields: list[str]) -> Call:
    wanted = Export(what=what, fields=fields, output=output)
    return Call(config=str(config), name="", program=("python",), environ=os.environ, export=wanted)


def test_a_file_is_written_and_said_on_stderr(config: Path) -> None:
    file = config.parent / "results.csv"

    done = run(config, "results", "--check", "=shop-db", "--check", "cpu", "--output", str(file))

    assert done.returncode == OK, done.stderr
    assert done.stdout == ""
    assert f"{file}: " in done.stderr and "bytes written" in done.stderr
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["status"] for row in rows] == ["healthy"] * 5 + ["critical"] * 5
    assert {row["check"] for row in rows} == {"'=shop-db"}
    assert not list(config.parent.glob("*.part"))


def test_without_a_file_it_goes_to_the_standard_output_alone(config: Path) -> None:
    done = run(config, "availability", "--format", "json", "--hours", "1")

    assert done.returncode == OK, done.stderr
    assert done.stderr == ""
    told = json.loads(done.stdout)["availability"]
    assert [row["check"] for row in told] == ["=shop-db", "cpu", None]


@pytest.mark.parametrize(
    ("what", "fields", "code", "says"),
    [
        ("results", {"check": ["nobody"]}, REFUSED, "check: there is no check named 'nobody'"),
        ("series", {"metric": ["nothing.such"]}, REFUSED, "metric: there is no series"),
        ("results", {"start": ["yesterday"]}, BAD_CONFIG, "start: must be a time with its zone"),
        ("results", {"hours": ["1", "2"]}, BAD_CONFIG, "hours: it is given twice"),
        ("results", {"metric": ["a"]}, BAD_CONFIG, "metric: there is no such field here"),
        ("incidents", {"format": ["xml"]}, BAD_CONFIG, "format: must be one of csv, json, jsonl"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_the_file_as_it_was(
    config: Path,
    capsys: pytest.CaptureFixture[str],
    what: str,
    fields: dict[str, list[str]],
    code: int,
    says: str,
) -> None:
    file = config.parent / "kept.csv"
    file.write_text("before", encoding="utf-8")

    assert export.export(call(config, what, str(file), **fields)) == code

    assert says in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == "before"


def test_a_file_that_cannot_be_written_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config.parent / "nowhere" / "results.csv"

    assert export.export(call(config, "results", str(file))) == REFUSED

    assert f"{file}: it cannot be written: No such file" in capsys.readouterr().err


def test_who_reads_no_further_ends_it_without_a_complaint(config: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} app.py --config {config} export results | head -c 1",
        cwd=ROOT,
        shell=True,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stdout == '"'
    assert "Traceback" not in done.stderr


def test_the_options_are_the_fields_of_the_api() -> None:
    fields = {name for each in FIELDS.values() for name in each}

    assert tuple(what.value for what in What) == app.EXPORTS
    assert app.EXPORT.keys() - {"output"} == fields
