"""What a `prometheus` check makes of the series it selects: one number or several, named for good."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.exposition import (
    Labels,
    Selector,
    Series,
    added,
    by_bound,
    histogram_quantile,
)
from domain.rules import Rule, operator, order_mistake

EACH = 64
# The endings that units are read from: what tells series apart is put before them.
UNITS = ("_bytes_per_s", "_per_s", "_percent", "_bytes", "_ms", "_s")
# What the scrape itself is measured by.
RESERVED = frozenset(
    {"scrape_ms", "samples", "body_bytes", "dns_ms", "connect_ms", "tls_ms", "first_byte_ms"}
)
Text = Annotated[str, Meta(max_length=200)]
Level = Annotated[float, Meta(ge=-1e300, le=1e300)]


class Selection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of `select`: which series, and what is made of them."""

    metric: Annotated[
        str,
        Meta(
            pattern=r"^[a-zA-Z_:*?\[][a-zA-Z0-9_:*?\[\]!-]*$",
            max_length=200,
            description="Name of the metric, or a glob",
        ),
    ]
    labels: Annotated[
        dict[str, Text | Annotated[tuple[Text, ...], Meta(min_length=1)]],
        Meta(description='Labels that must match: globs, any of a list; "!" before one negates'),
    ] = msgspec.field(default_factory=dict)
    name: Annotated[
        Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$", max_length=80)] | None,
        Meta(description="What follows `prometheus.` in the metric's name"),
    ] = None
    rate: Annotated[bool | None, Meta(description="Per second since the run before")] = None
    aggregate: Annotated[
        Literal["sum", "max", "min", "avg", "each"],
        Meta(description="One number of several series"),
    ] = "sum"
    quantile: Annotated[
        Annotated[float, Meta(gt=0, lt=1)] | None, Meta(description="Quantile of a histogram")
    ] = None
    scale: Annotated[Level, Meta(description="What the number is multiplied with")] = 1.0
    missing: Annotated[
        Literal["unknown", "critical", "healthy"], Meta(description="What it is when not there")
    ] = "unknown"
    warning: Annotated[Level | None, Meta(description="Level of a warning")] = None
    critical: Annotated[Level | None, Meta(description="Level of critical")] = None
    operator: Annotated[str, Meta(description="How it is compared with both")] = "gte"

    @property
    def selector(self) -> Selector:
        """The series meant; of a histogram those of its buckets."""
        texts = {
            key: (given,) if isinstance(given, str) else given for key, given in self.labels.items()
        }
        metric = self.metric
        if self.quantile is not None:
            metric = f"{metric.removesuffix('_bucket')}_bucket"
        return Selector(metric=metric, labels=texts)

    @property
    def known_as(self) -> str:
        """The name given, else that of the metric: a quantile says which, a rate that it is one."""
        if self.name is not None:
            return self.name
        name = self.metric.lower().replace(":", "_").strip("_")
        if self.quantile is not None:
            level = f"{self.quantile * 100:.4g}".replace(".", "_")
            return f"{name.removesuffix('_bucket')}_p{level}"
        if self.rate or (self.rate is None and name.endswith("_total")):
            return f"{name.removesuffix('_total')}_per_s"
        return name

    def mistakes(self) -> Iterator[str]:
        """What can't work together, without the values given."""
        if self.name is None and not re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", self.metric):
            yield "a pattern of metrics needs a name"
        if self.known_as in RESERVED:
            yield "a name is taken by the scrape itself"
        if self.quantile is not None and self.aggregate not in ("sum", "each"):
            yield 'with quantile, aggregate is "sum" or "each": quantiles can\'t be averaged'
        if self.aggregate == "each" and (self.warning is not None or self.critical is not None):
            yield 'levels need one number: aggregate = "max" or "min" judges the worst of several'
        try:
            compared = operator(self.operator)
        except ValueError:
            yield "operator is unknown"
            return
        levels = Rule(
            id="",
            metric=self.metric,
            operator=compared,
            warning=self.warning,
            critical=self.critical,
        )
        if wrong := order_mistake(levels):
            yield wrong


class Absent(StrEnum):
    """Why a selection gives no number."""

    MISSING = "is missing"
    FIRST = "has no rate before the second run"
    NOT_FINITE = "is not a number"
    QUIET = "observed nothing since the run before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The numbers of a selection by name, and why there is none; `left_out` are too many series."""

    numbers: Mapping[str, float] = field(default_factory=dict)
    absent: Absent | None = None
    left_out: int = 0


# How far the series moved since the run before, and in how many seconds.
Moved = Callable[[Mapping[Series, float]], "tuple[Mapping[Series, float], float]"]


def selected(
    selection: Selection, found: Mapping[Series, float], counts: Callable[[str], bool], moved: Moved
) -> Selected:
    """The numbers of the series that were found. A quantile is that of what came since the run before."""
    if not found:
        return Selected(absent=Absent.MISSING)
    by_quantile = selection.quantile is not None
    rated = selection.rate
    if rated is None:
        rated = by_quantile or any(counts(name) for name, _ in found)
    seconds = 1.0
    if rated:
        found, seconds = moved(found)
        if not found:
            return Selected(absent=Absent.FIRST)
    if selection.quantile is not None:
        return _named(selection, _quantiles(selection, selection.quantile, found))
    return _named(selection, {key: value / seconds for key, value in found.items()})


def _quantiles(
    selection: Selection, quantile: float, found: Mapping[Series, float]
) -> dict[Series, float]:
    histograms = by_bound(found)
    if selection.aggregate != "each":
        histograms = {(): added(histograms.values())}
    return {
        (selection.metric, labels): histogram_quantile(quantile, buckets)
        for labels, buckets in histograms.items()
    }


def _named(selection: Selection, values: Mapping[Series, float]) -> Selected:
    finite = {
        key: scaled
        for key, value in values.items()
        if math.isfinite(scaled := value * selection.scale)
    }
    if not finite:
        quiet = selection.quantile is not None
        return Selected(absent=Absent.QUIET if quiet else Absent.NOT_FINITE)
    name = selection.known_as
    if selection.aggregate != "each":
        return Selected(numbers={name: AGGREGATES[selection.aggregate](list(finite.values()))})
    pinned = {key for key, given in selection.labels.items() if _is_literal(given)}
    numbers: dict[str, float] = {}
    for (metric, labels), value in sorted(finite.items())[:EACH]:
        numbers[_own_name(name, metric, selection, labels, pinned, numbers)] = value
    return Selected(numbers=numbers, left_out=max(0, len(finite) - EACH))


def _own_name(
    name: str,
    metric: str,
    selection: Selection,
    labels: Labels,
    pinned: set[str],
    taken: Mapping[str, float],
) -> str:
    """The name with what tells the series apart: the values of labels that the selection leaves open."""
    words = [metric] if metric != selection.selector.metric and selection.quantile is None else []
    words += [value for key, value in labels if key not in pinned]
    word = re.sub(r"[^a-z0-9]+", "_", " ".join(words).lower()).strip("_")[:80].strip("_")
    made = _with(name, word)
    number = 2
    while made in taken:
        made = _with(name, f"{word}_{number}")
        number += 1
    return made


def _with(name: str, word: str) -> str:
    if not word:
        return name
    unit = next((unit for unit in UNITS if name.endswith(unit)), "")
    return f"{name.removesuffix(unit)}_{word}{unit}"


def _is_literal(given: str | Sequence[str]) -> bool:
    texts = [given] if isinstance(given, str) else given
    return len(texts) == 1 and not re.search(r"^!|[*?\[]", texts[0])


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values)


AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "max": max,
    "min": min,
    "avg": _average,
}


def duplicates(names: Iterable[str]) -> list[str]:
    """Names that stand there more than once."""
    listed = list(names)
    return sorted({name for name in listed if listed.count(name) > 1})
