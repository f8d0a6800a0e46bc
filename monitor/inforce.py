"""What is in force: the checks as the file and the edits make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePath

import structlog
from sqlalchemy import Engine

from domain import rulechannels, rulechecks, ruletable, windowtable
from domain.alertrules import AlertRule
from domain.checktable import with_own_network
from domain.configuration import Configuration
from domain.facts import Detail
from domain.mistakes import Mistake
from domain.settings import ConfigError
from domain.windows import Window
from monitor import channeltables
from monitor.channeltables import NamedChannel
from monitor.checks import Check
from monitor.definitions import WatchedCheck, examine
from monitor.stock import with_stock
from storage import definitions, last_measured
from storage.changes import CHANNEL, CHECK, MAINTENANCE, MONITORING, RULE
from storage.definitions import Definition
from storage.journal import Journal
from storage.last_measured import LastMeasured
from storage.leadership import Lease

log = structlog.get_logger()
NOTICE = definitions.EDITS_NOTICE
ALERTING_NOTICE = "alerting"
CHANNELS_NOTICE = "rule-channels"
CHECKS_NOTICE = "rule-checks"


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
        """The checks in force. Those whose edits can't be are as the file says, with a notice."""
        rows = [each for each in definitions.load(self._engine, CHECK) if not each.orphaned]
        watched, mistakes = fitting(
            rows, lambda tables: examine(tables, configuration.settings, self._environ)
        )
        if mistakes:
            error = ConfigError(mistakes)
            log.error("edits do not fit the configuration", reason=str(error))
            text = f"{definitions.NOT_IN_FORCE} {error}"
            self._journal.notify(NOTICE, "error", text, now)
        else:
            self._journal.withdraw(NOTICE)
        return tuple(_paused(each) for each in watched) if self._stopped(configuration) else watched

    def alerting(self, now: datetime) -> tuple[tuple[AlertRule, ...], tuple[Window, ...]]:
        """The alert rules and the maintenance windows in force.

        One whose edits make it impossible is left out, with a notice; the others hold. A rule that
        names a channel or a check which is gone holds too, and a notice says so.
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
        self._tell_of_lost(tables, rules, now)
        return rules, windows

    def remembered(self, watched: Sequence[WatchedCheck]) -> list[tuple[Check, LastMeasured]]:
        """Those of the checks that go on from their last result, each with what is stored of it."""
        resuming = {
            each.definition.name: each.check
            for each in watched
            if type(each.check).resume is not Check.resume
        }
        found = last_measured.read(self._engine, resuming) if resuming else {}
        return [(resuming[name], last) for name, last in found.items()]

    def _tell_of_lost(
        self, tables: Sequence[Mapping[str, Detail]], rules: Sequence[AlertRule], now: datetime
    ) -> None:
        """Put up a notice while rules in force name channels or checks that are not there any more."""
        used = {rule.id for rule in rules if rule.enabled}
        named = [each for each in tables if each.get("id") in used]
        for kind, key, lost_in, what in (
            (
                CHANNEL,
                CHANNELS_NOTICE,
                rulechannels.examine,
                "channels that are gone, and do not tell",
            ),
            (CHECK, CHECKS_NOTICE, rulechecks.examine, "checks that are gone, and hear nothing of"),
        ):
            lost = lost_in(named, [str(table["name"]) for table in self._tables(kind)])
            if not lost:
                self._journal.withdraw(key)
                continue
            text = f"Rules name {what} them. {ConfigError(lost)}"
            log.error("rules name what is gone", kind=kind, reason=text)
            self._journal.notify(key, "error", text, now)

    def _tables(self, kind: str) -> list[dict[str, Detail]]:
        rows = definitions.load(self._engine, kind)
        return [each.in_force for each in rows if not each.orphaned]

    def _stopped(self, configuration: Configuration) -> bool:
        kind, name = MONITORING
        found = {each.name: each.in_force for each in definitions.load(self._engine, kind)}
        by_operator = found.get(name, {}).get("enabled") is False
        return by_operator or configuration.settings.monitor.disabled


Examine = Callable[
    [Sequence[Mapping[str, Detail]]], tuple[tuple[WatchedCheck, ...], tuple[Mistake, ...]]
]


def fitting(
    rows: Sequence[Definition], examine: Examine
) -> tuple[tuple[WatchedCheck, ...], tuple[Mistake, ...]]:
    """The checks of these definitions, and why edits of some are left out of them.

    A definition whose edits can't be is as the file says, and one that was made by an edit is left
    out; the others hold. What then names one that is gone follows it. Raises ConfigError when the
    file alone can't be, which was validated before.
    """
    found: list[Mistake] = []
    tables = {each.name: each.in_force for each in rows}
    edited = {each.name: each for each in rows if each.patch or each.base is None}
    while True:
        watched, mistakes = examine(list(tables.values()))
        if not mistakes:
            return watched, tuple(found)
        if not edited:
            raise ConfigError(mistakes)
        found += mistakes
        for name in _to_blame(mistakes, list(tables), edited):
            base = edited.pop(name).base
            if base is None:
                del tables[name]
            else:
                tables[name] = dict(base)


def _to_blame(
    mistakes: Sequence[Mistake], names: Sequence[str], edited: Mapping[str, Definition]
) -> list[str]:
    """The definitions whose edits are taken away for these mistakes; at least one of the edited."""
    # The check of the own network stands behind all others, and nobody can edit it into a mistake.
    places = {int(each.path[1]) for each in mistakes if len(each.path) > 1}
    wrong = [names[place] for place in sorted(places) if place < len(names)]
    blamed = [name for name in wrong if name in edited]
    # A circle is told at one of its checks, which need not be the one that was edited.
    blamed = blamed or [name for name, each in edited.items() if "depends_on" in each.patch]
    return blamed or list(edited)


def _paused(watched: WatchedCheck) -> WatchedCheck:
    return replace(watched, definition=replace(watched.definition, enabled=False))
