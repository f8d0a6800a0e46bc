"""Conditions on an answer, and what is told when one fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from monitor.wire.http.conditions import Wanted, holds, why_wrong
from monitor.wire.http.expectations import Answer, Expectations, found
from monitor.wire.http.http1 import Head
from monitor.wire.said import said


def answer(body: bytes = b"{}", headers: Mapping[str, str] | None = None, **fields: Any) -> Answer:
    pairs = tuple((k.lower().encode(), v.encode()) for k, v in (headers or {}).items())
    head = Head(status=fields.pop("status", 200), fields=pairs)
    return Answer(path="/health", head=head, body=body, cut=fields.pop("cut", False))


def expectations(**fields: Any) -> Expectations:
    nothing: dict[str, Any] = {"headers": {}, "body": None, "reject_body": None, "regex": None}
    return Expectations(**{"statuses": (200,), **nothing, "json": {}, "numbers": {}, **fields})


async def wrong(given: Answer, **fields: Any) -> str | None:
    return (await expectations(**fields).judge(given))[0]


BODY = (
    b'{"status": "ok", "queue": {"length": 12, "open": true, "last": null}, "nodes": ["a", "b"],'
    b' "version": "1.4.2", "zero": 0}'
)


@pytest.mark.parametrize(
    ("path", "wanted", "message"),
    [
        ("$.status", "ok", None),
        ("$.status", "up", '$.status is "ok", expected "up"'),
        ("$.status", "/^o/", None),
        ("$.status", "/^(u|p)+$/", '$.status is "ok", expected /^(u|p)+$/'),
        ("$.status", "!= failed", None),
        ("$.status", "!= ok", '$.status is "ok", expected != ok'),
        ("$.queue.length", 12, None),
        ("$.queue.length", 12.0, None),
        ("$.queue.length", 13, "$.queue.length is 12, expected 13"),
        ("$.queue.length", "12", '$.queue.length is 12, expected "12"'),
        ("$.queue.length", "== 12", None),
        ("$.queue.length", "< 10", "$.queue.length is 12, expected < 10"),
        ("$.queue.length", "<= 12", None),
        ("$.queue.length", "> 11.5", None),
        ("$.queue.length", ">= 13", "$.queue.length is 12, expected >= 13"),
        ("$.queue.length", "< ten", "$.queue.length is 12, expected < ten"),
        ("$.queue.open", True, None),
        ("$.queue.open", 1, "$.queue.open is true, expected 1"),
        ("$.queue.open", False, "$.queue.open is true, expected false"),
        ("$.queue.open", "> 0", "$.queue.open is true, expected > 0"),
        ("$.zero", False, "$.zero is 0, expected false"),
        ("$.queue.last", "== null", None),
        ("$.queue.last", "!= null", "$.queue.last is null, expected != null"),
        ("$.nodes[-1]", "b", None),
        ("$.nodes", "a", '$.nodes is a list of 2, expected "a"'),
        ("$.queue", "!= null", None),
        ("$.queue", 1, "$.queue is an object with 3 members, expected 1"),
        ("$.version", ">= 1.4.0", None),
        ("$.missing", "ok", '$.missing is missing, expected "ok"'),
        ("$.nodes[2]", "!= null", "$.nodes[2] is missing, expected != null"),
    ],
)
async def test_a_value_must_be_as_wanted(path: str, wanted: Wanted, message: str | None) -> None:
    assert await wrong(answer(BODY), json={path: wanted}) == message


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">="])
async def test_only_numbers_and_texts_have_an_order(sign: str) -> None:
    for value in (None, True, [], {}):
        assert not await holds(value, f"{sign} 0", found)


@pytest.mark.parametrize("wanted", ["< null", ">= true", "< []", "/(/"])
def test_a_condition_that_can_never_hold_is_refused(wanted: str) -> None:
    assert why_wrong(wanted)


@pytest.mark.parametrize(
    "wanted", ["", "ok", "<", "<10", "/", "//", "< 10", 'a "b"', 5, True, "/a/"]
)
def test_other_conditions_can_be(wanted: Wanted) -> None:
    assert why_wrong(wanted) is None


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"X-Frame-Options": "DENY"}, None),
        (
            {"x-frame-options": "/^(deny|sameorigin)$/"},
            'Header x-frame-options is "DENY", expected',
        ),
        ({"X-Frame-Options": "/^DE/"}, None),
        ({"X-Frame-Options": "SAMEORIGIN"}, 'is "DENY", expected "SAMEORIGIN"'),
        ({"Server": "x"}, 'Header Server is missing, expected "x"'),
    ],
)
async def test_a_header_must_be_as_wanted(wanted: dict[str, str], message: str | None) -> None:
    found = await wrong(answer(headers={"X-Frame-Options": "DENY"}), headers=wanted)

    assert (found is None) if message is None else (message in (found or ""))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (answer(b"<html>"), "The answer of /health is not JSON"),
        (answer(b""), "The answer of /health is not JSON"),
        (answer(b'{"a"', cut=True), "is longer than 4 B (body_limit), so its JSON can't be read"),
    ],
)
async def test_an_answer_whose_json_cannot_be_read_is_wrong(given: Answer, message: str) -> None:
    assert message in (await wrong(given, json={"$.a": 1}) or "")
    assert message in (await wrong(given, numbers={"a": "$.a"}) or "")


async def test_numbers_are_kept_also_of_a_wrong_answer() -> None:
    numbers = {"depth": "$.queue.length", "open": "$.queue.open"}

    told, found = await expectations(numbers=numbers).judge(answer(BODY, status=503))

    assert told == "HTTP 503 from /health, expected 200"
    assert found == {"depth": 12.0, "open": 1.0}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("$.status", '$.status is "ok", expected a number'),
        ("$.nothing", "$.nothing is missing, expected a number"),
        ("$.queue.last", "$.queue.last is null, expected a number"),
    ],
)
async def test_a_number_that_is_none_is_wrong(path: str, message: str) -> None:
    told, found = await expectations(numbers={"n": path}).judge(answer(BODY))

    assert (told, found) == (message, {})


async def test_a_number_beyond_all_numbers_is_wrong() -> None:
    told, found = await expectations(numbers={"n": "$"}).judge(answer(b"1" * 400))

    assert told and told.startswith("$ is 111") and len(told) < 300
    assert found == {}


async def test_text_that_must_not_be_there_is_wrong() -> None:
    told = await wrong(answer(b"Fatal error"), reject_body="Fatal")

    assert told == "Text that must not be there found in /health"
    assert await wrong(answer(b"all good"), reject_body="Fatal") is None


async def test_what_is_shown_of_an_answer_is_short_clean_and_without_secrets() -> None:
    body = b'{"echo": "Bearer s3cr3t-token\\u0000\\n\\u001b[31m' + b"x" * 1000 + b'"}'

    told = await wrong(answer(body), json={"$.echo": "ok"}, secrets=("s3cr3t-token",))

    assert told and told.isprintable() and len(told) < 300
    assert "s3cr3t" not in told and "***" in told


def test_the_longest_secret_is_masked_first() -> None:
    assert said("abcdefgh", ("abcd", "abcdefgh", "x")) == "***"
