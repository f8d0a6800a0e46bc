"""What is in force: the checks as the file and the edits make them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import PurePath

import structlog
from sqlalchemy import Engine

from domain.configuration import Configuration
from domain.settings import ConfigError
from monitor import channeltables
from monitor.channeltables import NamedChannel
from monitor.definitions import WatchedCheck, build
from storage import definitions
from storage.changes import CHANNEL, CHECK, MONITORING
from storage.journal import Journal
from storage.leadership import Lease

log = structlog.get_logger()
NOTICE = "edits"


class InForce:
    """Publishes the file's tables as bases, and reads back what they and the edits amount to."""

    def __init__(self, engine: Engine, journal: Journal, environ: Mapping[str, str]) -> None:
        self._engine = engine
        self._journal = journal
        self._environ = environ

    def publish(self, lease: Lease, configuration: Configuration, now: datetime) -> None:
        """Make the tables of the file the bases of the definitions."""
        # Its name only: viewers of the audit need not know where it lies.
        source = PurePath(configuration.source).name
        for kind, tables in ((CHECK, configuration.checks), (CHANNEL, configuration.channels)):
            definitions.publish(self._engine, kind, tables, source, now, lease)

    def channels(self, configuration: Configuration) -> tuple[NamedChannel, ...]:
        """The channels in force. Raises ConfigError when an edit made one impossible."""
        rows = [each for each in definitions.load(self._engine, CHANNEL) if not each.orphaned]
        tables = [each.in_force for each in rows]
        return channeltables.build(tables, configuration.settings, self._environ)

    def load(self, configuration: Configuration, now: datetime) -> tuple[WatchedCheck, ...]:
        """The checks in force. Edits that no longer fit the file are left out, with a notice."""
        rows = [each for each in definitions.load(self._engine, CHECK) if not each.orphaned]
        settings = configuration.settings
        try:
            watched = build([each.in_force for each in rows], settings, self._environ)
        except ConfigError as error:
            log.error("edits do not fit the configuration", reason=str(error))
            text = f"Edits do not fit the configuration and are not in force. {error}"
            self._journal.notify(NOTICE, "error", text, now)
            bases = [each.base for each in rows if each.base is not None]
            watched = build(bases, settings, self._environ)
        else:
            self._journal.withdraw(NOTICE)
        return tuple(_paused(each) for each in watched) if self._stopped(configuration) else watched

    def _stopped(self, configuration: Configuration) -> bool:
        kind, name = MONITORING
        found = {each.name: each.in_force for each in definitions.load(self._engine, kind)}
        by_operator = found.get(name, {}).get("enabled") is False
        return by_operator or configuration.settings.monitor.disabled


def _paused(watched: WatchedCheck) -> WatchedCheck:
    return replace(watched, definition=replace(watched.definition, enabled=False))
