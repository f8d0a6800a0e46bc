"""Mistakes in a configuration: where, which key, what was given and why it can't be; all at once.

Hierarchy: Exception ← ConfigError (carries every Mistake found); ValueError ← WrongFields.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

KeyPath: TypeAlias = "tuple[str | int, ...]"

MASK = "***"
SHOWN_CHARACTERS = 100
SHOWN_BITS = 256
SECRET_KEY = re.compile(
    r"passw|passphrase|token|secret|key|credential|authorization|cookie", re.IGNORECASE
)
URL_USER = re.compile(r"(:/{1,3}|^//)\S*@")
# Without a scheme, or with a broken one, it is a password all the same.
BARE_USER = re.compile(r"[^\s@:/]+:(?!/)\S*@")
URL_SECRET = re.compile(rf"([?&][^=&\s]*(?:{SECRET_KEY.pattern})[^=&\s]*=)[^&\s]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake. `given` is the value as it may be shown: secrets are masked already.

    `path` finds the line in the file: `("check", 2, "interval")` is a key of the third check.
    """

    key: str
    reason: str
    given: str | None = None
    file: str | None = None
    line: int | None = None
    path: KeyPath = ()

    def __str__(self) -> str:
        """One line: `config.toml:14: web.port = "x": must be a whole number, not text`."""
        place = "" if self.file is None else f"{self.file}: "
        if self.file is not None and self.line is not None:
            place = f"{self.file}:{self.line}: "
        given = "" if self.given is None else f" = {self.given}"
        return f"{place}{self.key}{given}: {self.reason}"


class ConfigError(Exception):
    """The configuration is refused. `mistakes` are all that were found, in the file's order."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class WrongFields(ValueError):
    """Fields that fit their types and still can't work: each with its key and the reason.

    Checks and channels raise it from `__post_init__`, with all at once. Reasons repeat no values.
    """

    def __init__(self, reasons: Iterable[tuple[str, str]]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("; ".join(f"{key} {reason}" for key, reason in self.reasons))


def wrong_fields(error: ValueError, keys: Collection[str]) -> tuple[tuple[str | None, str], ...]:
    """Which fields a refused check or channel means, with the reasons; None is all of it.

    A plain ValueError means the field that its text begins with.
    """
    if isinstance(error, WrongFields):
        return error.reasons
    first, _, rest = str(error).partition(" ")
    return ((first, rest) if first in keys else (None, str(error)),)


def located(
    mistakes: Iterable[Mistake], file: str, lines: Mapping[KeyPath, int]
) -> tuple[Mistake, ...]:
    """The mistakes with file and line, in the order of the file. Those of other sources stay."""
    found = (
        mistake
        if mistake.file is not None
        else replace(mistake, file=file, line=line_of(mistake.path, lines))
        for mistake in mistakes
    )
    return tuple(sorted(found, key=lambda mistake: mistake.line or 0))


def line_of(path: KeyPath, lines: Mapping[KeyPath, int]) -> int | None:
    """The line of the key, else of the innermost table around it; None when nothing is known."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def unknown_key(name: str, value: object, known: Iterable[str], key: str, path: KeyPath) -> Mistake:
    """The mistake for a key that does not exist, with the one that was probably meant."""
    meant = closest(name, known)
    hint = f', did you mean "{meant}"?' if meant else ""
    # A secret behind a misspelt `passwrod` must not be shown either.
    given = shown(value, f"{name} {meant}")
    return Mistake(key=key, given=given, reason=f"unknown key{hint}", path=path)


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is spelt most like `name`; None when none comes near."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return found[0] if found else None


def shown(value: object, key: str = "") -> str:
    """A value as TOML would write it, on one line, shortened; masked where `key` looks secret."""
    text = "".join(_visible(character) for character in _rendered(value, key))
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"


def without_credentials(text: str) -> str:
    """The text with user, password and secret parameters of URLs masked."""
    masked = BARE_USER.sub(f"{MASK}@", URL_USER.sub(rf"\1{MASK}@", text))
    return URL_SECRET.sub(rf"\1{MASK}", masked)


def _rendered(value: object, key: str) -> str:
    if SECRET_KEY.search(key):
        return MASK
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{without_credentials(value)}"'
    if isinstance(value, Mapping):
        pairs = (f"{name} = {_rendered(value[name], str(name))}" for name in value)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Sequence):
        return f"[{', '.join(_rendered(each, '') for each in value)}]"
    if isinstance(value, int) and value.bit_length() > SHOWN_BITS:
        return "a very large number"
    return str(value)


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
