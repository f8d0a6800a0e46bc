"""The import rules: app → monitor | dashboard → storage → domain, and what no process may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "domain": {"domain"},
    "storage": {"storage", "domain"},
    "monitor": {"monitor", "storage", "domain"},
    "dashboard": {"dashboard", "storage", "domain", "nocturne_client"},
    # Any application may import it without the rest.
    "nocturne_client": {"nocturne_client"},
    "launch": {"launch", "monitor", "dashboard", "storage", "domain"},
}
OURS = set(MAY_IMPORT)
# The one model library that domain may use beside the standard library.
DOMAIN_LIBRARIES = {"msgspec"}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager"}


def imports_of(path: Path) -> set[str]:
    """The top-level packages that a file imports anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): above
        for path in sources(package)
        if (above := imports_of(path) & OURS - MAY_IMPORT[package])
    }

    assert sources(package)
    assert wrong == {}


def test_the_domain_uses_the_standard_library_and_the_model_library_only() -> None:
    allowed = set(sys.stdlib_module_names) | DOMAIN_LIBRARIES | {"domain"}

    wrong = {
        path.name: extra for path in sources("domain") if (extra := imports_of(path) - allowed)
    }

    assert wrong == {}


def test_the_client_uses_the_standard_library_only_and_can_be_read_by_older_pythons() -> None:
    allowed = set(sys.stdlib_module_names) | {"nocturne_client"}
    files = sources("nocturne_client")

    wrong = {path.name: extra for path in files if (extra := imports_of(path) - allowed)}

    assert files
    assert wrong == {}
    for path in files:
        ast.parse(path.read_text(), feature_version=(3, 9))


def test_the_domain_does_no_input_or_output_and_reads_no_clock() -> None:
    forbidden = {"os", "socket", "subprocess", "threading", "asyncio", "pathlib", "time", "random"}

    wrong = {path.name: bad for path in sources("domain") if (bad := imports_of(path) & forbidden)}

    assert wrong == {}


def test_only_the_timetable_of_the_monitor_imports_apscheduler() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for package in MAY_IMPORT
        for path in sources(package)
        if "apscheduler" in imports_of(path)
    }

    assert users == {"monitor/timetable.py"}


def test_no_file_has_a_name_that_says_nothing() -> None:
    names = {path.stem for package in MAY_IMPORT for path in sources(package)}

    assert not names & FORBIDDEN_NAMES


def test_no_file_of_ours_is_longer_than_five_hundred_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for package in MAY_IMPORT
        for path in sources(package)
        if (lines := len(path.read_text().splitlines())) > 500
    }

    assert long == {}


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        (
            "monitor.process",
            {"dash", "plotly", "pandas", "numpy", "alembic", "flask", "httpx", "psycopg", "typer"},
        ),
        ("dashboard.serve", {"apscheduler", "psutil", "httpx", "alembic"}),
        ("launch.supervisor", {"dash", "sqlalchemy", "apscheduler", "pandas", "flask"}),
    ],
)
def test_a_process_does_not_load_what_it_must_do_without(module: str, forbidden: set[str]) -> None:
    program = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"

    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert not set(loaded.stdout.split()) & forbidden
