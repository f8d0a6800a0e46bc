"""What in a table is a secret: shown to nobody, written as a placeholder, kept when it comes back."""

from __future__ import annotations

from typing import Any

import pytest

from domain.checkrights import Reserved, reserved
from domain.secretfields import holds_secrets, placeholders, restored, spelt_out, veiled


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"password": "pa55"}, {"password": "***"}),
        ({"password": "${PASSWORD}"}, {"password": "${PASSWORD}"}),
        ({"bearer_token": "file:/run/token"}, {"bearer_token": "file:/run/token"}),
        ({"key_file": "/etc/key.pem"}, {"key_file": "/etc/key.pem"}),
        ({"url": "postgresql://ana:pa55@db/shop"}, {"url": "postgresql://***@db/shop"}),
        ({"url": "postgresql://ana:${PW}@db/shop"}, {"url": "postgresql://ana:${PW}@db/shop"}),
        ({"url": "https://t0ken@shop.example/"}, {"url": "https://***@shop.example/"}),
        ({"url": "https://x/?api_key=abc&a=1"}, {"url": "https://x/?api_key=***&a=1"}),
        ({"url": "https://x/?api_key=${KEY}"}, {"url": "https://x/?api_key=${KEY}"}),
        (
            {"headers": {"Cookie": "a", "Accept": "b"}},
            {"headers": {"Cookie": "***", "Accept": "b"}},
        ),
        ({"metrics_json": {"tokens": "a.b"}}, {"metrics_json": {"tokens": "a.b"}}),
        ({"body": '{"password": "pa55"}'}, {"body": "***"}),
        ({"command": ["/bin/x", "--token=abc", "-v"]}, {"command": ["/bin/x", "***", "-v"]}),
        ({"tags": ["key"], "weight": 2}, {"tags": ["key"], "weight": 2}),
    ],
)
def test_what_is_written_out_is_not_shown_and_placeholders_are(
    given: dict[str, Any], shown: dict[str, Any]
) -> None:
    assert veiled(given) == shown


def test_what_comes_back_masked_is_what_stood_there() -> None:
    before = {"url": "http://ana:pa55@h/", "headers": {"X-Token": "t0ken", "Accept": "a"}}
    given = {"url": "http://***@h/", "headers": {"X-Token": "***", "Accept": "b"}}

    fields = restored(given, before)

    assert fields == {**before, "headers": {"X-Token": "t0ken", "Accept": "b"}}
    assert list(spelt_out(fields, before)) == []


@pytest.mark.parametrize(
    "given",
    [
        {"password": "new"},
        {"password": "***"},
        {"url": "http://***@elsewhere/"},
        {"url": "http://ana:new@h/"},
        {"headers": {"X-Token": "new"}},
    ],
)
def test_a_secret_that_is_newly_written_out_is_told_with_the_way_to_write_it(
    given: dict[str, Any],
) -> None:
    before = {"url": "http://ana:pa55@h/", "headers": {"X-Token": "t0ken"}}

    ((key, why),) = spelt_out(restored(given, before), before)

    assert key in given
    assert "${NAME} or file:/path" in why


def test_a_doubled_dollar_is_no_placeholder() -> None:
    assert list(placeholders({"a": "$${X}", "b": ["${Y}", {"c": "file:/z"}]})) == ["Y", "file:/z"]
    assert not holds_secrets({"url": "${web.url}/health", "body": "$${X}"})


@pytest.mark.parametrize(
    ("table", "given", "why"),
    [
        ({"kind": "http", "url": "http://x/"}, {"url": "http://x/"}, None),
        ({"kind": "http", "url": "${web.url}/"}, {"url": "${web.url}/"}, None),
        ({"kind": "http", "url": "http://x/", "password": "${P}"}, {"interval": "1m"}, None),
        ({"kind": "http", "url": "http://y/", "password": "${P}"}, {"url": 1}, Reserved.SECRETS),
        ({"kind": "http", "url": "http://y/", "password": "pa55"}, {"url": 1}, Reserved.SECRETS),
        ({"kind": "http", "description": "${P}"}, {"description": "${P}"}, Reserved.SECRETS),
        ({"kind": "command", "command": ["/bin/x"]}, {"interval": "1m"}, Reserved.LOCAL_CODE),
        ({"kind": "sql", "url": " SQLite:///x"}, {"url": "x"}, Reserved.FILES),
        ({"kind": "sql", "url": "mysql://h/x"}, {"url": "x"}, None),
        ({"kind": "file", "path": "/x"}, {"path": "/x"}, None),
        ({"kind": "file", "path": "/x", "expect_text": "a"}, {"path": "/x"}, Reserved.FILES),
    ],
)
def test_what_is_left_to_administrators(
    table: dict[str, Any], given: dict[str, Any], why: Reserved | None
) -> None:
    assert reserved(table, given) is why
