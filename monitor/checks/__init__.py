"""The protocol every check kind follows, and the registry of kinds: one file per kind beside this one.

A check is a frozen config with one `run(deadline) -> Measurement`. It never sees the database, the
scheduler or the clock. A kind is added by one file that decorates its config class with `@kind`;
nothing else changes.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, TypeVar

import msgspec
from msgspec.structs import FieldInfo

from domain.facts import Detail, Measurement
from domain.rules import StockRule

PROBE_RETRY_S = 2.0

C = TypeVar("C", bound="Check")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which a run must have ended, on the event loop's monotonic clock (seconds)."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """A deadline `seconds` from now on the running loop."""
        return cls(asyncio.get_running_loop().time() + seconds)

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at - asyncio.get_running_loop().time())


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The config of one check. Subclasses add the fields of their kind and implement `run`."""

    spec: ClassVar[Kind]

    async def run(self, deadline: Deadline) -> Measurement:
        """Measure once. Failure to measure is a Measurement; only a bug raises."""
        raise NotImplementedError(f"check kind {type(self).__name__} has no run()")

    def resume(self, metrics: Mapping[str, float], details: Mapping[str, Detail]) -> None:
        """Go on from what the last stored result held: once, before the first run in a process.

        Most kinds have nothing to go on from.
        """

    def target(self) -> str:
        """What is watched, on one line for people, without secrets: `GET http://host/path`."""
        return self.spec.title

    def headline(self) -> str:
        """The metric that stands large on the tile and in its sparkline."""
        return self.spec.headline

    def stock_rules(self) -> tuple[StockRule, ...]:
        """The rules this check brings; `warning`/`critical` in its table override the headline's."""
        return self.spec.rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is known of a check kind: its config model and how results of it are treated.

    `component` is the kind of component watched (`database`, `api`, `system` …), `retry_s` the pause
    before a retry (None: the interval itself, for sampled and costly kinds), `failures` and
    `successes` how many results in a row count (None: as `[monitor]` says), `foreign` whether it
    runs in the killable child process because its code can block.
    """

    name: str
    model: type[Check]
    title: str
    component: str
    headline: str
    retry_s: float | None = PROBE_RETRY_S
    failures: int | None = None
    successes: int | None = None
    foreign: bool = False
    rules: tuple[StockRule, ...] = ()

    @property
    def fields(self) -> tuple[FieldInfo, ...]:
        """The kind's own fields with their types."""
        return _fields_of(self.model)

    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of the kind's own fields, from which the web draws its form."""
        return msgspec.json.schema(self.model)


@cache
def _fields_of(model: type[Check]) -> tuple[FieldInfo, ...]:
    # msgspec reads the annotations anew each time: 1.5 ms, three times for each check of a file.
    return tuple(msgspec.structs.fields(model))


_registry: dict[str, Kind] = {}


def kind(
    name: str,
    *,
    title: str,
    component: str,
    headline: str,
    retry_s: float | None = PROBE_RETRY_S,
    failures: int | None = None,
    successes: int | None = None,
    foreign: bool = False,
    rules: tuple[StockRule, ...] = (),
) -> Callable[[type[C]], type[C]]:
    """Register the decorated config class as check kind `name`.

    Raises ValueError when the name is taken: two files can't own one kind.
    """

    def register(model: type[C]) -> type[C]:
        if name in _registry:
            raise ValueError(
                f"check kind {name!r} is already registered by {_registry[name].model!r}"
            )
        model.spec = Kind(
            name=name,
            model=model,
            title=title,
            component=component,
            headline=headline,
            retry_s=retry_s,
            failures=failures,
            successes=successes,
            foreign=foreign,
            rules=rules,
        )
        _registry[name] = model.spec
        return model

    return register


def kinds() -> Mapping[str, Kind]:
    """All kinds by name. Imports them all: the monitor asks for those that it runs by `kind_named`."""
    for name in kind_names():
        importlib.import_module(f"{__name__}.{name}")
    return _registry


def kind_names() -> frozenset[str]:
    """The names of all kinds: of the modules of this package, which are not imported for it."""
    return frozenset(module.name for module in pkgutil.iter_modules(__path__))


def kind_named(name: str) -> Kind | None:
    """A kind by its name, which is its module's; None when there is none."""
    if name not in _registry and name in kind_names():
        importlib.import_module(f"{__name__}.{name}")
    return _registry.get(name)


_threads: dict[Hashable, tuple[float, Future[Any]]] = {}


async def in_thread(key: Hashable, call: Callable[[], T]) -> T:
    """Await a call of ours that may block for ever, without blocking the loop.

    A key has one daemon thread at a time: while an earlier call with the same key hangs, later
    ones wait for its answer, so calls abandoned at their deadline never pile up.
    """
    running = _threads.get(key)
    future: Future[T] = running[1] if running else _start(key, call)
    return await asyncio.wrap_future(future)


def hanging_s(key: Hashable) -> float:
    """Seconds for which the call with this key has been running, 0 when none is."""
    started, _ = _threads.get(key, (time.monotonic(), None))
    return time.monotonic() - started


def _start(key: Hashable, call: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def work() -> None:
        try:
            value = call()
        except BaseException as error:  # whoever awaits the call gets it
            _threads.pop(key, None)
            future.set_exception(error)
        else:
            _threads.pop(key, None)
            future.set_result(value)

    _threads[key] = (time.monotonic(), future)
    threading.Thread(target=work, daemon=True, name="blocking call").start()
    return future
