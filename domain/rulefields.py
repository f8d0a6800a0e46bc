"""The keys of a `[[rule]]` table: what each may hold, and why a value does not fit it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated

from msgspec import Meta

from domain.alertrules import Missing, RuleKind
from domain.checktable import name, plain
from domain.fields import LONGEST_S, Field, duration, level
from domain.incidents import Severity
from domain.matching import checked_pattern
from domain.mistakes import shown
from domain.paging import WORDS
from domain.rules import operator
from domain.units import seconds, span

IDENTITY = re.compile(r"\w[\w.\-]*")
LONGEST_ID = 100
LONGEST_METRIC = 200
# Both the words of `severities` in channels and those of incidents themselves.
SEVERITIES: Mapping[str, Severity] = {
    **{each.word: each for each in Severity},
    **{word: found[0] for word, found in WORDS.items()},
}
# How a severity is written back: the words of the configuration first.
SEVERITY_WORDS: Mapping[Severity, str] = {
    **{each: each.word for each in Severity},
    Severity.MINOR: "warning",
    Severity.MAJOR: "error",
}


def _identity(text: str) -> str:
    if not IDENTITY.fullmatch(text) or len(text) > LONGEST_ID:
        raise ValueError(
            f'must be letters, digits, ".", "_" and "-", at most {LONGEST_ID}, like "cpu-high"'
        )
    return text


def _line(text: str) -> str:
    if not plain(text).strip():
        raise ValueError("must not be empty")
    return text.strip()


def _metric(text: str) -> str:
    if not _line(text) or len(text) > LONGEST_METRIC or any(part.isspace() for part in text):
        raise ValueError('must be the name of a metric, like "system.cpu.percent"')
    return text


def _names(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name(text) for text in texts))


def _globs(given: dict[str, str]) -> dict[str, str]:
    for label, glob in given.items():
        if not label.strip() or not glob:
            raise ValueError(
                'must name labels with a value or a pattern, like { mount = "/home*" }'
            )
        plain(label)
    return {label: checked_pattern(glob) for label, glob in given.items()}


def _length(text: str) -> float:
    """A duration that may be none at all, in seconds."""
    length = seconds(text)
    if length > LONGEST_S:
        raise ValueError(f"must be at most {span(LONGEST_S)}")
    return length


def _severity(text: str) -> Severity:
    if text not in SEVERITIES:
        raise ValueError(f"must be one of {', '.join(map(shown, WORDS))}")
    return SEVERITIES[text]


def _choice(choices: type[RuleKind] | type[Missing]) -> Callable[[str], RuleKind | Missing]:
    def choose(text: str) -> RuleKind | Missing:
        if text not in list(choices):
            raise ValueError(f"must be one of {', '.join(map(shown, choices))}")
        return choices(text)

    return choose


Level = Field(type=float, then=level)
Texts = Field(type=tuple[str, ...], then=_names)
KEYS: Mapping[str, Field] = {
    "id": Field(type=str, then=_identity),
    "title": Field(type=Annotated[str, Meta(max_length=200)], then=_line),
    "name": Field(type=Annotated[str, Meta(max_length=200)], then=_line, attribute="title"),
    "description": Field(type=Annotated[str, Meta(max_length=2000)]),
    "runbook": Field(type=Annotated[str, Meta(max_length=10_000)]),
    "message": Field(type=Annotated[str, Meta(max_length=500)], then=plain),
    "kind": Field(type=str, then=_choice(RuleKind)),
    "metric": Field(type=str, then=_metric),
    "check": Field(type=str, then=name),
    "labels": Field(type=dict[str, str], then=_globs),
    "operator": Field(type=str, then=operator),
    "warning": Level,
    "critical": Level,
    "clear_warning": Level,
    "clear_critical": Level,
    "for": Field(type=str, then=_length, attribute="for_s"),
    "keep_firing_for": Field(type=str, then=_length, attribute="keep_firing_for_s"),
    "window": Field(type=str, then=duration, attribute="window_s"),
    "reaches": Level,
    "missing": Field(type=str, then=_choice(Missing)),
    "interval": Field(type=str, then=duration, attribute="interval_s"),
    "severity": Field(type=str, then=_severity),
    "cooldown": Field(type=str, then=_length, attribute="cooldown_s"),
    "enabled": Field(type=bool),
    "channels": Texts,
    "actions": Texts,
    "tags": Texts,
}
