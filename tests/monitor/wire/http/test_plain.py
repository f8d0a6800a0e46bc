"""Plain answers are read as h11 reads them, and whatever is not plain is left to it."""

from __future__ import annotations

import h11
import pytest

from monitor.wire.http.plain import is_head, read

PLAIN = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.0 503 Out of Order\r\nServer:x\r\nEmpty:\r\nSpaced: \t a b\t \r\n\r\nrest",
    b"HTTP/1.1 404 Nicht da \xe4\r\nX-Text: \xc3\xa4\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
]
NOT_PLAIN = [
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nName : value\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nFolded: a\r\n b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nNul: a\x00b\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    b"HTTP/2.0 200 OK\r\n\r\n",
    b"SSH-2.0-OpenSSH\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nNo end",
    b"",
]


@pytest.mark.parametrize("data", PLAIN)
def test_a_plain_answer_is_read_as_h11_reads_it(data: bytes) -> None:
    found = read(data)

    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(data)
    expected = parser.next_event()
    assert isinstance(expected, h11.Response)
    assert found is not None
    assert found.status == expected.status_code
    assert found.fields == tuple(expected.headers)


@pytest.mark.parametrize("data", NOT_PLAIN)
def test_what_is_not_plain_is_left_to_h11(data: bytes) -> None:
    assert read(data) is None


def test_an_answer_that_may_have_no_body_has_none_whatever_it_says() -> None:
    found = read(PLAIN[-1])

    assert found is not None
    assert found.body.length == 0


@pytest.mark.parametrize("data", [b"a\r\n\r\n", b"a\n\n", b"a\r\n\nb"])
def test_a_head_ends_with_an_empty_line_however_lines_end(data: bytes) -> None:
    assert is_head(data)
    assert not is_head(data[:2])
