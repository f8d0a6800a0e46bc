"""Lists a page at a time: how many entries are asked for, and after which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import TypeVar

from flask import request

from dashboard.api.orders import Refused
from storage.engine import UNSTORABLE

T = TypeVar("T")
LONGEST_NAME = 1_000
# Of a list that is short in most installations.
LARGEST_PAGE = 1_000


def limit(usual: int, most: int) -> int:
    """How many entries `?limit=` asks for. Raises Refused for what is no such number."""
    text = request.args.get("limit")
    if text is None:
        return usual
    # By its length first: Python refuses to read thousands of digits.
    fits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not fits or not 1 <= int(text) <= most:
        raise Refused(f"limit: must be a whole number from 1 to {most}")
    return int(text)


def named_cursor() -> str | None:
    """The name after which the page begins, by `?cursor=`. Raises Refused for what can't be one."""
    text = request.args.get("cursor")
    if text is not None and (not text or len(text) > LONGEST_NAME or UNSTORABLE.search(text)):
        raise wrong_cursor()
    return text


def numbered_cursor(most: int) -> int | None:
    """The number after which the page begins, by `?cursor=`. Raises Refused for what is none."""
    text = request.args.get("cursor")
    if text is None:
        return None
    # By its length first, as above.
    fits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not fits or not 1 <= int(text) <= most:
        raise wrong_cursor()
    return int(text)


def cut(
    found: Sequence[T], most: int, cursor: Callable[[T], str]
) -> tuple[Sequence[T], str | None]:
    """The entries of a page, and the cursor of the next one; None when there is none.

    `found` has one entry more than `most` when there are further ones.
    """
    shown = found[:most]
    return shown, cursor(shown[-1]) if len(found) > most else None


def part(
    found: Iterable[T], mark: Callable[[T], str], most: int = LARGEST_PAGE
) -> tuple[Sequence[T], str | None]:
    """The page asked for of what is at hand whole, in the order of its marks, as `cut` gives it.

    The cursor is the mark of the last entry, so that a page begins right when that one is gone.
    """
    wanted, after = limit(most, most), named_cursor() or ""
    later = sorted(((mark(each), each) for each in found), key=itemgetter(0))
    return cut([each for at, each in later if at > after], wanted, mark)


def wrong_cursor() -> Refused:
    """What is said of a cursor that no answer gave."""
    return Refused("cursor: take it from `next` of the answer before")
