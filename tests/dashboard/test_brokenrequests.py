"""What is no HTTP request is refused as a problem too, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.dashboard.test_connections import Served, serving

HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1e3\r\n\r\n", 400),
        (HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", 413),
        (HEAD + b"Content-Length: 2000000\r\n\r\n", 413),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ],
)
def test_what_can_not_be_read_is_answered_with_a_problem_that_has_a_name(
    server: Served, sent: bytes, status: int
) -> None:
    with server.connect() as client:
        client.sendall(sent)
        told = b""
        while piece := client.recv(65536):
            told += piece

    head, _, body = told.partition(b"\r\n\r\n")
    found = json.loads(body)
    assert int(head.split()[1]) == found["status"] == status
    assert b"Content-Type: application/problem+json" in head
    assert f"X-Request-Id: {found['request_id']}".encode() in head
    assert found["detail"]
