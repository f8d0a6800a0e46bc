"""Definitions: the file's table with the edits laid over it."""

from __future__ import annotations

from domain.definitions import CheckDefinition, drift, effective
from domain.facts import Detail


def test_an_edit_lies_over_the_file_field_by_field() -> None:
    assert effective({"url": "a", "weight": 1}, {"weight": 2}) == {"url": "a", "weight": 2}


def test_a_definition_made_by_edits_alone_has_no_base() -> None:
    assert effective(None, {"url": "a"}) == {"url": "a"}
    assert drift(None, {"url": "a"}) == {}


def test_drift_names_the_edited_fields_and_what_the_file_says_of_them() -> None:
    base: dict[str, Detail] = {"url": "a", "weight": 1}

    assert drift(base, {"url": "a", "weight": 2, "enabled": False}) == {
        "weight": 1,
        "enabled": None,
    }


def test_laying_edits_over_a_table_does_not_change_the_table() -> None:
    base, patch = {"url": "a"}, {"url": "b"}

    effective(base, patch)

    assert (base, patch) == ({"url": "a"}, {"url": "b"})


def test_the_parents_of_a_check_are_all_members_of_its_redundancy_groups() -> None:
    check = CheckDefinition(name="api", kind="http", depends_on=(("db",), ("dns-a", "dns-b")))

    assert check.parents == {"db", "dns-a", "dns-b"}
