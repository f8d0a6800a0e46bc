"""Digest authentication: the examples of RFC 7616, and challenges that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.wire.http.digest import authorization, challenge_of

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def challenge(algorithm: str) -> str:
    return (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        f'nonce="{NONCE}", opaque="{OPAQUE}"'
    )


def answered(value: str) -> str:
    found = challenge_of([value])
    assert found is not None
    return authorization(
        found,
        username="Mufasa",
        password="Circle of Life",
        method="GET",
        target="/dir/index.html",
        cnonce=CNONCE,
    )


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_the_rfc_are_answered_as_there(algorithm: str, response: str) -> None:
    text = answered(challenge(algorithm))

    assert f'response="{response}"' in text
    for part in ('uri="/dir/index.html"', f'opaque="{OPAQUE}"', "qop=auth", "nc=00000001"):
        assert part in text


def test_a_challenge_without_qop_is_answered_as_in_rfc_2069() -> None:
    text = answered('Digest realm="r", nonce="n"')

    assert "qop" not in text and "cnonce" not in text


def test_the_better_of_two_challenges_is_answered() -> None:
    two = [challenge("MD5"), challenge("SHA-256")]

    for values in (two, two[::-1], [", ".join(two)], ['Basic realm="x", ' + ", ".join(two)]):
        found = challenge_of(values)
        assert found is not None and found["algorithm"] == "SHA-256"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic realm=x",
        "Digest",
        'Digest realm="r"',
        'Digest nonce="n", algorithm=SHA-512-256',
        'Digest nonce="n", qop="auth-int"',
        'Digest nonce="n\r\nX: y"',
        "Digest nonce=" + "x" * 10_000_000 + ", qop=none",
    ],
)
def test_what_cannot_be_answered_is_left(value: str) -> None:
    assert challenge_of([value]) is None or len(value) > 4096


@given(st.text().map(lambda text: f"Digest {text}"))
def test_no_challenge_breaks_the_parser_or_the_answer(value: str) -> None:
    found = challenge_of([value])

    if found is not None:
        text = authorization(found, username="u", password="p", method="GET", target="/")
        assert text.isascii() and text.isprintable()
