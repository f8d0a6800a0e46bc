"""The registry of channels: every kind is complete, names are unique, importing them is light."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from domain.paging import WORDS
from monitor.channels import Channel, Word, channel, kinds


def test_every_kind_of_this_milestone_is_registered() -> None:
    assert set(kinds()) >= {"log", "webhook"}


@pytest.mark.parametrize("name", sorted(kinds()))
def test_a_kind_has_a_schema_that_describes_each_field(name: str) -> None:
    schema = kinds()[name].schema()

    [model] = [found for found in schema["$defs"].values() if found["type"] == "object"]
    assert all("description" in entry for entry in model["properties"].values())
    assert model["additionalProperties"] is False


def test_a_kind_takes_several_incidents_in_one_message_only_if_it_says_so() -> None:
    class Silent(Channel, frozen=True):
        pass

    assert not Silent.bundles
    assert kinds()["log"].model.bundles and kinds()["webhook"].model.bundles


def test_the_words_for_severities_are_those_of_paging() -> None:
    assert set(get_args(Word)) == WORDS.keys()


def test_a_name_cannot_be_registered_twice() -> None:
    class Other(Channel, frozen=True):
        pass

    with pytest.raises(ValueError, match="already registered"):
        channel("log", title="")(Other)


def test_importing_all_kinds_imports_no_heavy_library() -> None:
    program = (
        "import sys; from monitor.channels import kinds; kinds()\n"
        "heavy = {'httpx', 'psycopg', 'pysqlite3', 'sqlalchemy', 'dash', 'apprise', 'pandas'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )

    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == ""
