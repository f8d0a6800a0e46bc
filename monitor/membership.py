"""Checks that are made of other checks: which those are, and that none contains itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from domain.checktable import key_mistake
from domain.composite import Member
from domain.definitions import CheckDefinition
from domain.dependencies import cycle
from domain.facts import Cause, Measurement, Status
from domain.matching import Subject
from domain.mistakes import Mistake, WrongFields
from monitor.checks import Check, Deadline

if TYPE_CHECKING:
    from monitor.definitions import WatchedCheck

Members = Mapping[str, tuple[str, ...]]


class Derived(Check, frozen=True, kw_only=True):
    """A check that measures nothing: the cycle hands it what its members read.

    It runs at its interval, and at once when what one of its members reads has changed.
    """

    async def run(self, deadline: Deadline) -> Measurement:
        """Unknown: without a roster around it there is nothing to judge."""
        return Measurement(
            status=Status.UNKNOWN,
            cause=Cause.NOT_MEASURABLE,
            message="It is made of other checks, and reads nothing by itself",
        )

    def members(self, own: str, subjects: Sequence[Subject]) -> tuple[str, ...]:
        """The names of its members among all checks; `own` is its own name.

        Raises WrongFields when they can't be what its fields say.
        """
        raise NotImplementedError(f"check kind {type(self).__name__} has no members()")

    def weigh(self, members: Sequence[Member]) -> Measurement:
        """What the members amount to."""
        raise NotImplementedError(f"check kind {type(self).__name__} has no weigh()")


def resolve(
    definitions: Sequence[CheckDefinition | None],
    tables: Sequence[Mapping[str, Any]],
    watched: Mapping[str, WatchedCheck],
) -> tuple[Members, tuple[Mistake, ...]]:
    """The members of each check that has any by its name, and every mistake in them.

    `definitions` and `tables` belong together by their places; `watched` are those that could be
    built, by name.
    """
    subjects = [_subject(each, watched.get(each.name)) for each in definitions if each is not None]
    members: dict[str, tuple[str, ...]] = {}
    mistakes: list[Mistake] = []
    for index, definition in enumerate(definitions):
        built = None if definition is None else watched.get(definition.name)
        if definition is None or built is None or not isinstance(built.check, Derived):
            continue
        try:
            members[definition.name] = built.check.members(definition.name, subjects)
        except WrongFields as error:
            mistakes += (key_mistake(tables[index], index, *each) for each in error.reasons)
    mistakes += _circles(definitions, tables, members)
    return members, tuple(mistakes)


def _subject(definition: CheckDefinition, built: WatchedCheck | None) -> Subject:
    return Subject(
        name=definition.name,
        kind=definition.kind,
        tags=frozenset(definition.tags),
        group=built.group if built else definition.group or "",
    )


def _circles(
    definitions: Sequence[CheckDefinition | None],
    tables: Sequence[Mapping[str, Any]],
    members: Members,
) -> Iterator[Mistake]:
    """One mistake per circle of members, and of members and what they depend on.

    One of dependencies alone has been told already.
    """
    places = {each.name: at for at, each in enumerate(definitions) if each is not None}
    graph = {
        each.name: [*sorted(each.parents & places.keys()), *members.get(each.name, ())]
        for each in definitions
        if each is not None
    }
    while names := cycle(graph):
        edges = list(pairwise(names))
        made = [(whole, part) for whole, part in edges if part in members.get(whole, ())]
        for whole, _ in made[:1]:
            at = places[whole]
            turned = names[names.index(whole) : -1] + names[: names.index(whole)]
            reason = f"it would be made of itself: {' → '.join((*turned, whole))}"
            yield key_mistake(tables[at], at, "of" if "of" in tables[at] else "match", reason)
        cut, gone = (made or edges)[0]
        graph[cut] = [name for name in graph[cut] if name != gone]
