"""Matchers: which components a silence, a maintenance window or a recovery is about.

Written as a table: `match = { name = "shop-*", tags = ["shop"], kind = "http" }`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase


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

    Patterns are shell globs (`*`, `?`, `[ab]`), compared with case. Without fields it matches all.
    """

    name: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether it names nothing, or only `*`: what it mutes should be asked for twice."""
        given = [getattr(self, each.name) for each in fields(self)]
        return all(not patterns or any(_is_any(each) for each in patterns) for patterns in given)

    @property
    def words(self) -> str:
        """The matcher as people read it: `name shop-*, tags shop`."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        parts = [f"{key} {' or '.join(texts)}" for key, texts in given.items() if texts]
        return ", ".join(parts) or "everything"


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


def as_table(match: Match) -> dict[str, list[str]]:
    """The matcher as a plain table, without the fields that are not given."""
    given = {each.name: list(getattr(match, each.name)) for each in fields(match)}
    return {key: texts for key, texts in given.items() if texts}


def _patterns(key: str, value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not texts:
        raise ValueError(f"{key} must be a text or a list of texts that is not empty")
    for text in texts:
        if not isinstance(text, str) or not text.strip() or len(text) > 200:
            raise ValueError(f"{key} must hold texts of 1 to 200 characters")
    return tuple(texts)


def _is_any(pattern: str) -> bool:
    """Whether a pattern lets every name through: `*`, `**`, `?*`."""
    return "*" in pattern and not pattern.strip("*?")


def _any(patterns: tuple[str, ...], values: frozenset[str] | tuple[str, ...]) -> bool:
    if not patterns:
        return True
    return any(fnmatchcase(value, pattern) for pattern in patterns for value in values)
