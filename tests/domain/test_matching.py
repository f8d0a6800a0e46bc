"""Matchers: what they cover, how they read, and which are refused."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.matching import Match, Subject, as_table, matches, read_match

SHOP = Subject(
    name="shop-api", kind="http", tags=frozenset({"shop", "eu"}), group="Shop", severity="critical"
)
PATTERNS = st.lists(st.text(min_size=1, max_size=20).filter(str.strip), min_size=1, max_size=3)
MATCHES = st.builds(
    Match,
    name=st.just(()) | PATTERNS.map(tuple),
    kind=st.just(()) | PATTERNS.map(tuple),
    tags=st.just(()) | PATTERNS.map(tuple),
    group=st.just(()) | PATTERNS.map(tuple),
    severity=st.just(()) | PATTERNS.map(tuple),
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "match",
    [
        Match(),
        Match(name=("shop-api",)),
        Match(name=("shop-*",)),
        Match(name=("shop-ap?",)),
        Match(name=("shop-[a-c]pi",)),
        Match(kind=("http",)),
        Match(tags=("eu",)),
        Match(group=("Sh*",)),
        Match(severity=("critical",)),
        Match(name=("shop-*",), tags=("eu",), kind=("h*",)),
    ],
)
def test_a_matcher_covers_what_all_of_its_fields_fit(match: Match) -> None:
    assert matches(match, SHOP)


@pytest.mark.parametrize(
    "match",
    [
        Match(name=("shop",)),
        Match(name=("SHOP-*",)),
        Match(kind=("tcp",)),
        Match(tags=("us",)),
        Match(group=("shop",)),
        Match(severity=("minor",)),
        Match(name=("shop-*",), tags=("us",)),
    ],
)
def test_one_field_that_does_not_fit_is_enough_to_be_left_alone(match: Match) -> None:
    assert not matches(match, SHOP)


def test_within_a_field_one_of_its_patterns_is_enough() -> None:
    assert matches(Match(name=("web", "shop-*")), SHOP)
    assert matches(Match(tags=("us", "eu")), SHOP)


def test_a_component_without_tags_or_group_fits_no_matcher_that_asks_for_them() -> None:
    bare = Subject(name="a", kind="tcp")

    assert not matches(Match(tags=("*",)), bare)
    assert not matches(Match(group=("?*",)), bare)
    assert not matches(Match(severity=("critical",)), bare)


def test_a_slash_and_a_dot_are_ordinary_characters_of_names() -> None:
    nested = Subject(name="eu/shop.api", kind="http")

    assert matches(Match(name=("eu/*",)), nested)
    assert matches(Match(name=("*.api",)), nested)
    assert not matches(Match(name=("eu/shop?",)), nested)


@pytest.mark.parametrize(
    ("match", "everything"),
    [
        (Match(), True),
        (Match(name=("*",)), True),
        (Match(name=("a", "*")), True),
        (Match(name=("*",), kind=("*",)), True),
        (Match(name=("a*",)), False),
        (Match(name=("*",), kind=("http",)), False),
    ],
)
def test_a_matcher_of_nothing_or_of_stars_only_is_everything(
    match: Match, everything: bool
) -> None:
    assert match.is_everything is everything


def test_a_matcher_reads_as_words() -> None:
    assert Match(name=("a", "b*"), tags=("shop",)).words == "name a or b*, tags shop"
    assert Match().words == "everything"


def test_a_single_text_is_a_list_of_one() -> None:
    match = read_match({"name": "shop-*", "tags": ["shop", "eu"], "kind": ("http",)})

    assert match == Match(name=("shop-*",), tags=("shop", "eu"), kind=("http",))


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("shop-*", "must be a table"),
        (["shop-*"], "must be a table"),
        (None, "must be a table"),
        ({"nam": "a"}, "has no key 'nam': use name, kind, tags, group, severity"),
        ({5: "a"}, "has no key '5'"),
        ({"name": []}, "name must be a text or a list of texts that is not empty"),
        ({"name": 5}, "name must be a text or a list of texts that is not empty"),
        ({"tags": {"shop": True}}, "tags must be a text or a list"),
        ({"tags": ["shop", 5]}, "tags must hold texts of 1 to 200 characters"),
        ({"name": ""}, "name must hold texts of 1 to 200 characters"),
        ({"name": " "}, "name must hold texts of 1 to 200 characters"),
        ({"name": "x" * 201}, "name must hold texts of 1 to 200 characters"),
    ],
)
def test_a_table_that_is_no_matcher_is_refused_with_the_key_and_the_reason(
    table: Any, reason: str
) -> None:
    with pytest.raises(ValueError, match="^" + reason.replace("(", r"\(")):
        read_match(table)


@given(MATCHES)
def test_a_matcher_and_its_table_say_the_same(match: Match) -> None:
    assert read_match(as_table(match)) == match


@given(JUNK)
def test_no_junk_table_raises_anything_but_a_value_error(table: object) -> None:
    try:
        match = read_match(table)
    except ValueError:
        return

    assert isinstance(match, Match)


@given(MATCHES, st.text(max_size=20), st.frozensets(st.text(max_size=5), max_size=3))
def test_any_pattern_can_be_asked_about_any_name(
    match: Match, name: str, tags: frozenset[str]
) -> None:
    subject = Subject(name=name, kind="http", tags=tags, group="g", severity="minor")

    fits = [
        not patterns or any(fnmatchcase(value, each) for each in patterns for value in values)
        for patterns, values in (
            (match.name, [name]),
            (match.kind, ["http"]),
            (match.tags, tags),
            (match.group, ["g"]),
            (match.severity, ["minor"]),
        )
    ]
    assert matches(match, subject) is all(fits)
