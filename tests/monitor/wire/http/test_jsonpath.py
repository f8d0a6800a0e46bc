"""Paths into JSON documents: the part of RFC 9535 that names one value."""

from __future__ import annotations

import contextlib
import json
import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.wire.http.jsonpath import Missing, NotJson, decode, find, parse


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("$", ()),
        ("$.a", ("a",)),
        ("$.a_1-b.été", ("a_1-b", "été")),
        ("$['a b']", ("a b",)),
        ('$["a.b"].c', ("a.b", "c")),
        (r"$['it\'s']", ("it's",)),
        (r'$["back\\slash"]', ("back\\slash",)),
        ("$['']", ("",)),
        ("$[0][-1].x", (0, -1, "x")),
    ],
)
def test_a_path_is_read(text: str, path: tuple[str | int, ...]) -> None:
    assert parse(text) == path


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "$a", "$.", "$..a", "$.*", "$[*]", "$[01]", "$[-0]", "$[1:2]", "$[?(@.a)]"),
        *("$['a]", "$[a]", "$.a b", "$.a.", "$.1", "$ .a", "$[9999999999]", "$" + ".a" * 300),
    ],
)
def test_another_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|can't be read"):
        parse(text)


DOCUMENT = {"a": [1, {"b": None}], "": 2, "0": 3}


@pytest.mark.parametrize(
    ("text", "value"),
    [("$.a[0]", 1), ("$.a[-1].b", None), ("$['']", 2), ("$['0']", 3), ("$", DOCUMENT)],
)
def test_a_value_is_found(text: str, value: object) -> None:
    assert find(DOCUMENT, parse(text)) == value


@pytest.mark.parametrize(
    "text", ["$.x", "$.a[2]", "$.a[-3]", "$.a.b", "$[0]", "$.a[0].b", "$.a[1][0]"]
)
def test_nothing_is_found_where_nothing_is(text: str) -> None:
    with pytest.raises(Missing):
        find(DOCUMENT, parse(text))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"<html>", b"\xff", b"nan", b"[" * 100_000, b"1" * 5000 + b"x", b'"\xff"']
)
def test_what_is_not_json_is_told(body: bytes) -> None:
    with pytest.raises(NotJson):
        decode(body)


@pytest.mark.parametrize("unit", [b"{},", b"[],", b'{"a":0},', b"1,", b'"ab",', b"[[[]]],"])
def test_a_document_of_very_many_values_takes_little_memory(unit: bytes) -> None:
    body = b"[" + unit * (2**20 // len(unit)) + b"0]"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(NotJson, match="too many values"):
        decode(body)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.data())
def test_every_value_of_a_document_is_found_by_its_path(
    document: object, data: st.DataObject
) -> None:
    path, value = "$", document
    while isinstance(value, (dict, list)) and value and data.draw(st.booleans()):
        if isinstance(value, dict):
            key = data.draw(st.sampled_from(sorted(value)))
            path += "['" + key.replace("\\", "\\\\").replace("'", "\\'") + "']"
            value = value[key]
        else:
            index = data.draw(st.integers(0, len(value) - 1))
            path, value = f"{path}[{index}]", value[index]

    if len(path) < 400:
        assert find(decode(json.dumps(document).encode()), parse(path)) == value


@given(st.text() | st.text().map(lambda text: f"${text}"))
def test_no_path_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse(text)
