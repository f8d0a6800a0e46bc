"""Server-sent events, however they are cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.wire.http.sse import LONGEST_EVENT, Events, TooLong


def read(*chunks: bytes) -> list[str]:
    events = Events()
    return [data for chunk in chunks for data in events.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (b"data: one\n\ndata: two\n\n", ["one", "two"]),
        (b"data:one\r\n\r\ndata: two\r\rdata: three\n\n", ["one", "two", "three"]),
        (b"\xef\xbb\xbfdata: one\n\n", ["one"]),
        (b": comment\nevent: x\nid: 1\nretry: 5\ndata: one\ndata: more\n\n", ["one\nmore"]),
        (b"data\n\n", [""]),
        (b"data: \xff\n\n", ["\ufffd"]),
        (b"data: cut off", []),
        (b"data: cut off\n", []),
        (b"\n\n\nother: x\n\n", []),
    ],
)
def test_the_data_of_events_is_read(stream: bytes, data: list[str]) -> None:
    assert read(stream) == data


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1)


@given(
    st.lists(TEXT.filter(lambda text: not text.startswith(" "))),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 9),
)
def test_pieces_of_any_size_are_put_together(texts: list[str], end: str, size: int) -> None:
    stream = "".join(f"data: {text}{end}{end}" for text in texts).encode()
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]

    assert read(*chunks) == texts


@pytest.mark.parametrize("line", [b"x" * 1000, b"data: " + b"x" * 1000 + b"\n"])
def test_an_event_without_end_is_refused(line: bytes) -> None:
    with pytest.raises(TooLong):
        read(*[line] * (LONGEST_EVENT // 1000 + 2))
