"""Texts that must fit a column."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.bounds import DIGEST, bounded

TEXTS = st.text(st.characters(), max_size=90)


@given(TEXTS, TEXTS)
def test_what_fits_stays_and_what_does_not_stays_distinct(one: str, other: str) -> None:
    found = [bounded(text, 40) for text in (one, other)]

    assert all(len(each) <= 40 for each in found)
    assert (found[0] == found[1]) == (one == other)
    assert found[0] == one or len(one) > 40


def test_a_text_that_is_cut_says_so_and_is_always_the_same() -> None:
    text = "rule:disk:mount=/" + "x" * 400

    cut = bounded(text, 300)

    assert cut == bounded(text, 300)
    assert cut.startswith("rule:disk:mount=/xxx") and cut[-DIGEST - 1] == "~"


def test_the_names_of_files_that_are_no_unicode_are_cut_too() -> None:
    assert len(bounded("/mnt/\udc80" + "x" * 400, 300)) == 300
