"""What a Nagios plugin writes: its message, and performance data that becomes metrics.

After the Monitoring Plugins Development Guidelines (https://www.monitoring-plugins.org/doc/guidelines.html):
"Plugin Output for Nagios", "Threshold and Ranges", "Performance data". Nothing here raises for what
a plugin wrote: what can't be read is counted.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from domain.facts import Status

STATUSES = {0: Status.HEALTHY, 1: Status.WARNING, 2: Status.CRITICAL, 3: Status.UNKNOWN}

LABELS = 64
LABEL_CHARACTERS = 60
VALUE = re.compile(
    r"([-+]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?)([^0-9;\s.,][^;\s]*)?,?"
)
UNQUOTED = re.compile(r"[^\s=]*")
WORD = re.compile(r"\S*")
SPACE = re.compile(r"\s*")
BYTES = re.compile(r"([KMGTPE]?)(i?)B", re.IGNORECASE)
TIMES = {"s": 1000.0, "ms": 1.0, "us": 0.001, "µs": 0.001, "ns": 0.000001}
COUNTER = "c"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A threshold range `[@][start:]end`: it alerts outside of its ends, with `@` inside, ends included."""

    start: float
    end: float
    inside: bool = False

    def alerts(self, value: float) -> bool:
        """Whether a plugin would alert on this value."""
        return (self.start <= value <= self.end) is self.inside

    @property
    def words(self) -> str:
        """The range as people read it: `above 10`, `outside 1 to 5`, `inside 10 to 20`."""
        if not self.inside and self.start == -math.inf and self.end < math.inf:
            return f"above {self.end:.15g}"
        if not self.inside and self.end == math.inf and self.start > -math.inf:
            return f"below {self.start:.15g}"
        return f"{'inside' if self.inside else 'outside'} {self.start:.15g} to {self.end:.15g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Perf:
    """One entry of performance data: `'label'=value[UOM];[warn];[crit];[min];[max]`.

    `value` is None where the plugin says that it could not tell (`U`).
    """

    label: str
    value: float | None
    unit: str = ""
    warn: Range | None = None
    crit: Range | None = None
    minimum: float | None = None
    maximum: float | None = None

    @property
    def words(self) -> str:
        """The entry as details show it: `1.5 s, warning above 2, critical above 5, from 0`."""
        parts = ["undetermined" if self.value is None else f"{self.value:.15g} {self.unit}".strip()]
        parts += [f"warning {self.warn.words}"] if self.warn else []
        parts += [f"critical {self.crit.words}"] if self.crit else []
        parts += [f"from {self.minimum:.15g}"] if self.minimum is not None else []
        parts += [f"up to {self.maximum:.15g}"] if self.maximum is not None else []
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What was written: the first line, the lines after it, the entries, and how many can't be read."""

    text: str
    more: str
    perfdata: tuple[Perf, ...]
    unread: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A number with the name it gets, in ms, bytes, percent or as it is; a counter is still to be a rate."""

    name: str
    value: float
    counter: bool


def parse(output: str) -> Output:
    """Take a plugin's output apart. Text and performance data are told apart by the first `|`.

    The first line is the message. Of the following lines, those up to the next `|` are text, and
    everything after it is performance data.
    """
    first, *lines = output.strip("\r\n").split("\n")
    text, _, data = first.partition("|")
    more, _, rest = "\n".join(lines).partition("|")
    entries, unread = _perfdata(f"{data}\n{rest}")
    return Output(text=text.strip(), more=more.strip(), perfdata=tuple(entries), unread=unread)


def parse_range(text: str) -> Range:
    """A range of the guidelines: `10`, `10:`, `~:10`, `10:20`, `@10:20`. Raises ValueError."""
    inside, body = text.startswith("@"), text.removeprefix("@")
    start, colon, end = body.rpartition(":")
    first = -math.inf if start == "~" else _number(start) if colon and start else 0.0
    last = _number(end) if end or not colon else math.inf
    if first > last:
        raise ValueError("a range begins before it ends")
    return Range(start=first, end=last, inside=inside)


def metrics(perfdata: Sequence[Perf], taken: Collection[str] = ()) -> tuple[list[Metric], int]:
    """The numbers of the first 64 entries with their names, and how many entries are left out.

    The name is the label in lower case, with `_` for whatever is neither letter nor digit, and the
    unit: `_ms`, `_bytes`, `_percent`, for a counter `_per_s`. The label `/` is called `root`. A name
    that is taken already gets `_2`, `_3` and so on.
    """
    found: list[Metric] = []
    used = set(taken)
    numbers = [(entry, entry.value) for entry in perfdata if entry.value is not None]
    for entry, number in numbers[:LABELS]:
        suffix, factor = _unit(entry.unit)
        name = _unused(_name(entry.label, suffix), used)
        used.add(name)
        if math.isfinite(value := number * factor):
            found.append(Metric(name=name, value=value, counter=entry.unit == COUNTER))
    return found, len(numbers[LABELS:])


def _perfdata(text: str) -> tuple[list[Perf], int]:
    entries, unread = [], 0
    for label, value in _entries(text):
        entry = None if label is None else _entry(label, value)
        if entry is None:
            unread += 1
        else:
            entries.append(entry)
    return entries, unread


def _entries(text: str) -> Iterator[tuple[str | None, str]]:
    """Labels with the text of their values; None for a word that is no entry. Linear in the text."""
    at = _end(SPACE, text, 0)
    while at < len(text):
        if text[at] == "'":
            label, end = _quoted(text, at)
        else:
            end = _end(UNQUOTED, text, at)
            label = text[at:end]
        at = _end(WORD, text, end)
        if label and text[end : end + 1] == "=":
            yield label, text[end + 1 : at]
        else:
            yield None, ""
        at = _end(SPACE, text, at)


def _quoted(text: str, at: int) -> tuple[str | None, int]:
    """The label that begins with the quote at `at`, and where it ends; two quotes in it mean one."""
    close = text.find("'", at + 1)
    while close >= 0 and text[close + 1 : close + 2] == "'":
        close = text.find("'", close + 2)
    if close < 0:
        return None, len(text)
    return text[at + 1 : close].replace("''", "'"), close + 1


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _entry(label: str, text: str) -> Perf | None:
    """The entry, None when its value is no number. Limits that can't be read are left out."""
    value, *limits = text.split(";")
    warn, crit, minimum, maximum, *_ = [*limits, "", "", "", ""]
    number, unit = None, ""
    if value != "U":  # the plugin could not determine it
        parts = VALUE.fullmatch(value)
        number = _read(parts[1]) if parts else None
        if parts is None or number is None:
            return None
        unit = (parts[2] or "").rstrip(",")
    return Perf(
        label=label,
        value=number,
        unit=unit,
        warn=_range(warn),
        crit=_range(crit),
        minimum=_read(minimum),
        maximum=_read(maximum),
    )


def _range(text: str) -> Range | None:
    try:
        return parse_range(text) if text else None
    except ValueError:
        return None


def _read(text: str) -> float | None:
    try:
        return _number(text)
    except ValueError:
        return None


def _number(text: str) -> float:
    """A finite number; a comma from a plugin of another locale is a point. Raises ValueError."""
    parts = VALUE.fullmatch(text)
    if parts is None or ":" in (parts[2] or ""):
        raise ValueError("not a number")
    if not math.isfinite(number := float(parts[1].replace(",", "."))):
        raise ValueError("not a finite number")
    return number


def _unit(unit: str) -> tuple[str, float]:
    """The ending of the metric's name, and what its value is multiplied with.

    `KB` is 1000 bytes and `KiB` 1024, which the guidelines leave open (Icinga 2 reads it so too).
    """
    if unit == "%":
        return "percent", 1.0
    if unit == COUNTER:
        return "per_s", 1.0
    if unit in TIMES:
        return "ms", TIMES[unit]
    if found := BYTES.fullmatch(unit):
        power = " KMGTPE".index(found[1].upper() or " ")
        return "bytes", float((1024 if found[2] else 1000) ** power)
    return "", 1.0


def _name(label: str, suffix: str) -> str:
    plain = unicodedata.normalize("NFKD", label.lower()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:LABEL_CHARACTERS].strip("_")
    name = name or ("root" if label == "/" else "value")
    has_unit = not suffix or name == suffix or name.endswith(f"_{suffix}")
    return name if has_unit else f"{name}_{suffix}"


def _unused(name: str, used: Collection[str]) -> str:
    if name not in used:
        return name
    return next(each for n in range(2, LABELS + 3) if (each := _numbered(name, n)) not in used)


def _numbered(name: str, number: int) -> str:
    """The name with a number before its unit, since units are read from the ending."""
    for suffix in ("percent", "per_s", "bytes", "ms"):
        if name.endswith(f"_{suffix}"):
            return f"{name.removesuffix(suffix)}{number}_{suffix}"
    return f"{name}_{number}"
