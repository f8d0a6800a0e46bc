"""The protocol every channel follows, and the registry of kinds: one file per kind beside this one.

A channel is a frozen config with one `send(message, deadline) -> Outcome`. It never sees the
database, the outbox or the clock of due times. A kind is added by one file that decorates its config
class with `@channel`; nothing else changes.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec import Meta

from domain.outbox import Message, Outcome
from monitor.checks import Deadline

__all__ = ["Channel", "ChannelKind", "Deadline", "Word", "channel", "kinds"]

# The words of domain.paging.WORDS; a test holds the two together.
Word = Literal["info", "warning", "low", "error", "medium", "critical", "high"]

C = TypeVar("C", bound="Channel")


class Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The config of one channel. Subclasses add the fields of their kind and implement `send`."""

    spec: ClassVar[ChannelKind]
    # Whether one message may tell of several incidents, the `others` of it. A kind that does not
    # say so gets one message an incident: nothing may be lost on the way to people.
    bundles: ClassVar[bool] = False

    severities: Annotated[
        tuple[Word, ...], Meta(description="Severities it is told of; all when empty")
    ] = ()
    fallback: Annotated[
        str | None, Meta(description="Channel that takes over what this one can't deliver")
    ] = None

    async def send(self, message: Message, deadline: Deadline) -> Outcome:
        """Send once. What went wrong is an Outcome without secrets; only a bug raises."""
        raise NotImplementedError(f"channel kind {type(self).__name__} has no send()")

    def target(self) -> str:
        """Where it sends to, on one line for people, without secrets."""
        return self.spec.title


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKind:
    """What is known of a kind of channel: its config model and its title for people."""

    name: str
    model: type[Channel]
    title: str

    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of the kind's fields, from which the web draws its form."""
        return msgspec.json.schema(self.model)


_registry: dict[str, ChannelKind] = {}


def channel(name: str, *, title: str) -> Callable[[type[C]], type[C]]:
    """Register the decorated config class as channel kind `name`.

    Raises ValueError when the name is taken: two files can't own one kind.
    """

    def register(model: type[C]) -> type[C]:
        if name in _registry:
            owner = _registry[name].model
            raise ValueError(f"channel kind {name!r} is already registered by {owner!r}")
        model.spec = ChannelKind(name=name, model=model, title=title)
        _registry[name] = model.spec
        return model

    return register


def kinds() -> Mapping[str, ChannelKind]:
    """All kinds by name. The modules of this package are imported at the first call."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return _registry
