"""Matchers: which components a silence, a maintenance window or a recovery is about.

Written as a table: `match = { name = "shop-*", tags = ["shop"], kind = "http" }`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import lru_cache

from domain.checktable import plain

LONGEST_PATTERN = 200
# What makes more of a pattern than the text that it is.
GLOB = frozenset("*?[")
# A set of characters as `fnmatch` reads it: a "]" that comes first is one of them.
SET = re.compile(r"\[!?+\]?+[^\]]*\]")
RANGE = re.compile(r"(.)-(.)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a matcher looks at: a check, or a rule that stands for itself (its id is the name).

    `severity` is that of the incident in the words of incidents; empty where there is none.
    """

    name: str
    kind: str
    tags: frozenset[str] = frozenset()
    group: str = ""
    severity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Every field that is given must match; within a field any of its patterns does.

    Patterns are shell globs (`*`, `?`, `[ab]`, `[!ab]`), compared with case. Without fields it
    matches all.
    """

    name: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether it could leave nothing out, whatever there is: such a thing is asked for twice.

        What leaves out nothing of what there is now, `Present` knows.
        """
        given = [getattr(self, each.name) for each in fields(self)]
        return all(not patterns or any(_is_any(each) for each in patterns) for patterns in given)

    @property
    def words(self) -> str:
        """The matcher as people read it: `name shop-*, tags shop`."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        parts = [f"{key} {' or '.join(texts)}" for key, texts in given.items() if texts]
        return ", ".join(parts) or "everything"


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """All that there is to be matched now: the checks, and the rules that stand for themselves."""

    checks: tuple[Subject, ...] = ()
    rules: tuple[Subject, ...] = ()

    def all_of(self, match: Match) -> str | None:
        """What of it a matcher leaves nothing out of, in words; None when something is left out.

        However narrow a pattern looks: a tag that all checks bear covers them all. One alone is
        no crowd: who names the only check means it.
        """
        everything = (*self.checks, *self.rules)
        for what, subjects in (("checks", self.checks), ("checks and rules", everything)):
            if len(subjects) > 1 and all(matches(match, each) for each in subjects):
                return f"all {len(subjects)} {what} that there are"
        return None


def matches(match: Match, subject: Subject) -> bool:
    """Whether the matcher is about the subject."""
    return (
        _any(match.name, (subject.name,))
        and _any(match.kind, (subject.kind,))
        and _any(match.tags, subject.tags)
        and _any(match.group, (subject.group,))
        and _any(match.severity, (subject.severity,))
    )


def read_match(table: object) -> Match:
    """The matcher of a table. Raises ValueError that names the key and what is wrong with it."""
    if not isinstance(table, Mapping):
        raise ValueError('must be a table like { name = "shop-*" } or { tags = ["shop"] }')
    known = [each.name for each in fields(Match)]
    for key in table:
        if key not in known:
            raise ValueError(f"has no key {str(key)!r}: use {', '.join(known)}")
    return Match(**{str(key): _patterns(str(key), value) for key, value in table.items()})


def stored_match(table: Mapping[str, Sequence[str]]) -> Match:
    """The matcher of a table that `as_table` made once; what may be written now is not asked."""
    return Match(**{key: tuple(texts) for key, texts in table.items()})


def as_table(match: Match) -> dict[str, list[str]]:
    """The matcher as a plain table, without the fields that are not given."""
    given = {each.name: list(getattr(match, each.name)) for each in fields(match)}
    return {key: texts for key, texts in given.items() if texts}


def _patterns(key: str, value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not texts:
        raise ValueError(f"{key} must be a text or a list of texts that is not empty")
    for text in texts:
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_PATTERN:
            raise ValueError(f"{key} must hold texts of 1 to {LONGEST_PATTERN} characters")
    try:
        return tuple(checked_pattern(text) for text in texts)
    except ValueError as error:
        raise ValueError(f"{key} {error}") from None


def checked_pattern(text: str) -> str:
    """A pattern in the one normal form that names have (NFC). Raises ValueError for a broken one.

    Broken is what could never match as it was meant: a set that is not closed, a range backwards.
    """
    normal = unicodedata.normalize("NFC", plain(text))
    if "[" in SET.sub("", normal):
        raise ValueError('must not have a "[" that is not closed: the character itself is "[[]"')
    for found in SET.findall(normal):
        for low, high in RANGE.findall(found[1:-1]):
            if low > high:
                raise ValueError(
                    f'must not have a range backwards: "{low}-{high}" has nothing in it'
                )
    return normal


def _is_any(pattern: str) -> bool:
    """Whether a pattern lets every name through: `*`, `**`, `?*`."""
    return "*" in pattern and not pattern.strip("*?")


def _any(patterns: tuple[str, ...], values: frozenset[str] | tuple[str, ...]) -> bool:
    if not patterns:
        return True
    names, globs = _parted(patterns)
    return any(value in names for value in values) or any(
        fnmatchcase(value, glob) for glob in globs for value in values
    )


# A window over a thousand checks by name is asked about each result: it must be one look-up.
@lru_cache(maxsize=1024)
def _parted(patterns: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """The patterns that stand for themselves alone, and those with a `*`, `?` or `[` in them."""
    globs = tuple(pattern for pattern in patterns if not GLOB.isdisjoint(pattern))
    return frozenset(patterns).difference(globs), globs
