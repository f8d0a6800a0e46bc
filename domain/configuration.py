"""A configuration as it was read and validated: the plain tables, and the raw arrays of tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.facts import Detail
from domain.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """`checks` are the `[[check]]` tables as written, secrets still as `${NAME}`; `source` is the file."""

    settings: Settings
    checks: tuple[Mapping[str, Detail], ...]
    source: str
