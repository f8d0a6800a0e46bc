"""The Business page: which pushed metrics stand together, and how the series of one are combined."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.facts import SeriesKind
from domain.pushing import OWN
from domain.units import unit_of

OTHER = "Other"
# By words of the name; the first group that has one of them is the metric's.
GROUPS: Sequence[tuple[str, str]] = (
    ("AI providers", r"ai|llm|openai|anthropic|gpt|model|models|tokens?|completions?"),
    (
        "Git providers",
        r"git|github|gitlab|bitbucket|commits?|pulls?|repos?|repository|repositories",
    ),
    ("Cost", r"cost|costs|usd|dollars|spend|spent|price|budget"),
    ("Files", r"files?|documents?|uploads?|downloads?"),
    ("Workflows", r"workflows?|jobs?|tasks?|pipelines?|runs?"),
    ("Users and features", r"users?|sessions?|features?|signups?|logins?|customers?|orders?"),
    ("Cache", r"cache|cached|hits?|misses"),
    ("Requests", r"api|requests?|calls?|endpoints?|http|connections?"),
    ("Errors", r"errors?|failures?|failed|exceptions?"),
    ("Durations", r"duration|durations|latency|seconds|ms"),
)
ORDER = (*(title for title, _ in GROUPS), OTHER)
# What is no amount: of several series it is averaged, never added up.
AVERAGED = re.compile(r"(?:^|[._])(?:rate|ratio|percent|duration|latency|seconds|ms|score|age)$")
ENDINGS = ("_bucket", "_sum", "_count")
DOLLARS = re.compile(r"(?:^|[._])(?:usd|dollars)(?:[._]total)?$")
# Words that are not written as they are spelled in a name.
SPELLED = {
    word.lower(): word for word in ("AI", "API", "CPU", "CSV", "HTTP", "ID", "LLM", "PDF", "URL")
}
SPELLED |= {"github": "GitHub", "gitlab": "GitLab", "openai": "OpenAI"}
UNITS = frozenset({"percent", "seconds", "ms", "bytes", "celsius", "usd"})
SECONDS = re.compile(r"[._]seconds$")


class Shape(StrEnum):
    """How the numbers of a metric are read: by how much it rose, as a level, or as a mean."""

    INCREASE = "increase"
    LEVEL = "level"
    AVERAGE = "average"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One card: a metric, or what a histogram or summary measured on average.

    `names` are the series it is made of: one, or those of the sum and the number.
    """

    name: str
    shape: Shape
    names: tuple[str, ...]
    group: str
    title: str
    unit: str

    @property
    def is_averaged(self) -> bool:
        """Whether several series of a level are averaged instead of added up."""
        return AVERAGED.search(self.name) is not None


def is_pushed(name: str, labels: Iterable[str]) -> bool:
    """Whether a series came from outside: neither this machine's, nor Nocturne's, nor a check's."""
    return not name.startswith(OWN) and "check" not in labels


def metrics_of(kinds: Iterable[tuple[str, SeriesKind]]) -> tuple[Metric, ...]:
    """The cards of pushed series by name and kind, by group and name."""
    known = dict(kinds)
    families = {
        name.removesuffix("_sum")
        for name in known
        if name.endswith("_sum") and f"{name.removesuffix('_sum')}_count" in known
    }
    found = [_card(name, Shape.AVERAGE, (f"{name}_sum", f"{name}_count")) for name in families]
    for name, kind in known.items():
        if name in families or _family(name) in families:
            continue
        shape = Shape.LEVEL if kind is SeriesKind.GAUGE else Shape.INCREASE
        found.append(_card(name, shape, (name,)))
    return tuple(sorted(found, key=lambda each: (ORDER.index(each.group), each.name)))


def group_of(name: str) -> str:
    """The group in which a metric stands, by the words of its name."""
    words = set(re.split(r"[._:]+", name.lower()))
    for title, pattern in GROUPS:
        if any(re.fullmatch(pattern, word) for word in words):
            return title
    return OTHER


def title_of(name: str) -> str:
    """A name as people read it, without its unit: `cache.hit_rate_percent` is `Cache hit rate`."""
    parts = [part for part in re.split(r"[._:]+", name) if part and part != "total"]
    if len(parts) > 1 and parts[-1].lower() in UNITS:
        parts.pop()
    words = " ".join(SPELLED.get(part.lower(), part) for part in parts)
    return words[:1].upper() + words[1:]


def unit_for(name: str) -> str:
    """The unit that the name tells by its ending; `$` for US dollars."""
    if DOLLARS.search(name):
        return "$"
    return "s" if SECONDS.search(name) else unit_of(name.removesuffix("_total"))


def _family(name: str) -> str:
    """What a histogram or summary is called of which this may be a part."""
    return next((name.removesuffix(end) for end in ENDINGS if name.endswith(end)), name)


def _card(name: str, shape: Shape, names: tuple[str, ...]) -> Metric:
    return Metric(
        name=name,
        shape=shape,
        names=names,
        group=group_of(name),
        title=title_of(name),
        unit=unit_for(name),
    )
