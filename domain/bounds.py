"""Texts that must fit a column: one that is too long ends in a digest of the whole."""

from __future__ import annotations

import hashlib

DIGEST = 16


def bounded(text: str, longest: int) -> str:
    """The text itself if it has at most `longest` characters, else one of that length.

    The same text gives the same answer always; two different ones differ.
    """
    if len(text) <= longest:
        return text
    # Lone surrogates, as in the names of files, have no UTF-8.
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:DIGEST]
    return f"{text[: longest - DIGEST - 1]}~{digest}"
