"""Pushed metrics: what of a batch is taken in, and why the rest is not. JSON and Prometheus' text."""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from domain.exposition import SAMPLE, TYPE, timed_sample_of
from domain.facts import Sample, SeriesKind
from domain.intake import Refusal, Times, refuses, refuses_name

MOST_SAMPLES = 10_000
MOST_LABELS = 20
LONGEST_LABEL = 200
FIELDS = frozenset({"name", "kind", "labels", "value", "at"})
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:.]{0,199}")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,99}")
# What Nocturne measures itself: another's numbers among them would set off its rules.
OWN = ("system.", "monitor.", "web.")
OWN_LABEL = "check"
# What can't be shown on one line as it is written.
UNSHOWABLE = re.compile("[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
FIRST_S, LAST_S = 0.0, 253_402_300_799.0
WORDS = {
    Refusal.NOT_A_NUMBER: "value: must be a finite number",
    Refusal.IN_THE_FUTURE: "at: lies more than 5 min in the future (it is seconds since 1970)",
    Refusal.TOO_OLD: "at: lies before what is kept",
    Refusal.UNUSABLE_NAME: "labels: are longer than 1,000 characters together",
}
KINDS = {each.value: each for each in SeriesKind}
# Of a type in Prometheus' text: what its samples are, by their ending.
TYPED: Mapping[str, Mapping[str, SeriesKind]] = {
    "counter": {"": SeriesKind.COUNTER, "_total": SeriesKind.COUNTER},
    "histogram": {
        "_bucket": SeriesKind.HISTOGRAM,
        "_count": SeriesKind.COUNTER,
        "_sum": SeriesKind.COUNTER,
    },
    "summary": {"_count": SeriesKind.COUNTER, "_sum": SeriesKind.COUNTER},
}
Labels = tuple[tuple[str, str], ...]


class NotMetrics(ValueError):
    """The body as a whole can't be read as metrics; the message names what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a push amounts to. `refused` are places in it (from 0) with reasons.

    `accepted` is how many entries are taken in; `samples` may be fewer, since of two for the same
    series and time the last one stands.
    """

    accepted: int
    samples: tuple[Sample, ...]
    refused: tuple[tuple[int, str], ...]


@dataclass(slots=True)
class _Taking:
    """A batch while it is put together. `known` are the kinds that metrics have already."""

    times: Times
    known: Mapping[str, SeriesKind]
    kinds: dict[tuple[str, Labels], SeriesKind] = field(default_factory=dict)
    samples: dict[tuple[str, Labels, datetime], Sample] = field(default_factory=dict)
    refused: list[tuple[int, str]] = field(default_factory=list)
    accepted: int = 0

    def take(self, sample: Sample) -> None:
        """Take a sample in. Raises ValueError with why it is not."""
        reason = self._reason(sample)
        if reason is not None:
            raise ValueError(reason)
        self.kinds[sample.name, sample.labels] = sample.kind
        # The last one of a series and time stands.
        self.samples[sample.name, sample.labels, sample.at] = sample
        self.accepted += 1

    def _reason(self, sample: Sample) -> str | None:
        refusal = refuses(sample, self.times) or refuses_name(sample.name, sample.labels)
        if refusal is not None:
            return WORDS[refusal]
        known = self.kinds.get((sample.name, sample.labels), self.known.get(sample.name))
        if known is None or known is sample.kind:
            return None
        return f"kind: {sample.name} is a {known.value}, not a {sample.kind.value}"

    def batch(self) -> Batch:
        return Batch(
            accepted=self.accepted,
            samples=tuple(self.samples.values()),
            refused=tuple(self.refused),
        )


def from_entries(
    entries: Sequence[Any], times: Times, known: Mapping[str, SeriesKind] | None = None
) -> Batch:
    """What a JSON array of `{name, kind, labels, value, at}` amounts to. Raises NotMetrics.

    `known` are the kinds of the metrics that are stored already.
    """
    if len(entries) > MOST_SAMPLES:
        raise NotMetrics(f"metrics: more than {MOST_SAMPLES:,} samples at once")
    taking = _Taking(times, known or {})
    for place, entry in enumerate(entries):
        try:
            taking.take(_entry(entry, times.now))
        except ValueError as reason:
            taking.refused.append((place, str(reason)))
    return taking.batch()


def from_text(body: bytes, times: Times, known: Mapping[str, SeriesKind] | None = None) -> Batch:
    """What a page in Prometheus' text format 0.0.4 amounts to. Raises NotMetrics."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise NotMetrics("the body is not UTF-8 text") from None
    taking = _Taking(times, known or {})
    for place, (number, line, kind) in enumerate(_lines(text)):
        if place >= MOST_SAMPLES:
            raise NotMetrics(f"more than {MOST_SAMPLES:,} samples at once")
        try:
            taking.take(_line(line, kind, times.now))
        except ValueError as reason:
            taking.refused.append((place, f"line {number}: {reason}"))
    return taking.batch()


def names_of(entries: Sequence[Any]) -> frozenset[str]:
    """The metrics that entries of a JSON array speak of, as far as they can be."""
    names = (each.get("name") for each in entries if isinstance(each, dict))
    return frozenset(name for name in names if isinstance(name, str) and NAME.fullmatch(name))


def names_in(body: bytes) -> frozenset[str]:
    """The metrics that a page of text speaks of."""
    found = (SAMPLE.match(line) for line in body.split(b"\n"))
    return frozenset(each[1].decode("ascii") for each in found if each is not None)


def packed(samples: Sequence[Sample]) -> bytes:
    """Samples as they wait in the inbox; `unpacked` reads them."""
    rows = [(each.name, each.kind.value, each.labels, _ms(each.at), each.value) for each in samples]
    return zlib.compress(msgspec.json.encode(rows), 1)


def unpacked(body: bytes) -> tuple[Sample, ...]:
    """The samples that `packed` made this of."""
    rows = msgspec.json.decode(
        zlib.decompress(body), type=list[tuple[str, SeriesKind, Labels, int, float]]
    )
    return tuple(
        Sample(name=name, kind=kind, labels=labels, at=_moment(ms / 1000), value=value)
        for name, kind, labels, ms, value in rows
    )


def _entry(entry: Any, now: datetime) -> Sample:
    """One entry of a JSON array. Raises ValueError with the field's name."""
    if not isinstance(entry, dict):
        raise ValueError("must be an object with name, kind, labels and value")
    for key, value in entry.items():
        if key not in FIELDS:
            raise ValueError(f"{_shown(key)}: is no field of a sample")
        if (wrong := getattr(value, "reason", None)) is not None:
            raise ValueError(f"{key}: {wrong}")
    kind = KINDS.get(entry["kind"]) if isinstance(entry.get("kind"), str) else None
    if kind is None:
        raise ValueError('kind: must be "gauge", "counter" or "histogram"')
    value = entry.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("value: must be a finite number")
    labels = _labels(entry.get("labels", {}))
    if kind is SeriesKind.HISTOGRAM:
        _require_bound(dict(labels))
    return Sample(
        name=_name(entry.get("name")),
        kind=kind,
        labels=labels,
        at=now if entry.get("at") is None else _time(entry["at"]),
        value=float(value),
    )


def _line(line: str, kind: SeriesKind | None, now: datetime) -> Sample:
    """One sample of a page of text. Raises ValueError with what is wrong."""
    head = SAMPLE.match(line.encode())
    if head is None:
        raise ValueError("is not a sample")
    try:
        labels, value, at_ms = timed_sample_of(line, head.end(1))
    except ValueError:
        raise ValueError("is a sample that can't be read") from None
    name = _name(head[1].decode("ascii"))
    if len(dict(labels)) != len(labels):
        raise ValueError("labels: one is given twice")
    counted = SeriesKind.COUNTER if name.endswith("_total") else SeriesKind.GAUGE
    return Sample(
        name=name,
        kind=kind or counted,
        labels=_labels(dict(labels)),
        at=now if at_ms is None else _time(at_ms / 1000),
        value=value,
    )


def _lines(text: str) -> Iterator[tuple[int, str, SeriesKind | None]]:
    """The samples of a page with the number of their line, and what the page says they are."""
    kinds: dict[str, SeriesKind] = {}
    # Not splitlines(), which ends lines at characters that may stand within a label.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        if line.lstrip().startswith("#"):
            typed = TYPE.fullmatch(line.encode())
            if typed is not None:
                name = typed[1].decode("utf-8", "replace")
                given = TYPED.get(typed[2].decode(), {})
                kinds |= {name + ending: kind for ending, kind in given.items()}
            continue
        head = SAMPLE.match(line.encode("utf-8", "replace"))
        yield number, line, kinds.get(head[1].decode("ascii")) if head else None


def _name(name: Any) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(
            "name: must be letters, digits, dots, underscores and colons, no digit first, at most 200"
        )
    if name.startswith(OWN):
        raise ValueError(f"name: {name.partition('.')[0]}.… are Nocturne's own metrics")
    return name


def _labels(given: Any) -> Labels:
    if not isinstance(given, dict):
        raise ValueError("labels: must be an object of texts")
    if len(given) > MOST_LABELS:
        raise ValueError(f"labels: are more than {MOST_LABELS}")
    found: list[tuple[str, str]] = []
    for name, text in given.items():
        if not LABEL.fullmatch(name):
            raise ValueError(f"labels.{_shown(name)}: a label is letters, digits and underscores")
        if name == OWN_LABEL:
            raise ValueError("labels.check: is Nocturne's own label")
        if not isinstance(text, str):
            raise ValueError(f"labels.{name}: must be a text, given once")
        if len(text) > LONGEST_LABEL or UNSHOWABLE.search(text):
            raise ValueError(
                f"labels.{name}: must be one line without control characters, "
                f"at most {LONGEST_LABEL} characters"
            )
        # The same word typed in two ways must not make two series.
        found.append((name, unicodedata.normalize("NFC", text)))
    # A label without a value is the same as none, as in Prometheus.
    return tuple(sorted(each for each in found if each[1]))


def _require_bound(labels: Mapping[str, str]) -> None:
    try:
        bound = float(labels.get("le", ""))
    except ValueError:
        bound = math.nan
    if math.isnan(bound):
        raise ValueError('labels.le: a histogram\'s bucket needs its upper bound, such as "0.5"')


def _time(at: Any) -> datetime:
    if isinstance(at, str):
        try:
            moment = datetime.fromisoformat(at)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None or not 1970 < moment.year < 9999:
            raise ValueError("at: must be seconds since 1970, or like 2026-11-21T13:00:00Z")
        return _moment(moment.timestamp())
    if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at):
        raise ValueError("at: must be seconds since 1970, or like 2026-11-21T13:00:00Z")
    return _moment(min(max(float(at), FIRST_S), LAST_S))


def _moment(seconds: float) -> datetime:
    """A time in whole milliseconds: what the store keeps of it."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=round(seconds * 1000))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _shown(key: str) -> str:
    return ascii(key[:50]).strip("'")
