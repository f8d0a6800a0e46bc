"""Which samples are taken in: numbers, of a time that can be, of series that are what they were.

What is refused leaves a gap and is counted with its reason, so that no gap is silent.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.facts import Sample, SeriesKind

# What a text column can't hold: Postgres refuses NUL, UTF-8 has no lone surrogates.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
# A clock may be ahead by so much; what lies farther ahead would hide what comes until then.
AHEAD = timedelta(minutes=5)
# What the columns hold; labels are measured as they are stored.
LONGEST_NAME = 200
LONGEST_LABELS = 1_000
# So many label sets a metric: a label with a user or request number in it would fill the disk.
MOST_LABEL_SETS = 1_000


class Refusal(StrEnum):
    """Why a sample was not taken."""

    NOT_A_NUMBER = "not_a_number"
    IN_THE_FUTURE = "in_the_future"
    TOO_OLD = "too_old"
    TOO_MANY_SERIES = "too_many_series"
    OTHER_KIND = "other_kind"
    UNUSABLE_NAME = "unusable_name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Of which times samples are taken: later than `oldest`, at most 5 min after `now`."""

    oldest: datetime
    now: datetime


def refuses(sample: Sample, times: Times | None) -> Refusal | None:
    """Why a sample is refused for itself; None when it is not. Without `times` any time will do."""
    if not math.isfinite(sample.value):
        return Refusal.NOT_A_NUMBER
    if times is None:
        return None
    if sample.at > times.now + AHEAD:
        return Refusal.IN_THE_FUTURE
    return Refusal.TOO_OLD if sample.at < times.oldest else None


def refuses_name(name: str, labels: Sequence[tuple[str, str]]) -> Refusal | None:
    """Why a new series can't be stored: its name or labels (as JSON) are too long, or no text."""
    texts = [name, *(text for label in labels for text in label)]
    if not name or any(UNSTORABLE.search(text) for text in texts):
        return Refusal.UNUSABLE_NAME
    length = len(json.dumps(dict(labels), ensure_ascii=False))
    fits = len(name) <= LONGEST_NAME and length <= LONGEST_LABELS
    return None if fits else Refusal.UNUSABLE_NAME


def refuses_series(
    kind: SeriesKind, known: SeriesKind | None, label_sets: int, most: int = MOST_LABEL_SETS
) -> Refusal | None:
    """Why a series is refused: it was of another kind, or its metric has too many label sets.

    `known` is the kind it has; None for a new one, beside `label_sets` others of its metric.
    """
    if known is not None:
        return None if known is kind else Refusal.OTHER_KIND
    return Refusal.TOO_MANY_SERIES if label_sets >= most else None
