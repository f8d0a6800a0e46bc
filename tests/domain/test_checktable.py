"""The fields that all checks have in common, and what must hold over all checks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.checktable import COMMON, Pace, read_tables
from domain.definitions import CheckDefinition, Levels
from domain.facts import Policy
from domain.rules import Operator
from domain.settings import Monitor, Settings


def pace_of(kind: str) -> Pace:
    paces = {"tcp": Pace(retry_s=2.0), "composite": Pace(failures=1, successes=1)}
    return paces.get(kind, Pace())


def read(*tables: object, settings: Settings | None = None) -> tuple[list[Any], list[str]]:
    definitions, mistakes = read_tables(tables, settings or Settings(), pace_of)
    return list(definitions), [str(mistake) for mistake in mistakes]


def good(*tables: dict[str, Any], settings: Settings | None = None) -> list[CheckDefinition]:
    definitions, mistakes = read(*tables, settings=settings)
    assert mistakes == []
    return definitions


def check(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "kind": "tcp", **fields}


def test_a_check_takes_its_defaults_from_the_monitor_table_and_its_kind() -> None:
    settings = Settings(monitor=Monitor(interval_s=60, timeout_s=3, failures=5, successes=1))

    (tcp,) = good(check("a"), settings=settings)
    (other,) = good({"name": "a", "kind": "system"}, settings=settings)

    policy = Policy(interval_s=60, timeout_s=3, failures=5, successes=1, retry_interval_s=2)
    assert tcp.policy == policy
    assert other.policy.retry_interval_s is None


def test_every_common_field_is_read_and_the_rest_belongs_to_the_kind() -> None:
    parents = [check("p"), check("q"), check("r")]
    table = check(
        "a",
        interval="1m",
        timeout="30s",
        failures=2,
        successes=1,
        retry_interval="5s",
        weight=2,
        tags=["shop", "shop", "eu"],
        depends_on=["p", ["q", "r"]],
        scope="outside",
        enabled=False,
        group="Shop",
        description="It sells.",
        warning=1,
        critical=2.5,
        operator="greater_than",
        host="h",
    )

    definition = good(*parents, table)[3]

    assert definition.policy == Policy(
        interval_s=60, timeout_s=30, failures=2, successes=1, retry_interval_s=5
    )
    assert (definition.weight, definition.tags) == (2.0, ("shop", "eu"))
    assert definition.depends_on == (("p",), ("q", "r"))
    assert (definition.scope, definition.enabled) == ("outside", False)
    assert definition.levels == Levels(warning=1, critical=2.5, operator=Operator.GT)
    assert definition.fields == {"host": "h"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "must not be empty"),
        ("x" * 201, "must have at most 200 characters"),
        (" a", "must not begin or end with a space"),
        ("a\n", "must not contain control characters (U+000A)"),
        ("a\x00b", "must not contain control characters (U+0000)"),
        ("a\u202eb", "must not contain marks that change the direction of text (U+202E)"),
        ("\u200b", "must not contain invisible characters (U+200B)"),
        ("a\u2060b", "must not contain invisible characters (U+2060)"),
        ("\u200d\u200c", "must have a character that can be seen"),
        ("\u3164", "must have a character that can be seen"),
        ("a\ud800", "must not contain lone surrogates (U+D800)"),
        ("///", 'must not be made of "/" only'),
        ("..", 'must not have "." or ".." as a part'),
        ("a/../b", 'must not have "." or ".." as a part'),
        (5, "must be text, not a whole number"),
    ],
)
def test_a_name_that_could_mislead_or_break_an_address_is_refused(name: Any, reason: str) -> None:
    _, mistakes = read(check(name))

    assert len(mistakes) == 1
    assert reason in mistakes[0]


def test_names_are_compared_in_their_normal_form() -> None:
    definitions, mistakes = read(check("cafe\u0301"), check("caf\u00e9"))

    assert definitions[0].name == "caf\u00e9"
    assert mistakes == [
        'check "caf\u00e9" name = "caf\u00e9": another check has this name: '
        "a name can be used once only"
    ]


@pytest.mark.parametrize(
    "name", ["shop api", "größe", "a/b", "日本", "x" * 200, "C:\\", "a.b", "👩\u200d💻"]
)
def test_ordinary_names_are_accepted(name: str) -> None:
    assert good(check(name))[0].name == name


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("interval", "0s", "must be longer than 0 s"),
        ("interval", "1ms", "must be at least 1 s"),
        ("interval", 30, "must be text, not a whole number"),
        ("timeout", "31s", "must be at most 30 s"),
        ("failures", 0, "must be a whole number of at least 1"),
        ("failures", 1.0, "must be a whole number, not a number"),
        ("successes", True, "must be a whole number, not true or false"),
        ("weight", 0, "must be more than 0"),
        ("weight", float("inf"), "must be a finite number"),
        ("weight", float("nan"), "must be a finite number"),
        ("weight", True, "must be a number, not true or false"),
        ("weight", 10**400, "number out of range"),
        ("tags", "shop", "must be a list, not text"),
        ("tags", [""], "must not be empty"),
        ("depends_on", [[]], "a redundancy group must not be empty"),
        ("depends_on", [["x"], 3], "must be text or a list, not a whole number (entry 2)"),
        ("scope", "out", 'must be one of "inside", "outside", did you mean "outside"?'),
        ("enabled", 1, "must be true or false, not a whole number"),
        ("critical", float("nan"), "must be a finite number"),
        ("operator", "above", "unknown operator 'above'"),
    ],
)
def test_a_wrong_field_is_refused_by_key_value_and_reason(
    field: str, value: Any, reason: str
) -> None:
    _, mistakes = read(check("x"), check("a", **{field: value}))

    assert len(mistakes) == 1
    assert mistakes[0].startswith(f'check "a" {field} = ')
    assert reason in mistakes[0]


def test_name_and_kind_are_required() -> None:
    _, mistakes = read({})

    assert mistakes == ["check 1: name is missing", "check 1: kind is missing"]


def test_an_entry_that_is_no_table_is_refused() -> None:
    definitions, mistakes = read("cpu")

    assert definitions == [None]
    assert mistakes == ['check 1 = "cpu": must be a table: write [[check]] above its keys']


def test_an_unknown_parent_is_refused_with_the_one_that_was_meant() -> None:
    _, mistakes = read(check("shop-db"), check("shop", depends_on=["shop-bd"]))

    assert mistakes == [
        'check "shop" depends_on = ["shop-bd"]: no check is named "shop-bd", '
        'did you mean "shop-db"?'
    ]


def test_cycles_are_refused_by_the_names_along_them() -> None:
    _, mistakes = read(
        check("a", depends_on=["b"]),
        check("b", depends_on=[["c", "d"]]),
        check("c", depends_on=["a"]),
        check("d"),
        check("e", depends_on=["e"]),
    )

    assert len(mistakes) == 2
    circles = ("a → b → c → a", "b → c → a → b", "c → a → b → c")
    assert any(circle in mistake for circle in circles for mistake in mistakes)
    assert any("e → e" in mistake for mistake in mistakes)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
TABLES = st.dictionaries(st.sampled_from(list(COMMON)) | st.text(), VALUES, max_size=8)
NAMES = st.sampled_from("abcd")


@given(st.lists(TABLES | VALUES, max_size=4))
def test_garbage_gives_mistakes_and_never_raises(tables: list[Any]) -> None:
    definitions, mistakes = read_tables(tables, Settings(), pace_of)

    assert len(definitions) == len(tables)
    assert all("\n" not in str(mistake.given) for mistake in mistakes)


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=3), min_size=1))
def test_a_graph_is_accepted_exactly_when_every_check_can_come_after_its_parents(
    graph: dict[str, list[str]],
) -> None:
    tables = [check(name, depends_on=parents) for name, parents in graph.items()]

    _, mistakes = read(*tables)

    assert (mistakes == []) == _can_be_ordered(graph)


def _can_be_ordered(graph: dict[str, list[str]]) -> bool:
    placed: set[str] = set()
    for _ in graph:
        placed |= {name for name, parents in graph.items() if set(parents) <= placed}
    return placed == graph.keys()
