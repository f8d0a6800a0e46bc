"""What is in force: the checks as the file and the edits make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePath

import structlog
from sqlalchemy import Engine

from domain import rulechannels, ruletable, windowtable
from domain.alertrules import AlertRule
from domain.checktable import with_own_network
from domain.configuration import Configuration
from domain.facts import Detail
from domain.settings import ConfigError
from domain.windows import Window
from monitor import channeltables
from monitor.channeltables import NamedChannel
from monitor.definitions import WatchedCheck, build
from monitor.stock import with_stock
from storage import definitions
from storage.changes import CHANNEL, CHECK, MAINTENANCE, MONITORING, RULE
from storage.journal import Journal
from storage.leadership import Lease

log = structlog.get_logger()
NOTICE = "edits"
ALERTING_NOTICE = "alerting"
CHANNELS_NOTICE = "rule-channels"


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
        for kind, tables, key in (
            (CHECK, with_own_network(configuration.checks, configuration.settings), "name"),
            (CHANNEL, configuration.channels, "name"),
            (RULE, with_stock(configuration.rules), "id"),
            (MAINTENANCE, configuration.maintenance, "name"),
        ):
            definitions.publish(self._engine, kind, tables, source, now, lease, key=key)

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

    def alerting(self, now: datetime) -> tuple[tuple[AlertRule, ...], tuple[Window, ...]]:
        """The alert rules and the maintenance windows in force.

        One whose edits make it impossible is left out, with a notice; the others hold. A rule that
        names a channel which is gone holds too, and a notice says whom it does not tell.
        """
        tables = self._tables(RULE)
        rules, wrong_rules = ruletable.examine(tables)
        windows, wrong_windows = windowtable.examine(self._tables(MAINTENANCE))
        mistakes = (*wrong_rules, *wrong_windows)
        if mistakes:
            text = f"Not in force: {ConfigError(mistakes)}"
            log.error("rules or windows are refused", reason=text)
            self._journal.notify(ALERTING_NOTICE, "error", text, now)
        else:
            self._journal.withdraw(ALERTING_NOTICE)
        self._tell_of_lost_channels(tables, rules, now)
        return rules, windows

    def _tell_of_lost_channels(
        self, tables: Sequence[Mapping[str, Detail]], rules: Sequence[AlertRule], now: datetime
    ) -> None:
        """Put up a notice while rules in force name channels that are not there any more."""
        used = {rule.id for rule in rules if rule.enabled}
        known = [str(table["name"]) for table in self._tables(CHANNEL)]
        lost = rulechannels.examine([each for each in tables if each.get("id") in used], known)
        if not lost:
            self._journal.withdraw(CHANNELS_NOTICE)
            return
        text = f"Rules name channels that are gone, and do not tell them. {ConfigError(lost)}"
        log.error("rules name channels that are gone", reason=text)
        self._journal.notify(CHANNELS_NOTICE, "error", text, now)

    def _tables(self, kind: str) -> list[dict[str, Detail]]:
        rows = definitions.load(self._engine, kind)
        return [each.in_force for each in rows if not each.orphaned]

    def _stopped(self, configuration: Configuration) -> bool:
        kind, name = MONITORING
        found = {each.name: each.in_force for each in definitions.load(self._engine, kind)}
        by_operator = found.get(name, {}).get("enabled") is False
        return by_operator or configuration.settings.monitor.disabled


def _paused(watched: WatchedCheck) -> WatchedCheck:
    return replace(watched, definition=replace(watched.definition, enabled=False))
