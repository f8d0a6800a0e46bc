"""From raw `[[channel]]` tables to channels that send: their names, kinds, fields and fallbacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from domain.checktable import name as checked_name
from domain.checktable import plain
from domain.dependencies import cycle
from domain.fields import Field, convert
from domain.mistakes import (
    ConfigError,
    KeyPath,
    Mistake,
    closest,
    shown,
    unknown_key,
    wrong_fields,
)
from domain.paging import Recipient, severities
from domain.settings import Settings
from monitor.channels import Channel, ChannelKind, kinds
from monitor.definitions import ReadFile, place, read_text
from monitor.placeholders import Expander, is_placeholder

ARRAY = "channel"
COMMON: Mapping[str, Field] = {
    "name": Field(type=str, then=checked_name),
    "kind": Field(type=Annotated[str, Meta(min_length=1)], then=plain),
    "enabled": Field(type=bool),
}
# The address of a channel is often its password, and so are its headers.
VEILED = frozenset({"url", "headers", "secret"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedChannel:
    """A channel ready to send. One that is not `enabled` is told of nothing."""

    name: str
    kind: str
    channel: Channel
    enabled: bool = True


def build(
    tables: Sequence[Mapping[str, Any]],
    settings: Settings,
    environ: Mapping[str, str],
    *,
    read_file: ReadFile = read_text,
    source: str | None = None,
) -> tuple[NamedChannel, ...]:
    """The channels of `tables`, in their order. Raises ConfigError with every mistake found.

    `source` is the file the tables come from, for its name and lines in mistakes.
    """
    channels, mistakes = examine(tables, settings, environ, read_file)
    if mistakes:
        raise ConfigError(mistakes if source is None else place(mistakes, source, read_file))
    return channels


def examine(
    tables: Sequence[Mapping[str, Any]],
    settings: Settings,
    environ: Mapping[str, str],
    read_file: ReadFile = read_text,
) -> tuple[tuple[NamedChannel, ...], tuple[Mistake, ...]]:
    """The channels that can be built, and every mistake in the tables, without file and line."""
    if not tables:
        return (), ()
    expander = Expander(settings, environ, read_file)
    readings = [_Reading(table, index, expander) for index, table in enumerate(tables)]
    built = [channel for each in readings if (channel := each.read()) is not None]
    found = [mistake for each in readings for mistake in each.mistakes]
    found += _mistaken_names(readings)
    return tuple(built), tuple(sorted(found, key=lambda each: int(each.path[1])))


def fallbacks(channels: Sequence[NamedChannel]) -> dict[str, str]:
    """Which channel takes over from which: the next one along the fallbacks that is enabled."""
    known = {each.name: each for each in channels}
    found: dict[str, str] = {}
    for each in channels:
        following = known.get(each.channel.fallback or "")
        while following is not None and not following.enabled:
            following = known.get(following.channel.fallback or "")
        if following is not None:
            found[each.name] = following.name
    return found


class _Reading:
    """One table while it is read. A failed placeholder is the one mistake of its key."""

    def __init__(self, table: object, index: int, expander: Expander) -> None:
        self._table = table
        self._index = index
        self._expander = expander
        self.mistakes: list[Mistake] = []
        self.name: str | None = None
        self.fallback: str | None = None

    def read(self) -> NamedChannel | None:
        """The channel; None when something in its table is wrong."""
        if not isinstance(self._table, Mapping):
            self._refuse_entry()
            return None
        given = self._expander.expand(self._table, (ARRAY, self._index))
        failed = self._note_failed(self._table)
        common = self._common(given, failed)
        self.name = common.get("name")
        fallback = None if "fallback" in failed else given.get("fallback")
        self.fallback = fallback if isinstance(fallback, str) else None
        kind = self._kind(common.get("kind"))
        if kind is None:
            return None
        values = self._fields(kind, given, failed)
        if self.mistakes:
            return None
        try:
            channel = kind.model(**values)
        except ValueError as error:
            for key, reason in wrong_fields(error, values):
                self._note(key, reason)
            return None
        return NamedChannel(**common, channel=channel)

    def _refuse_entry(self) -> None:
        path = (ARRAY, self._index)
        reason = "must be a table: write [[channel]] above its keys"
        key = f"{ARRAY} {self._index + 1}"
        self.mistakes.append(Mistake(key=key, given=shown(self._table), reason=reason, path=path))

    def _note_failed(self, table: Mapping[str, Any]) -> frozenset[str]:
        """Note the placeholders without a value; the keys they stand under."""
        failed = set()
        for path, reason in self._expander.failures.items():
            if path[:2] == (ARRAY, self._index) and len(path) > 2:
                failed.add(str(path[2]))
                value: Any = table
                for step in path[2:]:
                    value = value[step]
                # A placeholder is no secret but the place of one.
                given = shown(value) if is_placeholder(value) else None
                mistake = key_mistake(table, self._index, str(path[2]), reason)
                self.mistakes.append(replace(mistake, given=given, path=path))
        return frozenset(failed)

    def _common(self, given: Mapping[str, Any], failed: frozenset[str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, field in COMMON.items():
            if key not in given:
                if key != "enabled":
                    self._note(None, f"{key} is missing")
            elif key not in failed:
                try:
                    values[key] = field.read(given[key])
                except ValueError as error:
                    self._note(key, str(error))
        return values

    def _kind(self, name: str | None) -> ChannelKind | None:
        if name is None or name in kinds():
            return None if name is None else kinds()[name]
        meant = closest(name, kinds())
        hint = f'did you mean "{meant}"?' if meant else f"use one of {', '.join(sorted(kinds()))}"
        self._note("kind", f"there is no such kind of channel, {hint}")
        return None

    def _fields(
        self, kind: ChannelKind, given: Mapping[str, Any], failed: frozenset[str]
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        known = {field.encode_name: field for field in msgspec.structs.fields(kind.model)}
        for key, field in known.items():
            if key not in given:
                if field.required:
                    self._note(None, f"{key} is missing")
            elif key not in failed:
                # The text of an environment variable may stand for a number.
                strict = (ARRAY, self._index, key) not in self._expander.from_text
                try:
                    values[field.name] = convert(given[key], field.type, strict=strict)
                except ValueError as error:
                    self._note(key, str(error))
        for key in given.keys() - known.keys() - COMMON.keys():
            self._note_unknown(key, [*known, *COMMON])
        return values

    def _note_unknown(self, key: str, known: Sequence[str]) -> None:
        assert isinstance(self._table, Mapping)
        path: KeyPath = (ARRAY, self._index, key)
        name = f"{label(self._table, self._index)} {key}"
        mistake = unknown_key(key, self._table.get(key), known, name, path)
        hidden = closest(key, known) in VEILED
        self.mistakes.append(replace(mistake, given="***") if hidden else mistake)

    def _note(self, key: str | None, reason: str) -> None:
        self.mistakes.append(self.mistake(key, reason))

    def mistake(self, key: str | None, reason: str) -> Mistake:
        """The mistake in one key (None: the whole table), without what came from the environment."""
        assert isinstance(self._table, Mapping)
        return key_mistake(self._table, self._index, key, self._expander.veil(reason))


def label(table: Mapping[str, object], index: int) -> str:
    """How a channel is called in a mistake: `channel "ops-mail"`, or by its place: `channel 3`."""
    given = table.get("name")
    return f"{ARRAY} {shown(given)}" if isinstance(given, str) and given else f"{ARRAY} {index + 1}"


def key_mistake(table: Mapping[str, Any], index: int, key: str | None, reason: str) -> Mistake:
    """The mistake in one key of a channel's table, as it was written; None is the whole table."""
    owner = label(table, index)
    if key is None:
        return Mistake(key=owner, reason=reason, path=(ARRAY, index))
    given = shown(table.get(key), "secret" if key in VEILED else key)
    return Mistake(key=f"{owner} {key}", given=given, reason=reason, path=(ARRAY, index, key))


def _mistaken_names(readings: Sequence[_Reading]) -> Iterator[Mistake]:
    """Names used twice, fallbacks that do not exist, and those that lead round in a circle."""
    named: dict[str, _Reading] = {}
    for reading in readings:
        if reading.name in named:
            reason = "another channel has this name: a name can be used once only"
            yield reading.mistake("name", reason)
        elif reading.name is not None:
            named[reading.name] = reading
    yield from _unknown_fallbacks(named)
    yield from _circles(named)


def _unknown_fallbacks(named: Mapping[str, _Reading]) -> Iterator[Mistake]:
    for name, reading in named.items():
        if reading.fallback is not None and reading.fallback not in named:
            meant = closest(reading.fallback, named.keys() - {name})
            hint = f', did you mean "{meant}"?' if meant else ""
            reason = f"no channel is named {shown(reading.fallback)}{hint}"
            yield reading.mistake("fallback", reason)


def _circles(named: Mapping[str, _Reading]) -> Iterator[Mistake]:
    """One mistake per circle: what was found is cut, then the rest is searched again."""
    following = {name: each.fallback for name, each in named.items()}
    graph = {name: [to] if to is not None and to in named else [] for name, to in following.items()}
    while names := cycle(graph):
        reason = f"fallbacks run in a circle: {' → '.join(names)}"
        if len(names) == 2:
            reason = "a channel can't be its own fallback"
        yield named[names[0]].mistake("fallback", reason)
        graph[names[0]] = []


def recipients(channels: Sequence[NamedChannel]) -> tuple[Recipient, ...]:
    """Those that are switched on, as paging sees them."""
    return tuple(
        Recipient(name=each.name, severities=severities(each.channel.severities))
        for each in channels
        if each.enabled
    )
