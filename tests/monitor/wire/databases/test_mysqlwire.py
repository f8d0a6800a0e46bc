"""The MySQL protocol's packets: what real servers send is read, what none sends is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysql import _auth  # type: ignore[import-untyped]  # it has no types; a second opinion

from monitor.wire.databases.mysqlwire import (
    NUMBERS,
    Login,
    ProtocolError,
    _proof,
    parse_column,
    parse_error,
    parse_greeting,
    parse_row,
)

# As MariaDB 10.11 and MySQL 8.0 send them.
MARIADB = bytes.fromhex(
    "0a352e352e352d31302e31312e31392d4d61726961444200"
    "0500000061626364656667680 0feff2d0200ffc1150000000000001d000000"
    "696a6b6c6d6e6f707172737400".replace(" ", "")
) + (b"mysql_native_password\0")
MYSQL = (
    b"\x0a8.0.40\0\x07\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15"
    + b"\0" * 10
    + b"ijklmnopqrst\0caching_sha2_password\0"
)


@pytest.mark.parametrize(
    ("packet", "version", "plugin", "is_mariadb"),
    [
        (MARIADB, "5.5.5-10.11.19-MariaDB", "mysql_native_password", True),
        (MYSQL, "8.0.40", "caching_sha2_password", False),
        (MYSQL.removesuffix(b"caching_sha2_password\0"), "8.0.40", "mysql_native_password", False),
    ],
)
def test_a_greeting_is_read(packet: bytes, version: str, plugin: str, is_mariadb: bool) -> None:
    greeting = parse_greeting(packet)

    assert (greeting.version, greeting.plugin) == (version, plugin)
    assert greeting.salt == b"abcdefghijklmnopqrst"
    assert greeting.capabilities & 0x800
    assert greeting.is_mariadb is is_mariadb


def test_an_error_is_read_with_and_without_its_state() -> None:
    with_state = parse_error(b"\xff\x15\x04#28000Access denied")
    without = parse_error(b"\xff\x10\x04Too many connections")

    assert (with_state.number, str(with_state)) == (1045, "Access denied")
    assert (without.number, str(without)) == (1040, "Too many connections")


@given(
    st.lists(
        st.one_of(st.none(), st.text(max_size=300), st.integers(-(2**63), 2**64 - 1)), max_size=8
    )
)
def test_a_row_is_read_as_it_was_written(values: list[str | int | None]) -> None:
    packet = b"".join(b"\xfb" if value is None else lenenc(str(value)) for value in values)

    assert parse_row(packet, [isinstance(value, int) for value in values]) == [
        float(value) if isinstance(value, int) and len(str(value)) > 19 else value
        for value in values
    ]


def lenenc(text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    size = len(raw)
    head = bytes([size]) if size < 0xFB else b"\xfc" + size.to_bytes(2, "little")
    return head + raw


@given(st.binary(max_size=200))
def test_garbage_is_refused_and_nothing_else_goes_wrong(packet: bytes) -> None:
    for parse in (parse_greeting, parse_column):
        with contextlib.suppress(ProtocolError):
            parse(packet)
    with contextlib.suppress(ProtocolError):
        parse_row(packet, [True, False, True])
    assert parse_error(packet).number >= 0


def test_the_type_of_a_column_is_read() -> None:
    names = b"".join(lenenc(each) for each in ("def", "sales", "orders", "orders", "id", "id"))

    assert parse_column(names + b"\x0c\x3f\0\x0b\0\0\0\x03\0\0\0\0\0") == 3
    assert 3 in NUMBERS and 253 not in NUMBERS


@given(
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace").decode()),
    st.binary(min_size=20, max_size=20),
)
def test_the_proof_of_a_password_is_that_of_another_client(password: str, salt: bytes) -> None:
    secret = password.encode()

    native = _auth.scramble_native_password(secret, salt)
    sha2 = _auth.scramble_caching_sha2(secret, salt)

    assert _proof("mysql_native_password", password, salt) == native
    assert _proof("caching_sha2_password", password, salt) == sha2
    assert _proof("mysql_clear_password", password, salt) is None


def test_the_text_of_a_login_is_without_the_password() -> None:
    assert "s3cret" not in repr(Login(user="ada", password="s3cret", database="sales"))
