"""Check kind `custom`: a check of the operator's own, in Python, with its own typed config."""

from __future__ import annotations

import asyncio
import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from domain.facts import Cause, Detail, Measurement, Status
from domain.mistakes import SECRET_KEY
from domain.units import show
from monitor import custom, custom_code
from monitor.checks import Check, Deadline, kind
from monitor.wire.said import said

TEXT_LIMIT = 300
MOST_METRICS = 100
METRIC_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}(\.[a-z0-9_]{1,50}){0,3}")
CAUSES = {Status.HEALTHY: Cause.NONE, Status.UNKNOWN: Cause.NOT_MEASURABLE}


@kind(
    "custom",
    title="Own check",
    component="application",
    headline="custom.run_ms",
    retry_s=None,
    foreign=True,
)
class CustomCheck(Check, frozen=True, kw_only=True):
    """`entry` of the file at `path`, or an entry point, is called with `config`; it says what it found.

    It runs in the killable child process.
    """

    entry: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=200,
            description="Class or function in the file; without path, the name of an entry point",
        ),
    ]
    path: Annotated[
        Annotated[str, Meta(min_length=1)] | None, Meta(description="Python file it stands in")
    ] = None
    config: Annotated[
        dict[str, Any] | None, Meta(description="What it is called with, by parameter")
    ] = None
    metric: Annotated[
        Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_.]*$", max_length=200)] | None,
        Meta(description="Number of its own that stands large, which warning and critical judge"),
    ] = None

    def __repr__(self) -> str:
        """Without the config, which may hold secrets."""
        return f"CustomCheck({self.target()!r})"

    async def run(self, deadline: Deadline) -> Measurement:
        """Find, configure and call it. The deadline is kept by the process that runs this."""
        clock = asyncio.get_running_loop().time
        try:
            call = self._bound()
            start = clock()
            value = call()
            if inspect.isawaitable(value):
                value = await value
        except custom_code.CodeError as error:
            return _unknown(str(error))
        except MemoryError:
            raise  # the whole child is in trouble: its runner deals with it
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            return _unknown(custom_code.told(error, self.entry, self._file()))
        return self._judge(value, round((clock() - start) * 1000, 2))

    def target(self) -> str:
        """`QueueDepth of queue.py`, or the name of the entry point."""
        return self.entry if self.path is None else f"{self.entry} of {Path(self.path).name}"

    def headline(self) -> str:
        """The number that the config names, else how long a run takes."""
        return "custom.run_ms" if self.metric is None else f"custom.{self.metric}"

    def _bound(self) -> Callable[[], object]:
        return custom_code.bind(custom_code.find(self.path, self.entry), self.config or {})

    def _file(self) -> str | None:
        """The author's file as tracebacks call it."""
        if self.path is not None:
            return str(Path(self.path).absolute())
        try:
            return inspect.getsourcefile(custom_code.find(None, self.entry))
        except Exception:  # it could not even be loaded
            return None

    def _judge(self, value: object, run_ms: float) -> Measurement:
        try:
            found = _result(value)
            numbers = dict(_numbers(found.metrics))
        except custom_code.CodeError as error:
            return _unknown(f"{self.entry} returned {error}")
        status = Status[found.status.name]
        text = said(found.message, self._secrets(), TEXT_LIMIT)
        return Measurement(
            status=status,
            cause=CAUSES.get(status, Cause.WRONG_ANSWER),
            message=text or f"{self.entry} is {status.word} ({show(run_ms, 'ms')})",
            response_time_ms=run_ms,
            metrics={"custom.run_ms": run_ms} | numbers,
            details=self._details(found.details),
        )

    def _details(self, details: Mapping[str, object]) -> dict[str, Detail]:
        secrets = self._secrets()
        return {
            said(str(name), secrets): _shown(each, secrets)
            for name, each in list(details.items())[:MOST_METRICS]
        }

    def _secrets(self) -> list[str]:
        """Values of the config whose keys look secret: the author's texts may not repeat them."""
        return [str(each) for key, each in (self.config or {}).items() if SECRET_KEY.search(key)]


def _result(value: object) -> custom.Result:
    """What was returned as a result: also None, True and False, a number, or numbers by name."""
    if isinstance(value, custom.Result):
        wanted = (custom.Status, str, Mapping, Mapping)
        parts = (value.status, value.message, value.metrics, value.details)
        if not all(map(isinstance, parts, wanted)):
            raise custom_code.CodeError("a result with a part of another type than it must have")
        return value
    if value is None or isinstance(value, bool):
        return custom.critical("") if value is False else custom.healthy()
    if isinstance(value, int | float):
        return custom.healthy("", value=value)
    if isinstance(value, Mapping):
        return custom.Result(custom.Status.HEALTHY, "", value)
    raise custom_code.CodeError(
        f"{type(value).__name__}, expected a Result, None, True, False, a number or numbers by name"
    )


def _numbers(metrics: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    if len(metrics) > MOST_METRICS:
        raise custom_code.CodeError(f"{len(metrics)} numbers, expected at most {MOST_METRICS}")
    for name, value in metrics.items():
        shown = said(str(name), limit=50)
        if not isinstance(name, str) or not METRIC_NAME.fullmatch(name):
            raise custom_code.CodeError(
                f'a number called "{shown}", expected lower-case letters, digits, "_" and "."'
            )
        if name == "run_ms":
            raise custom_code.CodeError("a number called run_ms, which is measured already")
        number = _finite(value)
        if number is None:
            raise custom_code.CodeError(f"{shown}, which is no finite number")
        yield f"custom.{name}", number


def _finite(value: object) -> float | None:
    """A number that can be stored and sent; None for all else."""
    try:
        number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return number if math.isfinite(number) else None


def _shown(value: object, secrets: list[str]) -> Detail:
    """A detail as it can be stored: other objects than texts and numbers are told by their type."""
    if isinstance(value, str):
        return said(value, secrets)
    number = value if isinstance(value, bool) else _finite(value)
    return type(value).__name__ if number is None else number


def _unknown(message: str) -> Measurement:
    return Measurement(
        status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=said(message, limit=TEXT_LIMIT)
    )
