"""Names of metrics and labels: what may be one, and the one rule from dotted names to Prometheus'."""

from __future__ import annotations

import re
from collections.abc import Sequence

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:.]{0,199}")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
IMPOSSIBLE = re.compile(r"[^a-zA-Z0-9_:]")
# `le` and `quantile` are written by histograms and summaries; `check` is Nocturne's own.
RESERVED = frozenset({"le", "quantile", "check"})
MOST_LABELS = 20


def prometheus_name(name: str) -> str:
    """The name under which Prometheus reads a metric: each dot, and all it can't read, is `_`.

    `orders.paid` is `orders_paid`; a digit in front takes an underscore before it.
    """
    made = IMPOSSIBLE.sub("_", name)
    return f"_{made}" if made[:1].isdigit() else made


def checked_name(name: str) -> str:
    """The name of a metric. Raises ValueError when it can't be one."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} can't be a metric: letters, digits, dots, underscores and colons, "
            "no digit first, at most 200"
        )
    return name


def checked_labels(names: Sequence[str]) -> tuple[str, ...]:
    """The names of labels. Raises ValueError when one can't be one."""
    if isinstance(names, str):
        raise ValueError(f"labels must be a list of names, not the text {names!r}")
    for name in names:
        if not LABEL.fullmatch(name) or name.startswith("__"):
            raise ValueError(f"{name!r} can't be a label: letters, digits and underscores")
        if name in RESERVED:
            raise ValueError(f"{name!r} can't be a label: that name is taken")
    if len(set(names)) != len(names) or len(names) > MOST_LABELS:
        raise ValueError(f"labels must differ, and be at most {MOST_LABELS}")
    return tuple(names)
