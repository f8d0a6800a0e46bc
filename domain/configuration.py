"""A configuration as it was read and validated: the plain tables, and the raw arrays of tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.facts import Detail
from domain.mistakes import ConfigError, Mistake
from domain.settings import Settings

# The key of the standing notice that the file on disk is refused.
CONFIG_NOTICE = "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """`checks`, `channels`, `rules` and `maintenance` are the arrays of tables as written.

    Secrets in them still stand as `${NAME}`; `source` is the file.
    """

    settings: Settings
    checks: tuple[Mapping[str, Detail], ...]
    source: str
    channels: tuple[Mapping[str, Detail], ...] = ()
    rules: tuple[Mapping[str, Detail], ...] = ()
    maintenance: tuple[Mapping[str, Detail], ...] = ()


def check_succession(before: Configuration, after: Configuration) -> None:
    """Raises ConfigError for a file that takes all checks away at once: most likely it is being written."""
    if before.checks and not after.checks:
        reason = "has none any more; to watch nothing, restart with this file"
        raise ConfigError([Mistake(key="[[check]]", reason=reason, file=after.source)])
