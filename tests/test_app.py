"""The command line, as a user meets it: each sub-command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import app
from domain.version import VERSION

ROOT = Path(app.__file__).parent
BAD = """\
[web]
port = "eighty"
colour = "red"

[monitor]
interval = "0s"

[[check]]
name = "a"
kind = "htpp"
depends_on = ["b"]

[[check]]
name = "b"
kind = "tcp"
host = "localhost"
port = 70000
depends_on = ["a"]

[[check]]
name = "b"
kind = "http"
url = "${NOCTURNE_TEST_UNDEFINED}"
warning = 9
critical = 5
"""
MISTAKES = [
    '{file}:2: web.port = "eighty": must be a whole number, not text',
    '{file}:3: web.colour = "red": unknown key',
    '{file}:6: monitor.interval = "0s": must be longer than 0 s',
    '{file}:10: check "a" kind = "htpp": there is no such kind of check, did you mean "http"?',
    '{file}:11: check "a" depends_on = ["b"]: dependencies run in a circle: a → b → a',
    '{file}:17: check "b" port = 70000: must be a whole number of at most 65535',
    '{file}:21: check "b" name = "b": another check has this name: a name can be used once only',
    '{file}:23: check "b" url = "${{NOCTURNE_TEST_UNDEFINED}}": the environment variable',
    '{file}:24: check "b" warning = 9: warning = 9 lies above critical = 5',
]


def call(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py"), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        env={**os.environ, "PYTHONUTF8": "1", **environ},
        check=False,
    )


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(BAD, encoding="utf-8")
    return path


@pytest.mark.parametrize("command", ["run", "monitor", "web", "migrate", "check-config"])
def test_a_wrong_configuration_ends_every_command_with_all_mistakes(
    command: str, bad: Path
) -> None:
    ended = call(command, "--config", str(bad))

    assert ended.returncode == 2
    lines = ended.stderr.splitlines()
    assert len(lines) == len(MISTAKES)
    for line, expected in zip(lines, MISTAKES, strict=True):
        assert line.startswith(expected.format(file=bad))
    assert not (bad.parent / "data").exists()


def test_a_mistake_in_the_environment_ends_with_code_2() -> None:
    ended = call("check-config", NOCTURNE_WEB__PORT="no")

    assert ended.returncode == 2
    assert ended.stderr.startswith('environment: NOCTURNE_WEB__PORT = "no": must be')


def test_a_variable_with_one_underscore_is_told_with_the_one_that_was_meant() -> None:
    ended = call("check-config", NOCTURNE_WEB_PORT="9000")

    assert ended.returncode == 2
    assert ended.stderr == (
        'environment: NOCTURNE_WEB_PORT = "9000": no key has this name, did you mean '
        "NOCTURNE_WEB__PORT?\n"
    )


@pytest.mark.parametrize("command", ["check-config", "run"])
def test_a_host_that_has_no_address_is_told_with_its_line(command: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[web]\nhost = "nohost.invalid"\n', encoding="utf-8")

    ended = call(command, "--config", str(path))

    assert ended.returncode == 2
    assert ended.stderr.startswith(f'{path}:2: web.host = "nohost.invalid": is neither an IP')


def test_a_host_from_the_environment_is_told_by_its_variable() -> None:
    ended = call("check-config", NOCTURNE_WEB__HOST="nohost.invalid")

    assert ended.returncode == 2
    assert ended.stderr.startswith('environment: NOCTURNE_WEB__HOST = "nohost.invalid": is')


def test_the_shipped_configuration_is_valid_and_has_at_least_ten_checks() -> None:
    checks = tomllib.loads((ROOT / "config.toml").read_text(encoding="utf-8"))["check"]

    ended = call("check-config", "--config", str(ROOT / "config.toml"))

    assert len(checks) >= 10
    assert ended.stdout == f"{ROOT / 'config.toml'}: valid, {len(checks)} checks\n"
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_examples_in_the_shipped_configuration_are_valid(tmp_path: Path) -> None:
    text = (ROOT / "config.toml").read_text(encoding="utf-8")
    _, _, tail = text.partition("# [[check]]\n")
    examples = tail.partition("\n\n\n")[0]
    plain = "\n".join(line.removeprefix("#").removeprefix(" ") for line in examples.splitlines())
    path = tmp_path / "config.toml"
    path.write_text(f"[[check]]\n{plain}\n", encoding="utf-8")

    ended = call("check-config", "--config", str(path), SHOP_TOKEN="x", SHOP_DB_PASSWORD="y")

    assert (ended.stderr, ended.returncode) == ("", 0)
    assert "4 checks" in ended.stdout


def test_the_file_may_be_named_before_or_after_the_command_or_by_the_environment(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("", encoding="utf-8")
    expected = f"{path}: valid, 0 checks\n"

    assert call("--config", str(path), "check-config").stdout == expected
    assert call("check-config", "--config", str(path)).stdout == expected
    assert call("check-config", NOCTURNE_CONFIG=str(path)).stdout == expected


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    ended = call("check-config", "--config", str(tmp_path / "none.toml"))

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{tmp_path / 'none.toml'}: cannot be read: there is no such")


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == VERSION
    assert call("version").stdout == f"Nocturne {VERSION}\n"


def test_migrate_makes_the_store_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("", encoding="utf-8")

    ended = call("migrate", "--config", str(path))

    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "data" / "nocturne.db").exists()


def test_a_store_that_is_no_database_ends_with_one_sentence_and_code_3(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[storage]\nurl = 'sqlite:///x.db'\n", encoding="utf-8")
    (tmp_path / "x.db").write_text("no database " * 1000, encoding="utf-8")

    ended = call("migrate", "--config", str(tmp_path / "config.toml"))

    assert ended.returncode == 3
    assert len(ended.stderr.splitlines()) == 1
    assert "damaged or not a database" in ended.stderr
    assert (tmp_path / "x.db").read_text(encoding="utf-8").startswith("no database")


def test_the_supervisor_loads_nothing_heavy() -> None:
    code = (
        "import sys, app, launch.supervisor, launch.child; from launch import config;"
        "config.read_plain('config.toml', {});"
        "print([name for name in ('sqlalchemy', 'dash', 'flask', 'psutil', 'apscheduler',"
        " 'httpx', 'alembic', 'monitor') if name in sys.modules])"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ended.stdout.strip() == "[]"


def test_every_command_can_be_found() -> None:
    assert all(callable(app.command(name)) for name in app.COMMANDS)


def test_the_module_has_no_other_lazy_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'srever'"):
        _ = app.srever
