"""Matchers: what they cover, how they read, and which are refused."""

from __future__ import annotations

import re
import time
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.matching import (
    Match,
    Present,
    Subject,
    as_table,
    matches,
    read_match,
    stored_match,
)

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
def test_a_matcher_that_was_stored_reads_as_it_was_whatever_may_be_written_now(
    match: Match,
) -> None:
    assert stored_match(as_table(match)) == match


@given(MATCHES)
def test_a_matcher_that_may_be_written_reads_as_itself_from_then_on(match: Match) -> None:
    try:
        read = read_match(as_table(match))
    except ValueError:
        return

    assert read_match(as_table(read)) == read


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("x[", 'name must not have a "[" that is not closed: the character itself is "[[]"'),
        ("[]", 'name must not have a "[" that is not closed'),
        ("[!]", 'name must not have a "[" that is not closed'),
        ("a[bc]d[", 'name must not have a "[" that is not closed'),
        ("[z-a]*", 'name must not have a range backwards: "z-a" has nothing in it'),
        ("shop-[!9-0]", 'name must not have a range backwards: "9-0" has nothing in it'),
        ("a\x00", r"name must not contain control characters (U+0000)"),
        ("a\nb", r"name must not contain control characters (U+000A)"),
        ("a\u202eb", "name must not contain marks that change the direction of text (U+202E)"),
        ("a\ud800b", "name must not contain lone surrogates (U+D800)"),
    ],
)
def test_a_broken_pattern_is_refused_with_the_key_and_the_reason(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(words)):
        read_match({"name": ["fine", pattern]})


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("[[]a]", "[a]"), ("[]]", "]"), ("[!]]", "a"), ("[a-]", "-"), ("a]", "a]"), ("[!!]", "a")],
)
def test_brackets_that_are_meant_as_such_can_be_written(pattern: str, name: str) -> None:
    assert matches(read_match({"name": pattern}), Subject(name=name, kind="http"))


def test_a_pattern_means_a_name_however_it_was_typed() -> None:
    match = read_match({"name": "cafe\u0301*"})

    assert matches(match, Subject(name="caf\u00e9-api", kind="http"))


def test_patterns_that_explode_in_other_matchers_are_answered_at_once() -> None:
    match = read_match({"name": "*a" * 100, "tags": ["*[ab]" * 40]})
    subject = Subject(name="a" * 199 + "b", kind="http", tags=frozenset({"b" * 200}))

    began = time.thread_time()
    found = matches(match, subject)

    assert found is False
    assert time.thread_time() - began < 10


CHECKS = tuple(
    Subject(name=name, kind=kind, tags=frozenset({"prod", name}), group="Shop")
    for name, kind in (("shop-api", "http"), ("shop-db", "tcp"), ("cpu", "system"))
)
RULES = (Subject(name="queue", kind="rule"), Subject(name="disk", kind="rule"))
PRESENT = Present(checks=CHECKS, rules=RULES)


@pytest.mark.parametrize(
    "match",
    [
        Match(tags=("prod",)),
        Match(group=("S*",)),
        Match(kind=("http", "tcp", "system")),
        Match(name=("[a-z]*",)),
        Match(name=("[!q]*", "q*"), kind=("?*",)),
        Match(name=("shop-*", "cpu")),
        Match(tags=("*",), group=("?*",)),
    ],
)
def test_a_matcher_that_leaves_no_check_out_covers_all_however_narrow_it_looks(
    match: Match,
) -> None:
    assert PRESENT.all_of(match) == "all 3 checks that there are"


@pytest.mark.parametrize(
    "match",
    [
        Match(tags=("shop-api",)),
        Match(name=("shop-*",)),
        Match(name=("?*",), kind=("http",)),
        Match(tags=("prod",), severity=("critical",)),
        # These are no regular expressions.
        Match(name=("^",)),
        Match(name=(".*",)),
    ],
)
def test_a_matcher_that_leaves_a_check_out_does_not(match: Match) -> None:
    assert PRESENT.all_of(match) is None


def test_where_there_is_one_check_all_rules_belong_to_everything() -> None:
    few = Present(checks=CHECKS[:1], rules=RULES)

    assert few.all_of(Match(tags=("prod",))) is None
    assert few.all_of(Match(name=("[a-z]*",))) == "all 3 checks and rules that there are"


def test_who_names_the_only_thing_that_there_is_means_it() -> None:
    assert Present(checks=CHECKS[:1]).all_of(Match(name=("shop-api",))) is None
    assert Present().all_of(Match(name=("shop-*",))) is None


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
