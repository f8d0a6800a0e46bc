"""From the tables of checks to the checks that run: kinds, their fields, and their rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from domain import toml_lines
from domain.checktable import (
    ARRAY,
    COMMON,
    Pace,
    key_mistake,
    label,
    read_tables,
    with_own_network,
)
from domain.definitions import CheckDefinition
from domain.fields import convert
from domain.mistakes import (
    ConfigError,
    KeyPath,
    Mistake,
    closest,
    located,
    shown,
    unknown_key,
    wrong_fields,
)
from domain.rules import Rule, StockRule, order_mistake
from domain.settings import Settings
from domain.units import unit_of
from monitor.checks import Check, Kind, kind_named, kind_names
from monitor.membership import resolve
from monitor.placeholders import Expander, is_placeholder

# The heading of checks that name no group, where the plain word of their component won't do.
GROUPS = {
    "api": "Endpoints",
    "broker": "Messaging",
    "process": "Processes",
    "application": "Applications",
    "service": "Services",
}
LEVEL_KEYS = ("warning", "critical", "operator")

ReadFile = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedCheck:
    """A check ready to run, with its definition and the rules on its metrics.

    `members` are the checks that it is made of, where it is made of any.
    """

    definition: CheckDefinition
    check: Check
    rules: tuple[Rule, ...]
    members: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The heading under which its tile stands."""
        component = self.check.spec.component
        return self.definition.group or GROUPS.get(component, component.capitalize())


def read_text(path: str) -> str:
    """The text of a file. Raises OSError, or UnicodeDecodeError when it is not UTF-8."""
    return Path(path).read_text(encoding="utf-8")


def build(
    tables: Sequence[Mapping[str, Any]],
    settings: Settings,
    environ: Mapping[str, str],
    *,
    read_file: ReadFile = read_text,
    source: str | None = None,
) -> tuple[WatchedCheck, ...]:
    """The checks of `tables`, in their order. Raises ConfigError with every mistake found.

    `source` is the file the tables come from, for its name and lines in mistakes; None for tables
    read from the store.
    """
    watched, mistakes = examine(tables, settings, environ, read_file)
    if mistakes:
        raise ConfigError(mistakes if source is None else place(mistakes, source, read_file))
    return watched


def examine(
    tables: Sequence[Mapping[str, Any]],
    settings: Settings,
    environ: Mapping[str, str],
    read_file: ReadFile = read_text,
) -> tuple[tuple[WatchedCheck, ...], tuple[Mistake, ...]]:
    """The checks that can be built, and every mistake in the tables, without file and line."""
    tables = with_own_network(tables, settings)
    expander = Expander(settings, environ, read_file)
    expanded = [
        expander.expand(table, (ARRAY, index)) if isinstance(table, Mapping) else table
        for index, table in enumerate(tables)
    ]
    definitions, mistakes = read_tables(expanded, settings, pace_of)
    found = list(mistakes)
    watched: list[WatchedCheck] = []
    for index, definition in enumerate(definitions):
        if definition is not None:
            built = Builder(definition, tables[index], index, expander).build()
            found += built if isinstance(built, list) else ()
            watched += () if isinstance(built, list) else (built,)
    members, wrong = resolve(definitions, tables, {each.definition.name: each for each in watched})
    made = (replace(each, members=members.get(each.definition.name, ())) for each in watched)
    return tuple(made), _as_written([*found, *wrong], tables, expander)


def place(mistakes: Sequence[Mistake], source: str, read_file: ReadFile) -> tuple[Mistake, ...]:
    """The mistakes with the file's name and their lines in it, as far as it can be read."""
    try:
        lines = toml_lines.lines(read_file(source))
    except (OSError, UnicodeDecodeError):
        lines = {}
    return located(mistakes, source, lines)


class Builder:
    """Turns one definition into a check with its rules, or into the mistakes that prevent it."""

    def __init__(
        self, definition: CheckDefinition, table: Mapping[str, Any], index: int, expander: Expander
    ) -> None:
        self._definition = definition
        self._table = table
        self._index = index
        self._expander = expander
        self._kind: Kind | None = kind_named(definition.kind)

    def build(self) -> WatchedCheck | list[Mistake]:
        """The check, or what is wrong with it."""
        if self._kind is None:
            return list(self._unknown_kind())
        values: dict[str, Any] = {}
        mistakes = [*self._read_fields(self._kind, values), *self._unknown_fields(self._kind)]
        check: Check | None = None
        # What the kind itself refuses is told beside the other mistakes, as far as it can be asked.
        if _is_complete(self._kind, values) and not self._expander.has_failed(self._index):
            try:
                check = self._kind.model(**values)
            except ValueError as error:
                mistakes += self._refusals(error)
        headline = self._kind.headline if check is None else check.headline()
        rules = _rules(
            self._definition, self._kind.rules if check is None else check.stock_rules(), headline
        )
        mistakes += self._level_mistakes([rule for rule in rules if rule.metric == headline])
        if check is None or mistakes:
            return mistakes
        raw = {key: self._table[key] for key in self._definition.fields}
        definition = replace(self._definition, fields=raw)
        return WatchedCheck(definition=definition, check=check, rules=rules)

    def _unknown_kind(self) -> Iterator[Mistake]:
        # A kind that is missing or no text has its own mistake already.
        if self._definition.kind:
            names = kind_names()
            meant = closest(self._definition.kind, names)
            hint = f'did you mean "{meant}"?' if meant else f"use one of {', '.join(sorted(names))}"
            yield self._key_mistake("kind", f"there is no such kind of check, {hint}")

    def _read_fields(self, kind: Kind, values: dict[str, Any]) -> Iterator[Mistake]:
        given = self._definition.fields
        for field in kind.fields:
            key = field.encode_name
            if key not in given:
                if field.required:
                    yield key_mistake(self._table, self._index, key, "", missing=True)
                continue
            # The text of an environment variable may stand for a number.
            strict = (ARRAY, self._index, key) not in self._expander.from_text
            try:
                values[field.name] = convert(given[key], field.type, strict=strict)
            except ValueError as error:
                yield self._key_mistake(key, str(error))

    def _unknown_fields(self, kind: Kind) -> Iterator[Mistake]:
        known = [field.encode_name for field in kind.fields]
        for key in self._definition.fields:
            if key not in known:
                name = f"{label(self._table, self._index)} {key}"
                path = (ARRAY, self._index, key)
                yield unknown_key(key, self._table.get(key), [*known, *COMMON], name, path)

    def _level_mistakes(self, headline_rules: Sequence[Rule]) -> Iterator[Mistake]:
        levels = self._definition.levels
        given = [key for key in LEVEL_KEYS if getattr(levels, key) is not None]
        if given == ["operator"] and not headline_rules:
            yield self._key_mistake("operator", "has no meaning without warning or critical")
        for rule in headline_rules:
            reason = order_mistake(rule)
            if reason is not None and given:
                yield self._key_mistake(given[0], reason)

    def _key_mistake(self, key: str, reason: str) -> Mistake:
        return key_mistake(self._table, self._index, key, reason)

    def _refusals(self, error: ValueError) -> Iterator[Mistake]:
        """What the kind itself refuses, each at its key where it is one key's fault."""
        for key, reason in wrong_fields(error, self._definition.fields):
            if key is None:
                name = label(self._table, self._index)
                yield Mistake(key=name, reason=reason, path=(ARRAY, self._index))
            else:
                yield self._key_mistake(key, reason)


def _is_complete(kind: Kind, values: Mapping[str, Any]) -> bool:
    return all(field.name in values for field in kind.fields if field.required)


def _rules(
    definition: CheckDefinition, stock: Sequence[StockRule], headline: str
) -> tuple[Rule, ...]:
    """The stock rules; the levels of the table override the headline's, or make one."""
    given = {key: getattr(definition.levels, key) for key in LEVEL_KEYS}
    levels = {key: value for key, value in given.items() if value is not None}
    all_of_them = list(stock)
    if levels.keys() & {"warning", "critical"} and headline not in [each.metric for each in stock]:
        all_of_them.append(StockRule(metric=headline, title="", unit=unit_of(headline)))
    rules = (_rule(definition.name, each) for each in all_of_them)
    return tuple(replace(rule, **levels) if rule.metric == headline else rule for rule in rules)


def _rule(name: str, stock: StockRule) -> Rule:
    return Rule(
        id=f"{name}:{stock.metric}",
        metric=stock.metric,
        title=stock.title,
        labels={"check": name},
        operator=stock.operator,
        warning=stock.warning,
        critical=stock.critical,
        unit=stock.unit,
        runbook=stock.runbook,
    )


def pace_of(name: str) -> Pace:
    """How results of a kind are confirmed where its table does not say; of no kind, nothing special."""
    kind = kind_named(name)
    if kind is None:
        return Pace()
    return Pace(retry_s=kind.retry_s, failures=kind.failures, successes=kind.successes)


def _as_written(
    mistakes: Sequence[Mistake], tables: Sequence[Mapping[str, Any]], expander: Expander
) -> tuple[Mistake, ...]:
    """The mistakes as the file's author sees them: placeholders instead of what they stand for.

    A placeholder that failed is the one mistake of its key: what followed from it is left out.
    """
    failed = {path[:3] for path in expander.failures}
    kept = [mistake for mistake in mistakes if mistake.path[:3] not in failed]
    veiled = [_veiled(mistake, tables, expander) for mistake in kept]
    for path, reason in expander.failures.items():
        veiled.append(_placeholder_mistake(tables, path, reason))
    return tuple(sorted(veiled, key=lambda mistake: _position(mistake.path)))


def _placeholder_mistake(
    tables: Sequence[Mapping[str, Any]], path: KeyPath, reason: str
) -> Mistake:
    index, key = int(path[1]), str(path[2])
    mistake = key_mistake(tables[index], index, key, reason)
    value: Any = tables
    for step in path[1:]:
        value = value[step]
    # A placeholder is no secret but the place of one, so it may be shown whatever its key is.
    return replace(mistake, given=shown(value, "" if is_placeholder(value) else key), path=path)


def _veiled(mistake: Mistake, tables: Sequence[Mapping[str, Any]], expander: Expander) -> Mistake:
    given = mistake.given
    # The common fields were read after expansion; the kind's show what was written already.
    if given is not None and len(mistake.path) > 2 and mistake.path[2] in COMMON:
        table, key = tables[int(mistake.path[1])], str(mistake.path[2])
        given = shown(table.get(key), key)
    return replace(
        mistake, key=expander.veil(mistake.key), given=given, reason=expander.veil(mistake.reason)
    )


def _position(path: KeyPath) -> int:
    return int(path[1]) if len(path) > 1 else -1
