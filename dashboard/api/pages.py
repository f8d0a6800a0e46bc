"""Lists a page at a time: how many entries are asked for, and after which."""

from __future__ import annotations

from flask import request

from dashboard.api.orders import Refused


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


def wrong_cursor() -> Refused:
    """What is said of a cursor that no answer gave."""
    return Refused("cursor: take it from `next` of the answer before")
