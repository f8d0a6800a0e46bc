"""What a demo store pretends to watch: services with their checks, and what happened to each.

Everything is drawn from the seed, so that the same seed, end and size give the same store.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from domain.facts import Cause, Mark, Status

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
INTERVAL_MS = 30 * SECOND
SERVICES = (
    *("shop", "payments", "search", "accounts", "mail", "billing", "catalogue", "warehouse"),
    *("media", "reports", "support", "maps", "forum", "wiki", "stats", "newsletter"),
)
GAP_REASON = "no monitor was running"
# Streams of random numbers of one seed: what befalls all, and each check's own.
COMMON, OWN = 0, 1
# A check rests so long between two troubles, and has none so shortly before the end.
APART_MS = 20 * MINUTE
QUIET_MS = 2 * HOUR
WINDOW_MS = 30 * MINUTE
FIRST_SUNDAY_MS = 3 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How the headline of a check goes: its usual level, and by which shares it swings."""

    level: float
    daily: float
    weekly: float
    noise: float
    digits: int
    limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One check: its table as a configuration has it, and the course of its numbers."""

    index: int
    table: Mapping[str, Any]
    course: Course
    host: int | None

    @property
    def name(self) -> str:
        """Its name, which is its identity."""
        return str(self.table["name"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A time (ms) in which a check did not read healthy. `factor` is what its numbers grow by."""

    start: int
    end: int
    status: Status
    mark: Mark = Mark.NONE
    cause: Cause = Cause.NONE
    message: str = ""
    factor: float | None = None
    blocked_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time (ms) in which nothing was measured at all."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of check that a service has, and the courses that it may take."""

    suffix: str
    fields: Mapping[str, Any]
    levels: tuple[float, float]
    noise: float
    digits: int = 2


PARTS = (
    Part("host", {"kind": "ping", "host": "{host}"}, (0.4, 28.0), 0.08, 3),
    Part("db", {"kind": "sql", "url": "postgresql://monitor@{host}/{name}"}, (1.5, 20.0), 0.25),
    Part("cache", {"kind": "redis", "url": "redis://{host}"}, (0.3, 2.0), 0.15),
    Part("api", {"kind": "http", "url": "https://api.{host}/status"}, (25.0, 160.0), 0.2),
    Part("web", {"kind": "http", "url": "https://{host}/"}, (60.0, 420.0), 0.2),
)
MACHINE = (
    ("cpu", Course(level=22.0, daily=0.5, weekly=0.25, noise=0.18, digits=1, limit=100.0)),
    ("memory", Course(level=58.0, daily=0.06, weekly=0.03, noise=0.01, digits=1, limit=100.0)),
    ("disk", Course(level=47.0, daily=0.0, weekly=0.01, noise=0.0005, digits=1, limit=100.0)),
    ("load", Course(level=0.6, daily=0.5, weekly=0.2, noise=0.2, digits=2)),
)
TROUBLES: Sequence[tuple[float, Status, Cause, str, float | None]] = (
    (0.35, Status.CRITICAL, Cause.REFUSED, "Connection refused by {host}", None),
    (0.2, Status.CRITICAL, Cause.TIMEOUT, "No answer from {host} within 10 s", None),
    (0.15, Status.DEGRADED, Cause.WRONG_ANSWER, "Answer of {host} is incomplete", 1.4),
    (0.3, Status.WARNING, Cause.THRESHOLD, "{host} answers slowly", 4.0),
)


def checks(count: int, seed: int) -> tuple[Watched, ...]:
    """The checks of a demo store: one service after the other, this machine after the first."""
    found = itertools.islice(enumerate(_tables(seed)), count)
    return tuple(
        Watched(index=index, table=table, course=course, host=host)
        for index, (table, course, host) in found
    )


def gaps(start: int, end: int, seed: int) -> tuple[Span, ...]:
    """The times in which no monitor ran: about one in six weeks, of some minutes each."""
    draw = np.random.default_rng((seed, COMMON))
    days = (end - start) / DAY
    count = int(draw.poisson(days / 45)) + (1 if days >= 2 else 0)
    begins = np.sort(draw.integers(start + HOUR, max(end - QUIET_MS, start + HOUR + 1), count))
    lengths = draw.integers(3 * MINUTE, 40 * MINUTE, count)
    spans = [
        Span(start=int(at) // SECOND * SECOND, end=int(at + length) // SECOND * SECOND)
        for at, length in zip(begins, lengths, strict=True)
    ]
    # Two that touch would be told twice.
    apart = [
        each for last, each in zip([None, *spans], spans, strict=False) if _is_after(last, each)
    ]
    return tuple(each for each in apart if each.end < end - HOUR)


def episodes(
    watched: Sequence[Watched], start: int, end: int, seed: int
) -> dict[int, tuple[Episode, ...]]:
    """What befell each check, by its index, oldest first. A host that is down blocks its service."""
    found: dict[int, tuple[Episode, ...]] = {}
    for each in watched:
        own = [*_troubles(each, start, end, seed), *_windows(each, start, end)]
        hosts = found.get(each.host, ()) if each.host is not None else ()
        name = "" if each.host is None else watched[each.host].name
        blocked = [_blocked(down, name) for down in hosts if down.status is Status.CRITICAL]
        found[each.index] = _apart([*blocked, *own])
    return found


def _tables(seed: int) -> Iterator[tuple[dict[str, Any], Course, int | None]]:
    position = 0
    for number in itertools.count():
        service = SERVICES[number % len(SERVICES)]
        name = service if number < len(SERVICES) else f"{service}-{number // len(SERVICES) + 1}"
        host = position
        for part in PARTS:
            table, course = _part(name, part, seed, position)
            if position != host:
                table["depends_on"] = [f"{name}-host"]
            yield table, course, None if position == host else host
            position += 1
        if number == 0:
            for resource, course in MACHINE:
                table = {"name": resource, "kind": "system", "resource": resource}
                yield {**table, "group": "System"}, course, None
                position += 1


def _part(name: str, part: Part, seed: int, position: int) -> tuple[dict[str, Any], Course]:
    draw = np.random.default_rng((seed, OWN, position, 0))
    low, high = part.levels
    fields = {
        key: value.format(host=f"{name}.demo.example", name=name)
        for key, value in part.fields.items()
    }
    table = {"name": f"{name}-{part.suffix}", "group": name.capitalize(), "tags": [name], **fields}
    course = Course(
        level=float(np.exp(draw.uniform(np.log(low), np.log(high)))),
        daily=float(draw.uniform(0.1, 0.5)),
        weekly=float(draw.uniform(0.02, 0.2)),
        noise=part.noise * float(draw.uniform(0.7, 1.4)),
        digits=part.digits,
    )
    return table, course


def _troubles(each: Watched, start: int, end: int, seed: int) -> list[Episode]:
    draw = np.random.default_rng((seed, OWN, each.index, 1))
    # Some break every week, most hardly ever.
    rest_days = float(np.clip(np.exp(draw.normal(np.log(50), 0.9)), 5, 400))
    count = int(draw.poisson((end - start) / DAY / rest_days))
    begins = draw.integers(start + HOUR, max(end - QUIET_MS, start + HOUR + 1), count)
    minutes = np.clip(np.exp(draw.normal(np.log(8), 1.1, count)), 1.5, 360)
    shares = [share for share, *_ in TROUBLES]
    picks = draw.choice(len(TROUBLES), count, p=shares)
    found = [
        _trouble(each, int(at) // SECOND * SECOND, round(length * 60) * SECOND, int(pick))
        for at, length, pick in zip(begins, minutes, picks, strict=True)
    ]
    found = [episode for episode in found if episode.end < end - 3 * HOUR // 2]
    return [*found, *_standing(each, end, draw)]


def _standing(each: Watched, end: int, draw: np.random.Generator) -> list[Episode]:
    """What is not over yet at the end: the first database is down, the first page slow."""
    since = end - int(draw.integers(15, 55)) * MINUTE
    chance = draw.random() < 0.01
    if each.index == 1 or (chance and each.index > len(PARTS)):
        return [_trouble(each, since, end - since, 0)]
    if each.index == len(PARTS) - 1:
        return [_trouble(each, since, end - since, len(TROUBLES) - 1)]
    return []


def _trouble(each: Watched, start: int, length: int, pick: int) -> Episode:
    # A number of this machine is too high; it is never refused.
    is_machine = each.table["kind"] == "system"
    _, status, cause, text, factor = TROUBLES[-1] if is_machine else TROUBLES[pick]
    message = f"{each.name} is high" if is_machine else text.format(host=_host(each))
    return Episode(
        start=start,
        end=start + length,
        status=status,
        cause=cause,
        message=message,
        factor=min(factor, 2.0) if is_machine and factor else factor,
    )


def _windows(each: Watched, start: int, end: int) -> list[Episode]:
    """Every 16th check has a maintenance window of half an hour, each Sunday at 02:00 UTC."""
    if each.index % 16 != 7:
        return []
    week = 7 * DAY
    first = FIRST_SUNDAY_MS + 2 * HOUR
    begin = first + -(-(start - first) // week) * week
    return [
        Episode(start=at, end=at + WINDOW_MS, status=Status.HEALTHY, mark=Mark.MAINTENANCE)
        for at in range(begin, end - QUIET_MS, week)
    ]


def _blocked(down: Episode, host: str) -> Episode:
    return Episode(
        start=down.start + 4 * SECOND,
        end=down.end + 2 * SECOND,
        status=Status.UNKNOWN,
        mark=Mark.BLOCKED,
        cause=down.cause,
        message=f"blocked by {host}",
        blocked_by=host,
    )


def _apart(found: Sequence[Episode]) -> tuple[Episode, ...]:
    """Those that lie apart, oldest first; of two close ones the first stays."""
    kept: list[Episode] = []
    for each in sorted(found, key=lambda one: (one.start, one.end)):
        if not kept or each.start >= kept[-1].end + APART_MS:
            kept.append(each)
    return tuple(kept)


def _is_after(last: Span | None, each: Span) -> bool:
    return last is None or each.start > last.end + HOUR


def _host(each: Watched) -> str:
    return each.name.rpartition("-")[0] + ".demo.example"
