"""From raw `[[check]]` tables to check definitions: the fields that all kinds have in common.

What is not common belongs to the kind and stays raw in `fields`; the monitor validates it.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from msgspec import Meta

from domain.definitions import CheckDefinition, Levels
from domain.dependencies import OWN_NETWORK, cycle
from domain.facts import Detail, Policy
from domain.fields import Field, duration, finite, level
from domain.mistakes import KeyPath, Mistake, closest, shown
from domain.rules import operator
from domain.settings import Settings, Times, interval, timeout

ARRAY = "check"
# Marks that change the direction of the text around them: a name could pose as another.
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Characters without any shape: two names that differ by one of them look the same.
SHAPELESS = frozenset("\u00ad\u034f\u180e\u200b\u2060\u2061\u2062\u2063\u2064\ufeff")
# These look like nothing too, though scripts and emoji need some of them between letters.
BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
INVISIBLE_CATEGORIES = frozenset({"Cf", "Cn", "Co", "Mn", "Me", "Zs"})
UNPRINTABLE = {"Cc": "control characters", "Cs": "lone surrogates", "Zl": "line separators"}
UNPRINTABLE["Zp"] = UNPRINTABLE["Zl"]
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How results of a kind are confirmed where its table does not say.

    `retry_s` is the pause before a retry in seconds (None: the next interval is waited for);
    `failures` and `successes` are results in a row (None: as `[monitor]` says).
    """

    retry_s: float | None = None
    failures: int | None = None
    successes: int | None = None


PaceOf = Callable[[str], Pace]


def name(text: str) -> str:
    """A name in its one normal form (NFC). Raises ValueError when it can't be one.

    Names stand in addresses, logs and lists, so nothing invisible may tell two of them apart.
    """
    normal = unicodedata.normalize("NFC", plain(text))
    if not normal:
        raise ValueError("must not be empty")
    if len(normal) > LONGEST_NAME:
        raise ValueError(f"must have at most {LONGEST_NAME} characters")
    if normal != normal.strip():
        raise ValueError("must not begin or end with a space")
    if not any(_is_visible(character) for character in normal):
        raise ValueError("must have a character that can be seen")
    if not normal.strip("/"):
        raise ValueError('must not be made of "/" only')
    if {".", ".."} & set(normal.split("/")):
        raise ValueError('must not have "." or ".." as a part: it could not stand in an address')
    return normal


def plain(text: str) -> str:
    """The text itself. Raises ValueError when it holds what can't be seen or stored."""
    for character in text:
        unseen = UNPRINTABLE.get(unicodedata.category(character))
        if character in BIDI:
            unseen = "marks that change the direction of text"
        if character in SHAPELESS:
            unseen = "invisible characters"
        if unseen:
            raise ValueError(f"must not contain {unseen} (U+{ord(character):04X})")
    return text


def _is_visible(character: str) -> bool:
    return character not in BLANK and unicodedata.category(character) not in INVISIBLE_CATEGORIES


def _tags(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name(text) for text in texts))


def _groups(entries: Sequence[str | Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    groups = [(entry,) if isinstance(entry, str) else tuple(entry) for entry in entries]
    if not all(groups):
        raise ValueError("a redundancy group must not be empty")
    return tuple(tuple(name(member) for member in group) for group in groups)


def _weight(value: float) -> float:
    if not finite(value) > 0:
        raise ValueError("must be more than 0")
    return value


Level = Field(type=float, then=level)
COMMON: Mapping[str, Field] = {
    "name": Field(type=str, then=name),
    "kind": Field(type=Annotated[str, Meta(min_length=1)], then=plain),
    "interval": Field(type=str, then=interval),
    "timeout": Field(type=str, then=timeout),
    "failures": Field(type=Times),
    "successes": Field(type=Times),
    "retry_interval": Field(type=str, then=duration),
    "weight": Field(type=float, then=_weight),
    "tags": Field(type=tuple[str, ...], then=_tags),
    "depends_on": Field(type=list[str | list[str]], then=_groups),
    "scope": Field(type=Literal["inside", "outside"]),
    "enabled": Field(type=bool),
    "group": Field(type=str, then=name),
    "description": Field(type=Annotated[str, Meta(max_length=2000)]),
    "warning": Level,
    "critical": Level,
    "operator": Field(type=str, then=operator),
}


def read_tables(
    tables: Sequence[object], settings: Settings, pace_of: PaceOf
) -> tuple[tuple[CheckDefinition | None, ...], tuple[Mistake, ...]]:
    """A definition per table (None where the entry is no table), and every mistake in them.

    A mistaken field has its default in the definition, so that checking can go on. `pace_of`
    tells by kind how results are confirmed.
    """
    definitions: list[CheckDefinition | None] = []
    mistakes: list[Mistake] = []
    for index, table in enumerate(tables):
        definition, found = _read(table, index, settings.monitor, pace_of)
        if definition is not None and settings.network.references:
            definition = _behind_own_network(definition)
        definitions.append(definition)
        mistakes += found
    mistakes += _duplicates(definitions)
    mistakes += _unknown_parents(definitions)
    mistakes += _cycles(definitions)
    return tuple(definitions), tuple(mistakes)


def with_own_network(
    tables: Sequence[Mapping[str, Any]], settings: Settings
) -> Sequence[Mapping[str, Any]]:
    """The tables, and the check of the own network where `[network] references` name any.

    One of that name in the file is taken instead.
    """
    names = {table.get("name") for table in tables if isinstance(table, Mapping)}
    references = settings.network.references
    if not references or OWN_NETWORK in names:
        return tables
    table: Mapping[str, Any] = {
        "name": OWN_NETWORK,
        "kind": "network",
        "references": list(references),
        "description": "While none of the references answers, nothing outside can be judged.",
    }
    return [*tables, table]


def label(table: Mapping[str, object], index: int) -> str:
    """How a check is called in a mistake: `check "shop-api"`, or by its place: `check 3`."""
    given = table.get("name")
    return f"{ARRAY} {shown(given)}" if isinstance(given, str) and given else f"{ARRAY} {index + 1}"


def key_mistake(
    table: Mapping[str, object], index: int, key: str, reason: str, *, missing: bool = False
) -> Mistake:
    """The mistake in one key of a check's table."""
    path: KeyPath = (ARRAY, index, key)
    owner = label(table, index)
    if missing:
        return Mistake(key=owner, reason=f"{key} is missing", path=path)
    given = shown(table.get(key), key)
    return Mistake(key=f"{owner} {key}", given=given, reason=reason, path=path)


def _read(
    table: object, index: int, defaults: Any, pace_of: PaceOf
) -> tuple[CheckDefinition | None, list[Mistake]]:
    if not isinstance(table, Mapping):
        reason = "must be a table: write [[check]] above its keys"
        key = f"{ARRAY} {index + 1}"
        return None, [Mistake(key=key, given=shown(table), reason=reason, path=(ARRAY, index))]
    values: dict[str, Any] = {}
    mistakes: list[Mistake] = []
    for key in ("name", "kind"):
        if key not in table:
            mistakes.append(key_mistake(table, index, key, "", missing=True))
    for key in COMMON.keys() & table.keys():
        try:
            values[key] = COMMON[key].read(table[key])
        except ValueError as error:
            mistakes.append(key_mistake(table, index, key, str(error)))
    fields = {str(key): value for key, value in table.items() if key not in COMMON}
    return _definition(values, fields, index, defaults, pace_of), mistakes


def _definition(
    values: Mapping[str, Any],
    fields: Mapping[str, Detail],
    index: int,
    defaults: Any,
    pace_of: PaceOf,
) -> CheckDefinition:
    kind = values.get("kind", "")
    pace = pace_of(kind)
    policy = Policy(
        interval_s=values.get("interval", defaults.interval_s),
        timeout_s=values.get("timeout", defaults.timeout_s),
        failures=values.get("failures", pace.failures or defaults.failures),
        successes=values.get("successes", pace.successes or defaults.successes),
        retry_interval_s=values.get("retry_interval", pace.retry_s),
    )
    levels = Levels(**{key: values.get(key) for key in ("warning", "critical", "operator")})
    taken = ("weight", "tags", "depends_on", "scope", "enabled", "group", "description")
    return CheckDefinition(
        # Only a table with a mistake has no name; the place can't be a name twice.
        name=values.get("name", f"#{index + 1}"),
        kind=kind,
        policy=policy,
        levels=levels,
        fields=fields,
        **{key: values[key] for key in taken if key in values},
    )


def _behind_own_network(definition: CheckDefinition) -> CheckDefinition:
    if definition.scope != "outside" or definition.name == OWN_NETWORK:
        return definition
    return replace(definition, depends_on=((OWN_NETWORK,), *definition.depends_on))


def _duplicates(definitions: Sequence[CheckDefinition | None]) -> Iterator[Mistake]:
    seen: Counter[str] = Counter()
    for index, definition in enumerate(definitions):
        if definition is None:
            continue
        if seen[definition.name]:
            reason = "another check has this name: a name can be used once only"
            yield key_mistake({"name": definition.name}, index, "name", reason)
        seen[definition.name] += 1


def _unknown_parents(definitions: Sequence[CheckDefinition | None]) -> Iterator[Mistake]:
    names = {definition.name for definition in definitions if definition}
    for index, definition in enumerate(definitions):
        if definition is None:
            continue
        for parent in sorted(definition.parents - names):
            meant = closest(parent, names - {definition.name})
            hint = f', did you mean "{meant}"?' if meant else ""
            yield _dependency_mistake(definition, index, f"no check is named {shown(parent)}{hint}")


def _cycles(definitions: Sequence[CheckDefinition | None]) -> Iterator[Mistake]:
    """One mistake per cycle: what was found is cut, then the rest is searched again."""
    known: dict[str, tuple[int, CheckDefinition]] = {}
    for index, definition in enumerate(definitions):
        if definition is not None:
            known.setdefault(definition.name, (index, definition))
    graph = {name: sorted(each.parents & known.keys()) for name, (_, each) in known.items()}
    while names := cycle(graph):
        index, child = known[names[0]]
        reason = f"dependencies run in a circle: {' → '.join(names)}"
        yield _dependency_mistake(child, index, reason)
        graph[names[0]] = [parent for parent in graph[names[0]] if parent != names[1]]


def _dependency_mistake(definition: CheckDefinition, index: int, reason: str) -> Mistake:
    given = [group[0] if len(group) == 1 else list(group) for group in definition.depends_on]
    table = {"name": definition.name, "depends_on": given}
    return key_mistake(table, index, "depends_on", reason)
