"""Check kind `callable`: a Python function of the operator is called and its answer judged."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import math
import sys
from collections.abc import Callable
from typing import Annotated

from msgspec import Meta

from domain.facts import Cause, Measurement, Status
from domain.units import show
from monitor.checks import Check, Deadline, kind

TEXT_LIMIT = 300


class FunctionNotFound(Exception):
    """The function named by a check can't be imported; the text says why."""


@kind(
    "callable",
    title="Python function",
    component="application",
    headline="callable.run_ms",
    retry_s=None,
    foreign=True,
)
class CallableCheck(Check, frozen=True, kw_only=True):
    """`function` returns: True and None are healthy, False and exceptions critical.

    A number becomes the metric callable.value. It runs in the killable child process.
    """

    function: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$",
            description="Where the function is: package.module:name",
        ),
    ]
    path: Annotated[
        tuple[str, ...], Meta(description="Folders to search for the module, before the usual")
    ] = ()
    budget_ms: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="A call that takes longer is degraded"),
    ] = None

    async def run(self, deadline: Deadline) -> Measurement:
        """Import and call the function. The deadline is kept by the process that runs this."""
        clock = asyncio.get_running_loop().time
        try:
            function = _find(self.function, self.path)
            start = clock()
            value = function()
            if inspect.isawaitable(value):
                value = await value
        except FunctionNotFound as error:
            return _critical(Cause.MISSING, str(error))
        except MemoryError:
            raise  # the whole child is in trouble: its runner deals with it
        except (Exception, SystemExit) as error:  # this is what is measured
            return _critical(Cause.WRONG_ANSWER, f"{self.function} raised {_text(error)}")
        return self._judge(value, (clock() - start) * 1000)

    def target(self) -> str:
        """The function's address."""
        return self.function

    def _judge(self, value: object, took_ms: float) -> Measurement:
        metrics = {"callable.run_ms": round(took_ms, 2)}
        took = show(metrics["callable.run_ms"], "ms")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        how = f"returned {value:g} in" if number else "took"
        status, cause, message = Status.HEALTHY, Cause.NONE, f"{self.function} {how} {took}"
        if self.budget_ms is not None and took_ms > self.budget_ms:
            status, cause = Status.DEGRADED, Cause.THRESHOLD
            message = f"{message}, expected ≤ {show(self.budget_ms, 'ms')}"
        if isinstance(value, int | float) and not isinstance(value, bool):
            if not math.isfinite(value):
                return _critical(Cause.WRONG_ANSWER, f"{self.function} returned {value}")
            metrics["callable.value"] = float(value)
        elif value is not None and value is not True:
            returned = "False" if value is False else type(value).__name__
            status, cause = Status.CRITICAL, Cause.WRONG_ANSWER
            message = f"{self.function} returned {returned}, expected True, None or a number"
        return Measurement(
            status=status,
            cause=cause,
            message=message,
            response_time_ms=round(took_ms, 2),
            metrics=metrics,
        )


def _find(address: str, path: tuple[str, ...]) -> Callable[[], object]:
    module_name, _, name = address.partition(":")
    sys.path[:0] = [folder for folder in path if folder not in sys.path]
    try:
        found = getattr(importlib.import_module(module_name), name)
    except ModuleNotFoundError as error:
        raise FunctionNotFound(f"No module named {error.name} for {address}") from None
    except AttributeError:
        raise FunctionNotFound(f"Module {module_name} has no {name}") from None
    if not callable(found):
        raise FunctionNotFound(f"{address} is not a function")
    return found  # type: ignore[no-any-return]  # what it returns is judged


def _text(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text[:TEXT_LIMIT]}" if text else type(error).__name__


def _critical(cause: Cause, message: str) -> Measurement:
    return Measurement(status=Status.CRITICAL, cause=cause, message=message)
