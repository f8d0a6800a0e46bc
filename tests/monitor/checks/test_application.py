"""The `application` kind: real interpreters import and load, real folders are read and written."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import resource
import socket
import subprocess
import sys
import time
import venv
from pathlib import Path

import msgspec
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.facts import Cause, Measurement, Status
from monitor import conditions
from monitor.checks import Deadline
from monitor.checks.application import ApplicationCheck
from monitor.interpreter import AT_ONCE, PROBE
from tests.cases import serve
from tests.waiting import PATIENCE_S

MODELS = """
import os, signal, subprocess, sys, time

class Model:
    @staticmethod
    def load(): return Model()

def good(): return Model()
async def later(): return Model()
def false(): return False
def fails(): raise ValueError("vocabulary\\n is \\x1b[31m empty" + "!" * 5000)
def slow(): time.sleep(0.05)
def prints():
    print('{"end": true, "peak_bytes": 1}', flush=True)
    os.write(1, b"x" * 1_000_000)
def floods():
    kept = []
    while True: kept.append(bytearray(10**7))
def hangs(): time.sleep(3600)
def leaves(): os._exit(3)
def crashes(): os.kill(os.getpid(), signal.SIGSEGV)
def starts_another():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)", "left-behind"])
    time.sleep(3600)
def secret_is_set(): return "NOCTURNE_TEST_SECRET" in os.environ
"""


@pytest.fixture(scope="module", autouse=True)
def interpreter() -> None:
    serve("application", f"Python {sys.version.split()[0]}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Modules of an application, with distributions of known versions."""
    folder = tmp_path_factory.mktemp("application")
    (folder / "models.py").write_text(MODELS)
    (folder / "broken.py").write_text("raise ImportError('libfoo.so.3 is missing')")
    (folder / "versioned.py").write_text("__version__ = '1.4'")
    (folder / "shop_yaml.py").write_text("")
    (folder / "plain.py").write_text("")
    for name, version, top in (
        ("versioned_dist", "2.31.0", "versioned"),
        ("Shop-YAML", "6.0rc1", "shop_yaml"),
        ("odd_version", "yesterday", "models"),
    ):
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "top_level.txt").write_text(f"_private\n{top}\n")
    return str(folder)


async def run(deadline_s: float = 20.0, **fields: object) -> Measurement:
    return await msgspec.convert(fields, ApplicationCheck).run(Deadline.after(deadline_s))


# ── Modules ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.case("healthy")
async def test_modules_that_import_with_the_right_versions_are_healthy(folder: str) -> None:
    modules = ["versioned_dist>=2.3,<3", "versioned", "Shop-YAML>=6.0rc1", "shop-yaml", "json"]

    found = await run(modules=modules, path=[folder])

    assert (found.status, found.message) == (Status.HEALTHY, "All 5 conditions hold")
    assert found.metrics["application.failed"] == 0
    assert found.metrics["application.import_ms"] > 0
    assert found.metrics["application.peak_bytes"] > 10**6
    assert found.details["python"] == ".".join(map(str, sys.version_info[:3]))


WRONG_MODULES = {
    "versioned_dist>=2.32": "versioned_dist 2.31.0 is installed, expected >= 2.32",
    "versioned_dist>2.31.0,!=3": "versioned_dist 2.31.0 is installed, expected != 3, > 2.31.0",
    "versioned~=1.5": "versioned 1.4 is installed, expected ~= 1.5",
    "odd_version>=1": "odd_version yesterday is installed, expected >= 1",
    "shop_yaml>=7": "shop_yaml 6.0rc1 is installed, expected >= 7",
    "plain>=1": "plain has no version, expected >= 1",
    "no_such_thing>=1": "no_such_thing is not installed, expected >= 1",
    "no.such.thing": "no.such.thing is not installed",
    "broken": "Importing broken raised ImportError: libfoo.so.3 is missing",
}


@pytest.mark.case("wrong")
async def test_a_module_that_is_not_as_expected_is_named_with_what_was_found(folder: str) -> None:
    found = await run(modules=list(WRONG_MODULES), path=[folder])

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.details["failed"] == list(WRONG_MODULES.values())
    assert found.message == "; ".join([*list(WRONG_MODULES.values())[:5], "and 4 more"])
    assert found.metrics["application.failed"] == 9


@pytest.fixture(scope="module")
def other_python(tmp_path_factory: pytest.TempPathFactory, folder: str) -> str:
    """The interpreter of another virtual environment, into which one module is installed."""
    place = tmp_path_factory.mktemp("other") / "venv"
    venv.create(place, with_pip=False)
    [site] = place.glob("lib/python*/site-packages")
    (site / "only_there.py").write_text("__version__ = '3.0'")
    return str(place / "bin" / "python")


@pytest.mark.case("healthy")
async def test_the_given_interpreter_imports_and_not_the_monitors_own(other_python: str) -> None:
    there = await run(modules=["only_there>=3"], python=other_python)
    ours = await run(modules=["msgspec"], python=other_python)

    assert there.status is Status.HEALTHY, there.message
    assert ours.message == "msgspec is not installed"


@pytest.mark.case("refused")
async def test_an_interpreter_that_is_not_there_is_missing(tmp_path: Path) -> None:
    found = await run(modules=["json"], python=f"{tmp_path}/python")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == f"{tmp_path}/python can't be started: No such file or directory"


@pytest.mark.case("hostile")
@pytest.mark.parametrize(
    "script",
    [
        "exit 4",
        "setsid sleep 3 & echo nonsense",
        "while :; do echo '{\"a\": 1}'; done",
        "head -c 10000000 /dev/zero",
        "echo 7",
        "echo '{\"python\": 3}'",
    ],
)
async def test_what_is_no_python_says_so_and_is_not_read_for_ever(
    tmp_path: Path, script: str
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)

    found = await run(modules=["json"], python=str(python))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message.startswith(f"{python} did not run as a Python interpreter")


# ── Loading ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.case("healthy")
@pytest.mark.parametrize("name", ["good", "later", "Model.load", "prints"])
async def test_a_model_that_loads_is_healthy_with_its_time(folder: str, name: str) -> None:
    found = await run(loads=f"models:{name}", path=[folder])

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith(f"The condition holds, models:{name} took ")
    assert found.response_time_ms == found.metrics["application.load_ms"] > 0


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("address", "cause", "message"),
    [
        ("models:absent", Cause.MISSING, "models:absent is missing: models has no absent"),
        (
            "no_such:load",
            Cause.MISSING,
            "no_such:load is missing: ModuleNotFoundError: No module named 'no_such'",
        ),
        (
            "models:false",
            Cause.WRONG_ANSWER,
            "models:false returned False, expected anything else",
        ),
        (
            "models:leaves",
            Cause.WRONG_ANSWER,
            "Loading models:leaves ended the process (exit code 3)",
        ),
        ("models:crashes", Cause.WRONG_ANSWER, "Loading models:crashes was ended by SIGSEGV"),
    ],
)
async def test_a_model_that_does_not_load_says_why(
    folder: str, address: str, cause: Cause, message: str
) -> None:
    found = await run(loads=address, path=[folder])

    assert (found.status, found.cause, found.message) == (Status.CRITICAL, cause, message)


@pytest.mark.case("hostile")
async def test_the_text_of_an_exception_is_shown_on_one_short_line(folder: str) -> None:
    found = await run(loads="models:fails", path=[folder])

    assert found.message.startswith("models:fails raised ValueError: vocabulary  is  [31m empty!!")
    assert found.message.isprintable()
    assert len(found.message) < 300


@pytest.mark.case("hostile")
async def test_a_model_that_floods_memory_ends_at_its_limit(folder: str) -> None:
    found = await run(loads="models:floods", path=[folder], memory_mb=200)

    assert found.message == "models:floods needs more than 200 MB of memory"
    # Linux counts the peak from the fork on, when the child is still as large as this process.
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert found.metrics["application.peak_bytes"] < max(220e6, 1.1 * ours)


async def test_a_load_over_its_budget_is_degraded(folder: str) -> None:
    found = await run(loads="models:slow", path=[folder], budget_ms=10)

    assert (found.status, found.cause) == (Status.DEGRADED, Cause.THRESHOLD)
    assert found.message.startswith("models:slow took ")
    assert found.message.endswith(" ms, expected ≤ 10 ms")


@pytest.mark.case("timeout")
async def test_what_does_not_end_is_killed_with_all_that_it_started(folder: str) -> None:
    start = time.monotonic()

    found = await run(4, modules=["json"], loads="models:starts_another", path=[folder])

    assert time.monotonic() - start < PATIENCE_S
    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert re.search(r" had not ended after \d[\d.]* s, it was killed$", found.message)
    assert found.message.startswith("Loading models:starts_another")
    assert not left_behind()


async def test_a_run_that_is_cancelled_leaves_no_process(folder: str) -> None:
    me = psutil.Process()
    before = set(me.children())
    task = asyncio.create_task(run(loads="models:hangs", path=[folder]))
    while not any("interpreter_probe" in " ".join(each.cmdline()) for each in me.children()):
        await asyncio.sleep(0.01)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert set(me.children()) <= before


async def test_many_at_once_take_turns(folder: str) -> None:
    found = await asyncio.gather(*(run(loads="models:slow", path=[folder]) for _ in range(8)))

    assert {each.status for each in found} == {Status.HEALTHY}


async def test_a_check_whose_turn_does_not_come_is_not_blamed_on_its_application(
    folder: str,
) -> None:
    others = [
        asyncio.create_task(run(30, loads="models:hangs", path=[folder])) for _ in range(AT_ONCE)
    ]
    await asyncio.sleep(0)  # each of them takes its place at its first step
    await asyncio.sleep(0)

    found = await run(0.3, loads="models:good", path=[folder])

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message == "4 other application checks were running all the time"
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def test_foreign_code_sees_no_secrets_of_the_monitors_environment(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOCTURNE_TEST_SECRET", "s3cret")

    found = await run(loads="models:secret_is_set", path=[folder])

    assert found.message == "models:secret_is_set returned False, expected anything else"


def left_behind() -> bool:
    lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return "left-behind" in lines.stdout


# ── Files, folders and variables ────────────────────────────────────────────────────────────────


@pytest.mark.case("healthy")
async def test_folders_and_files_that_can_be_used_are_healthy(tmp_path: Path) -> None:
    file = tmp_path / "app.toml"
    file.write_text("port = 1")

    found = await run(
        readable=[str(tmp_path), str(file)],
        writable=[str(tmp_path), str(file)],
        configs=[str(file)],
    )

    assert (found.status, found.message) == (Status.HEALTHY, "All 5 conditions hold")
    assert os.listdir(tmp_path) == ["app.toml"]
    assert file.read_text() == "port = 1"
    assert found.metrics == {"application.conditions": 5.0, "application.failed": 0.0}


@pytest.mark.case("wrong")
async def test_a_folder_that_is_not_there_can_be_neither_read_nor_written_to(
    tmp_path: Path,
) -> None:
    found = await run(readable=[f"{tmp_path}/a"], writable=[f"{tmp_path}/b"])

    assert found.status is Status.CRITICAL
    assert found.message == (
        f"{tmp_path}/a can't be read: No such file or directory; "
        f"{tmp_path}/b can't be written to: No such file or directory"
    )


async def test_a_folder_without_permission_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o000)
    if (user := os.geteuid()) == 0:  # root may read and write everything
        os.seteuid(65534)

    texts = conditions.readable(str(tmp_path)), conditions.writable(str(tmp_path))

    os.seteuid(user)
    tmp_path.chmod(0o700)
    assert texts == (
        f"{tmp_path} can't be read: Permission denied",
        f"{tmp_path} can't be written to: Permission denied",
    )


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.toml", "port = ", "is not valid: Invalid value (at end of document)"),
        ("a.json", '{"a": 1,}', "is not valid: Illegal trailing comma"),
        ("a.json", "[" * 100_000, "is not valid: nested too deeply"),
        ("a.json", "9" * 5000, "is not valid: a number is too long"),
        ("a.ini", "[a]\n= s3cret", "is not valid: line "),
        ("a.ini", "[a]\ns3cret\n  more", "is not valid: a name without a value goes on"),
        ("a.ini", "password = s3cret", "is not valid: no section before line 1"),
        ("a.cfg", "[a]\n[a]", "is not valid: section a stands twice (line 2)"),
        ("a.cfg", "[a]\nb=1\nb=s3cret", "is not valid: b stands twice in section a (line 3)"),
        ("a.toml", "x" * 5_000_000, "is larger than 4 MB, expected a configuration file"),
    ],
)
async def test_a_configuration_that_cannot_be_parsed_says_where(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    file = tmp_path / name
    file.write_text(text)

    found = await run(configs=[str(file)])

    assert found.status is Status.CRITICAL
    if name == "a.json" and "trailing" in reason and sys.version_info < (3, 13):
        reason = "is not valid: Expecting property name"
    assert found.message.startswith(f"{file} {reason}"), found.message
    assert "s3cret" not in found.message


async def test_bytes_that_are_no_text_are_no_configuration(tmp_path: Path) -> None:
    file = tmp_path / "a.ini"
    file.write_bytes(b"[a]\n\xff")

    assert conditions.valid(str(file)) == f"{file} is not UTF-8 at byte 4"


@pytest.mark.case("hostile")
def test_a_pipe_or_a_socket_is_no_configuration(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "b.json"))

        assert str(conditions.valid(f"{tmp_path}/a.json")).endswith("It is no plain file")
        assert "can't be read" in str(conditions.valid(f"{tmp_path}/b.json"))


@given(st.sampled_from(sorted(conditions.PARSERS)), st.text())
def test_whatever_a_configuration_holds_it_is_valid_or_has_a_reason(ending: str, text: str) -> None:
    reason = conditions.PARSERS[ending](text)

    assert reason is None or len(reason) > 0


@pytest.mark.case("wrong")
async def test_variables_are_named_without_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", "s3cret")
    monkeypatch.setenv("SHOP_EMPTY", "")

    found = await run(environment=["SHOP_KEY", "SHOP_EMPTY", "SHOP_ABSENT"])

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == (
        "Environment variable SHOP_EMPTY is empty; Environment variable SHOP_ABSENT is not set"
    )
    assert "s3cret" not in repr(found)


# ── Fields ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "another condition must be given"),
        ({"modules": ["requests >"]}, "must be names with versions"),
        ({"modules": ["requests[socks]"]}, "must have no extras"),
        ({"modules": ["a; python_version < '3'"]}, "must have no extras, markers"),
        ({"configs": ["/etc/app.yaml"]}, r"must end with one of \.toml, \.json"),
        ({"configs": ["/a.toml"], "python": "/usr/bin/python3"}, "no use without modules"),
        ({"modules": ["json"], "budget_ms": 5}, "budget_ms has no use without loads"),
        ({"modules": ["json"], "python": "python3"}, "python"),
        ({"readable": ["data"]}, "readable"),
        ({"loads": "models"}, "loads"),
        ({"loads": "os.system"}, "loads"),
        ({"environment": ["A=B"]}, "environment"),
    ],
)
def test_fields_that_cannot_work_are_refused(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert(fields, ApplicationCheck)


@pytest.mark.parametrize(
    ("fields", "headline", "target"),
    [
        ({"loads": "a:b", "modules": ["c"]}, "application.load_ms", "a:b and 1 more"),
        ({"modules": ["c>1"]}, "application.import_ms", "c>1"),
        ({"environment": ["A", "B"]}, "application.failed", "A and 1 more"),
    ],
)
def test_the_headline_is_what_takes_most_time(
    fields: dict[str, object], headline: str, target: str
) -> None:
    check = msgspec.convert(fields, ApplicationCheck)

    assert (check.headline(), check.target()) == (headline, target)


def test_the_kind_is_not_retried_at_once() -> None:
    assert ApplicationCheck.spec.retry_s is None


def test_what_other_pythons_run_is_written_for_python_3_8() -> None:
    ast.parse(PROBE.read_text(encoding="utf-8"), feature_version=(3, 8))
