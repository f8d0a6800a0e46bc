"""Reads chosen series from a Prometheus exporter's page as it comes in, without holding the page.

Formats: the text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/) and
OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/). In both a sample is a line,
and a line feed within a label is escaped; so only lines of chosen metrics have to be read exactly,
which costs a tenth of reading all of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import TypeAlias

Labels: TypeAlias = "tuple[tuple[str, str], ...]"
Series: TypeAlias = "tuple[str, Labels]"

LINE_BYTES = 64 * 1024
MOST_SERIES = 5000
# About what a series and one of its labels take beside their texts, and all of them together.
SERIES_BYTES, LABEL_BYTES, KEPT_BYTES = 400, 200, 10_000_000
LONGEST_NAME = 200

GLOB = re.compile(rb"[*?\[]")
# In a label's pattern: a glob, a negation, or what may be written in more than one way.
NOT_LITERAL = re.compile(r'^!|[*?\[\\"\n]')
SAMPLE = re.compile(rb"[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*[{ \t]")
TYPE = re.compile(rb"#[ \t]+TYPE[ \t]+(\S+)[ \t]+([a-z]+)[ \t\r]*")
LABEL = re.compile(
    r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t]*(?:,|(?=\}))'
)
BRACE = re.compile(r"[ \t]*\{")
LABELS_END = re.compile(r"[ \t]*\}")
ESCAPED = re.compile(r"\\(.)")
UNESCAPED = {"n": "\n", "\\": "\\", '"': '"'}
# What Go's ParseFloat takes and Python's float too; not Python's "1_000".
NUMBER = re.compile(
    r"[-+]?(?:[0-9]+\.?[0-9]*(?:e[-+]?[0-9]+)?|\.[0-9]+(?:e[-+]?[0-9]+)?|inf|infinity|nan)", re.I
)
# Types whose samples with these endings count up; `_total` is a counter's in OpenMetrics.
COUNTING = {
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("_count", "_sum"),
}


class NotExposition(ValueError):
    """The page, or a chosen line of it, is not in the format; the text says where.

    `TooManySeries(NotExposition)`: it is, but more was chosen than is sensible.
    """


class TooManySeries(NotExposition):
    """More series were chosen than are kept."""

    def __init__(self) -> None:
        super().__init__(f"more series are selected than are kept: {MOST_SERIES} at most")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which series are meant: the metric's name and patterns for labels, as shell globs with case.

    A label matches when any of its patterns does; one that begins with `!` must not match. A label
    that a series does not have is empty, as in PromQL.
    """

    metric: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def is_named(self, name: str) -> bool:
        """Whether series of this name may be meant."""
        return name == self.metric or fnmatchcase(name, self.metric)

    def takes(self, name: str, labels: Labels) -> bool:
        """Whether the series is one of those that are meant."""
        if not self.is_named(name):
            return False
        given = dict(labels)
        return all(_fits(given.get(key, ""), texts) for key, texts in self.labels.items())

    @property
    def needles(self) -> tuple[bytes, ...]:
        """What the line of every series holds that is taken: the values that can be one text only."""
        only = [texts[0] for texts in self.labels.values() if len(texts) == 1 and texts[0]]
        return tuple(f'"{text}"'.encode() for text in only if not NOT_LITERAL.search(text))

    @property
    def words(self) -> str:
        """The selection as people write it: `node_cpu_seconds_total{mode="idle"}`."""
        pairs = (f'{key}="{"|".join(texts)}"' for key, texts in self.labels.items())
        inside = ", ".join(pairs)
        return f"{self.metric}{{{inside}}}" if inside else self.metric


class Page:
    """A page that is read piece by piece: `feed`, then `close`. `found` holds a dict per selector."""

    def __init__(self, selectors: Sequence[Selector]) -> None:
        self.samples = 0
        self.is_whole = False
        self.types: dict[str, str] = {}
        self.found: tuple[dict[Series, float], ...] = tuple({} for _ in selectors)
        self._wanted = [
            (each, each.needles, found) for each, found in zip(selectors, self.found, strict=True)
        ]
        self._begins = tuple({_literal(each.metric) for each in selectors})
        self._families = tuple({_family(begin) for begin in self._begins})
        self._rest = b""
        self._line = 0
        self._kept_series = self._kept_bytes = 0

    def feed(self, data: bytes) -> None:
        """Read the lines that are complete. Raises NotExposition."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._read(line)
        if len(self._rest) > LINE_BYTES:
            raise NotExposition(f"line {self._line + 1} is longer than {LINE_BYTES // 1024} KiB")

    def close(self) -> None:
        """Read the last line, which may lack its line feed. Raises NotExposition."""
        rest, self._rest = self._rest, b""
        self._read(rest)

    def counts(self, name: str) -> bool:
        """Whether samples of this name only ever grow, by the page's types or by their ending."""
        if name.endswith("_total") or self.types.get(name) == "counter":
            return True
        return any(
            name.endswith(ending) and self.types.get(name.removesuffix(ending)) == kind
            for kind, endings in COUNTING.items()
            for ending in endings
        )

    def _read(self, line: bytes) -> None:
        self._line += 1
        if not line:
            return
        if line.startswith(self._begins):
            self._sample(line)
        elif line.startswith(b"#"):
            self._comment(line)
        elif SAMPLE.match(line):
            self.samples += 1
        elif line.strip():
            raise NotExposition(f"line {self._line} is not a sample")

    def _comment(self, line: bytes) -> None:
        self.is_whole = line.rstrip() == b"# EOF"
        named = TYPE.fullmatch(line)
        # The types of all others would be as large as whoever sends them likes.
        if named and named[1].startswith(self._families) and len(named[1]) <= LONGEST_NAME:
            if len(self.types) == MOST_SERIES:
                raise TooManySeries
            self.types[named[1].decode("utf-8", "replace")] = named[2].decode()

    def _sample(self, line: bytes) -> None:
        if line.startswith(b"#"):  # wanted is everything: comments begin like it
            return self._comment(line)
        if not line.strip():
            return None
        head = SAMPLE.match(line)
        if head is None:
            raise NotExposition(f"line {self._line} is not a sample")
        self.samples += 1
        name = head[1].decode("ascii")
        # Most lines of a large metric are passed over here, before they are taken apart.
        wanted = [
            (selector, found)
            for selector, needles, found in self._wanted
            if selector.is_named(name) and all(needle in line for needle in needles)
        ]
        if wanted:
            self._keep(wanted, name, *self._parsed(line, head.end(1)))
        return None

    def _keep(
        self,
        wanted: Iterable[tuple[Selector, dict[Series, float]]],
        name: str,
        labels: Labels,
        value: float,
    ) -> None:
        for selector, found in wanted:
            if selector.takes(name, labels):
                found[name, labels] = value
                self._kept_series += 1
                texts = sum(len(key) + len(text) for key, text in labels)
                self._kept_bytes += SERIES_BYTES + LABEL_BYTES * len(labels) + texts
        if self._kept_series > MOST_SERIES or self._kept_bytes > KEPT_BYTES:
            raise TooManySeries

    def _parsed(self, line: bytes, at: int) -> tuple[Labels, float]:
        try:
            text = line.decode()
            return sample_of(text, at)
        except ValueError:
            raise NotExposition(f"line {self._line} is a sample that can't be read") from None


def sample_of(text: str, at: int) -> tuple[Labels, float]:
    """Labels, sorted, and value of a sample line whose name ends at `at`. Raises ValueError.

    A timestamp and an exemplar may follow the value; they are not used.
    """
    labels, at = _labels_of(text, at)
    return labels, _value(text[at:])


def timed_sample_of(text: str, at: int) -> tuple[Labels, float, float | None]:
    """As `sample_of`, with the timestamp, in ms since 1970 in the text format. Raises ValueError."""
    labels, at = _labels_of(text, at)
    parts = text[at:].split()
    given = len(parts) > 1 and not parts[1].startswith("#")
    if given and len(parts) > 2 and not parts[2].startswith("#"):
        raise ValueError("more than a timestamp")
    return labels, _value(text[at:]), float(parts[1]) if given else None


def _labels_of(text: str, at: int) -> tuple[Labels, int]:
    """The labels that begin at `at`, sorted, and where they end."""
    labels: list[tuple[str, str]] = []
    if brace := BRACE.match(text, at):
        at = brace.end()
        while (end := LABELS_END.match(text, at)) is None:
            label = LABEL.match(text, at)
            if label is None:
                raise ValueError("no label")
            labels.append((label[1], _unescaped(label[2])))
            at = label.end()
        at = end.end()
    return tuple(sorted(labels)), at


def histogram_quantile(quantile: float, buckets: Mapping[float, float]) -> float:
    """The quantile of a classic histogram: cumulative counts by upper bound (`le`); NaN when unknown.

    As PromQL's histogram_quantile(): linear within the bucket; the first begins at 0, unless its
    bound is not above 0; in the last, +Inf, it is the bound before. See
    https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or bounds[-1] != math.inf:
        return math.nan
    counts = _rising([buckets[bound] for bound in bounds])
    total = counts[-1]
    if not total > 0:
        return math.nan
    rank = quantile * total
    index = next(index for index, count in enumerate(counts) if count >= rank)
    if index == len(bounds) - 1:
        return bounds[-2]
    if index == 0 and bounds[0] <= 0:
        return bounds[0]
    start, before = (bounds[index - 1], counts[index - 1]) if index else (0.0, 0.0)
    inside = counts[index] - before
    return start + (bounds[index] - start) * ((rank - before) / inside if inside else 0.0)


def by_bound(values: Mapping[Series, float]) -> dict[Labels, dict[float, float]]:
    """Buckets of histograms by the labels other than `le`, each by upper bound. Others are left out."""
    found: dict[Labels, dict[float, float]] = {}
    for (_, labels), value in values.items():
        bound = _bound(dict(labels).get("le", ""))
        if not math.isnan(bound):
            rest = tuple(pair for pair in labels if pair[0] != "le")
            found.setdefault(rest, {})[bound] = value
    return found


def added(histograms: Iterable[Mapping[float, float]]) -> dict[float, float]:
    """Several histograms with the same bounds as one."""
    total: dict[float, float] = {}
    for each in histograms:
        for bound, count in each.items():
            total[bound] = total.get(bound, 0.0) + count
    return total


def _rising(counts: list[float]) -> list[float]:
    """The counts, none below the one before: a page is not written in one instant."""
    for index, (before, after) in enumerate(pairwise(list(counts)), start=1):
        counts[index] = max(counts[index - 1], before, after)
    return counts


def _bound(text: str) -> float:
    try:
        return _value(text)
    except ValueError:
        return math.nan


def _value(text: str) -> float:
    """The number that comes first, of which only a timestamp or an exemplar follow."""
    number, *rest = text.split() or [""]
    if not NUMBER.fullmatch(number):
        raise ValueError("no number")
    if rest and rest[0] != "#" and not NUMBER.fullmatch(rest[0]):
        raise ValueError("no timestamp")
    return float(number)


def _unescaped(text: str) -> str:
    """The label's value; a backslash before anything else stands for itself."""
    if "\\" not in text:
        return text
    return ESCAPED.sub(lambda found: UNESCAPED.get(found[1], found[0]), text)


def _fits(value: str, patterns: tuple[str, ...]) -> bool:
    wanted = [each for each in patterns if not each.startswith("!")]
    if any(fnmatchcase(value, each[1:]) for each in patterns if each.startswith("!")):
        return False
    return not wanted or value in wanted or any(fnmatchcase(value, each) for each in wanted)


def _literal(pattern: str) -> bytes:
    """What every name begins with that the pattern takes."""
    return GLOB.split(pattern.encode(), maxsplit=1)[0]


def _family(begin: bytes) -> bytes:
    """The beginning of a sample's name as far as its family's name has it too."""
    for ending in (b"_bucket", b"_count", b"_sum", b"_total"):
        begin = begin.removesuffix(ending)
    return begin
