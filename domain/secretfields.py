"""Secrets in tables: where one may stand, how it is written, and what is shown in its place.

A secret is written as `${NAME}` (a variable of the monitor's environment) or `file:/path` (a file
of its machine). What was written out in the file all the same is never shown, and an edit over HTTP
may not write one out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.mistakes import MASK, SECRET_KEY, without_credentials

PLACEHOLDER = re.compile(r"\$\$\{|\$\{([^}]*)\}")
FILE = re.compile(r"file:(\S+)")
# Settings that say nothing which every viewer may not know.
HARMLESS = frozenset({"web.url", "web.host", "web.port"})
# Tables whose keys are names of their own: a header `Authorization`, a variable `PGPASSWORD`.
NAMED_VALUES = frozenset({"headers", "env", "config"})
# Kinds of definitions that hold secrets, each with the fields that are one as a whole.
SECRETIVE: Mapping[str, frozenset[str]] = {
    "check": frozenset(),
    "channel": frozenset({"url", "headers"}),
}
URL_PASSWORD = re.compile(r"//[^/?#\s@]*:[^/?#\s]+@")
QUERY_SECRET = re.compile(rf"[?&][^=&\s]*(?:{SECRET_KEY.pattern})[^=&\s]*=[^&\s]", re.IGNORECASE)
# `"password": "x"` in a body, `--token=x` in an argument.
SPELT_OUT = re.compile(rf"(?:{SECRET_KEY.pattern})\w*[\"']?\s*[:=]\s*\S", re.IGNORECASE)
WRITE = "a secret is written as ${NAME} or file:/path, never as itself"
NOT_SHOWN = f"{MASK} stands for what is not shown: {WRITE}"


def is_secret(key: str) -> bool:
    """Whether a field of this name holds a secret. Names of files that hold one are none."""
    return bool(SECRET_KEY.search(key)) and not key.endswith("_file")


def placeholders(value: Any) -> Iterator[str]:
    """The variables and files that stand in a value, in nested lists and tables too."""
    if isinstance(value, str):
        if FILE.fullmatch(value):
            yield value
        yield from (found[1] for found in PLACEHOLDER.finditer(value) if found[1] is not None)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from placeholders(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from placeholders(each)


def holds_secrets(table: Mapping[str, Any]) -> bool:
    """Whether a table reads a secret from somewhere, or has one written out in it."""
    return bool(set(placeholders(table)) - HARMLESS) or veiled(table) != table


def veiled(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table as everybody may see it: `***` for what is, or may be, a secret written out."""
    return {key: _veiled(key, value) for key, value in table.items()}


def recorded(kind: str, table: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What an audit keeps of a table: of checks and channels nothing that is, or may be, a secret.

    The address of a channel is often its password, and so are its headers.
    """
    if table is None or kind not in SECRETIVE:
        return None if table is None else dict(table)
    hidden = SECRETIVE[kind]
    return {
        key: MASK if key in hidden and _is_literal(value) else _veiled(key, value)
        for key, value in table.items()
    }


def restored(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What is given with `***` where nothing was changed: what stood there before."""
    return {key: _restored(key, value, before.get(key)) for key, value in given.items()}


def spelt_out(given: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields in which a secret is newly written out, each with what to do about it."""
    for key, value in given.items():
        stood = before.get(key)
        if value == stood:
            continue
        if MASK in _texts(value):
            yield key, NOT_SHOWN
        elif isinstance(value, Mapping) and key in NAMED_VALUES:
            known = stood if isinstance(stood, Mapping) else {}
            new = {name: each for name, each in value.items() if each != known.get(name)}
            names = [name for name, each in new.items() if is_secret(name) and _is_literal(each)]
            if names:
                yield key, f"{names[0]} is a secret: {WRITE}"
        elif is_secret(key) and _is_literal(value):
            yield key, WRITE
        elif isinstance(value, str) and _has_credentials(value):
            yield key, f"has a password or token in it: {WRITE}"


def _veiled(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        inside = key in NAMED_VALUES
        return {name: _veiled(name if inside else "", each) for name, each in value.items()}
    if is_secret(key) and _is_literal(value):
        return MASK
    if isinstance(value, str):
        return _veiled_text(value)
    if isinstance(value, list | tuple):
        return [_veiled("", each) for each in value]
    return value


def _veiled_text(text: str) -> str:
    if "://" in text:
        plain = _has_credentials(text) or not list(placeholders(text))
        return without_credentials(text) if plain else text
    return MASK if SPELT_OUT.search(text) and _is_literal(text) else text


def _restored(key: str, given: Any, before: Any) -> Any:
    if isinstance(given, Mapping) and isinstance(before, Mapping):
        inside = key in NAMED_VALUES
        return {
            name: _restored(name if inside else "", each, before.get(name))
            for name, each in given.items()
        }
    changed = before is None or _veiled(key, before) != given
    return given if changed else before


def _is_literal(value: Any) -> bool:
    """Whether a value is there and is no placeholder, wholly or in part."""
    return value not in (None, "", [], {}) and not list(placeholders(value))


def _has_credentials(text: str) -> bool:
    """Whether an address has a password or a token in it that no placeholder stands for."""
    bare = PLACEHOLDER.sub("", text)
    return any(found.search(bare) for found in (URL_PASSWORD, QUERY_SECRET))


def _texts(value: Any) -> str:
    """All texts of a value, one after the other."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return " ".join(map(_texts, value.values()))
    return " ".join(map(_texts, value)) if isinstance(value, list | tuple) else ""
