"""The facts that flow through Nocturne: measurements, results, states, transitions.

All times are aware UTC datetimes; all durations that cross a boundary name their unit
(`_ms` milliseconds, `_s` seconds). Every class is frozen: a new fact is a new object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, TypeAlias

Detail: TypeAlias = "str | int | float | bool | list[Detail] | dict[str, Detail] | None"


class Status(IntEnum):
    """The five statuses, ordered from best to worst, so that `max` is the worst."""

    HEALTHY = 0
    WARNING = 1
    DEGRADED = 2
    UNKNOWN = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """The status as people and the JSON API read it: `healthy` or `critical`."""
        return self.name.lower()


class Cause(StrEnum):
    """Why a measurement is not healthy, as a name that is stored and can be counted."""

    NONE = "none"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    NAME_NOT_RESOLVED = "name_not_resolved"
    TLS = "tls"
    WRONG_ANSWER = "wrong_answer"
    THRESHOLD = "threshold"
    MISSING = "missing"
    NOT_MEASURABLE = "not_measurable"
    BUG = "bug"


class Mark(StrEnum):
    """A reason that stands beside the status of a check. Only NONE and FLAPPING may look green."""

    NONE = "none"
    PENDING = "pending"
    HELD = "held"
    BLOCKED = "blocked"
    ANEW = "counting anew"
    INCONCLUSIVE = "inconclusive"
    MAINTENANCE = "maintenance"
    PAUSED = "paused"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one run of a check found, before thresholds and history are applied.

    `response_time_ms` is None when nothing was measured. `metrics` are the numbers that become
    series. A check that cannot measure returns UNKNOWN with NOT_MEASURABLE; it does not raise.
    """

    status: Status
    message: str
    cause: Cause = Cause.NONE
    response_time_ms: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One judged run: the measurement with its thresholds applied, at a time, as try `attempt`.

    `attempt` 1 is the scheduled run, 2 and more are its retries. `levels` holds what each rule on
    the check's metrics said, by rule id; hysteresis needs it at the next run.
    """

    check: str
    kind: str
    at: datetime
    status: Status
    message: str
    cause: Cause = Cause.NONE
    response_time_ms: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Detail] = field(default_factory=dict)
    levels: Mapping[str, Status] = field(default_factory=dict)
    attempt: int = 1
    inconclusive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a check is run and when its results count.

    `failures` results in a row raise the hard status, `successes` lower it. `retry_interval_s` is
    the pause before an unconfirmed change is tried again; None waits for the next interval.
    """

    interval_s: float = 30.0
    timeout_s: float = 10.0
    failures: int = 3
    successes: int = 2
    retry_interval_s: float | None = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckState:
    """All that is remembered of a check between two runs. The journal stores it with each result.

    `hard` is the confirmed status, None until one was confirmed. `recent` are the counted results,
    oldest first, as many as confirmation needs; `history` the last 21 scheduled ones, for flapping.
    `usual_ms` is a moving average of healthy response times. `spark` are the last headline values.
    `maintenance` names the window that covers it now; what it reads goes on being measured.
    `memory` is what a check that is told of instead of measuring keeps, a document of its kind.
    """

    check: str
    hard: Status | None = None
    since: datetime | None = None
    mark: Mark = Mark.PENDING
    mark_since: datetime | None = None
    blocked_by: str | None = None
    maintenance: str | None = None
    recent: tuple[Status, ...] = ()
    history: tuple[Status, ...] = ()
    flapping: bool = False
    failing_since: datetime | None = None
    consecutive_failures: int = 0
    runs: int = 0
    errors: int = 0
    last_at: datetime | None = None
    last_status: Status | None = None
    last_cause: Cause = Cause.NONE
    last_message: str = ""
    last_error: str | None = None
    last_error_at: datetime | None = None
    attempt: int = 0
    usual_ms: float | None = None
    levels: Mapping[str, Status] = field(default_factory=dict)
    spark: tuple[float | None, ...] = ()
    memory: Mapping[str, Any] = field(default_factory=dict)


class Change(StrEnum):
    """What a transition changed."""

    HARD = "hard"
    MARK = "mark"
    FLAPPING = "flapping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One line of a check's timeline: it read `before` and reads `after` from `at` on.

    `mark_before` and `mark` are the reasons that stood and stand beside the status.
    """

    check: str
    at: datetime
    change: Change
    before: Status
    after: Status
    mark_before: Mark
    mark: Mark
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Why something was or was not done, by the gate that decided. Stored when the reason changes."""

    subject: str
    gate: str
    at: datetime
    reason: str
    detail: str = ""


class SeriesKind(StrEnum):
    """What the numbers of a series are: a level, a count that only rises, or one of its buckets."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One number of one series at one time. `labels` are sorted (name, value) pairs."""

    name: str
    at: datetime
    value: float
    labels: tuple[tuple[str, str], ...] = ()
    kind: SeriesKind = SeriesKind.GAUGE
