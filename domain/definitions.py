"""What is defined, once it has been validated: the checks and the thresholds on them.

A definition is stored as `base` (from config.toml) and `patch` (edits by field); `effective` lays
one over the other. The kind's own fields stay raw here: the monitor turns them into a check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.facts import Detail, Policy
from domain.rules import Operator


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """`warning` and `critical` written inside a check: shorthand for a rule on its headline metric."""

    warning: float | None = None
    critical: float | None = None
    operator: Operator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDefinition:
    """One check as it is in force. Its name is its identity.

    `depends_on` is a tuple of redundancy groups: the check needs at least one member of each; a
    plain parent is a group of one. `scope` is `inside` or `outside` (behind the own network).
    `fields` are the raw fields of the kind, secrets still written as `${NAME}` or `file:`.
    """

    name: str
    kind: str
    policy: Policy = field(default_factory=Policy)
    weight: float = 1.0
    tags: tuple[str, ...] = ()
    depends_on: tuple[tuple[str, ...], ...] = ()
    scope: str = "inside"
    enabled: bool = True
    group: str | None = None
    description: str = ""
    levels: Levels = Levels()
    fields: Mapping[str, Detail] = field(default_factory=dict)

    @property
    def parents(self) -> frozenset[str]:
        """Every check this one needs, redundancy groups flattened."""
        return frozenset(name for group in self.depends_on for name in group)


def effective(base: Mapping[str, Detail] | None, patch: Mapping[str, Detail]) -> dict[str, Detail]:
    """The table in force: `base` with `patch` laid over it, field by field."""
    return {**(base or {}), **patch}


def drift(base: Mapping[str, Detail] | None, patch: Mapping[str, Detail]) -> dict[str, Detail]:
    """The fields in which the edits differ from the file: field → what the file says."""
    if base is None:
        return {}
    return {key: base.get(key) for key, value in patch.items() if base.get(key) != value}
