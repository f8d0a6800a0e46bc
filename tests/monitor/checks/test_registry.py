"""The registry of kinds: every kind is complete, names are unique, and importing them is light."""

from __future__ import annotations

import subprocess
import sys

import pytest

from monitor.checks import Check, kind, kinds

OURS = {
    *(
        "application",
        "callable",
        "command",
        "composite",
        "custom",
        "dns",
        "file",
        "heartbeat",
        "http",
        "mqtt",
        "network",
        "openai",
        "passive",
        "ping",
    ),
    *(
        "postgres",
        "process",
        "prometheus",
        "redis",
        "smtp",
        "sql",
        "system",
        "tcp",
        "tls",
        "websocket",
    ),
}


def test_every_kind_is_registered_by_its_file() -> None:
    assert set(kinds()) == OURS


@pytest.mark.parametrize("name", sorted(kinds()))
def test_a_kind_has_a_schema_that_describes_each_field(name: str) -> None:
    schema = kinds()[name].schema()

    [model] = [found for found in schema["$defs"].values() if found["type"] == "object"]
    assert all("description" in entry for entry in model["properties"].values())
    assert model["additionalProperties"] is False


def test_a_name_cannot_be_registered_twice() -> None:
    class Other(Check, frozen=True):
        pass

    taken = next(iter(kinds()))

    with pytest.raises(ValueError, match="already registered"):
        kind(taken, title="", component="", headline="")(Other)


def test_importing_all_kinds_imports_no_heavy_library() -> None:
    program = (
        "import sys; from monitor.checks import kinds; kinds()\n"
        "heavy = {'httpx', 'psycopg', 'pysqlite3', 'sqlalchemy', 'dash', 'plotly', 'pandas',"
        " 'numpy', 'alembic', 'dns', 'websockets', 'h2', 'zstandard', 'packaging'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )

    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == ""
