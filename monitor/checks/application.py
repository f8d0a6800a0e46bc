"""Check kind `application`: what a Python application needs is there, and its model loads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from domain.facts import Cause, Detail, Measurement, Status
from domain.mistakes import WrongFields
from domain.units import show, span
from monitor import conditions
from monitor.checks import Check, Deadline, hanging_s, in_thread, kind
from monitor.interpreter import Answers, Broken, Loaded, ModuleFound, Order, ask

if TYPE_CHECKING:
    from packaging.requirements import Requirement

MEGABYTE = 10**6
SHOWN = 5

Path = Annotated[str, Meta(pattern="^/")]
Variable = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """A condition that does not hold, as a sentence with the value found and the one expected."""

    cause: Cause
    text: str


@kind(
    "application",
    title="Python application",
    component="application",
    headline="application.load_ms",
    retry_s=None,
)
class ApplicationCheck(Check, frozen=True, kw_only=True):
    """Every condition given holds; one that does not is named. At least one must be given."""

    modules: Annotated[
        tuple[str, ...],
        Meta(description='Modules or distributions to import, with versions: "requests>=2.32"'),
    ] = ()
    loads: Annotated[
        Annotated[
            str, Meta(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")
        ]
        | None,
        Meta(description="Function that loads a model: package.module:function"),
    ] = None
    budget_ms: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="A load that takes longer is degraded"),
    ] = None
    python: Annotated[
        Path | None,
        Meta(description="Interpreter that imports and loads; the monitor's own if none"),
    ] = None
    path: Annotated[
        tuple[Path, ...], Meta(description="Folders to search for modules, before the usual")
    ] = ()
    memory_mb: Annotated[
        int, Meta(ge=64, le=1_000_000, description="Address space of that interpreter, in MB")
    ] = 2048
    readable: Annotated[
        tuple[Path, ...], Meta(description="Folders and files that can be read")
    ] = ()
    writable: Annotated[
        tuple[Path, ...], Meta(description="Folders and files that can be written to")
    ] = ()
    configs: Annotated[
        tuple[Path, ...], Meta(description="Configuration files that can be parsed")
    ] = ()
    environment: Annotated[
        tuple[Variable, ...], Meta(description="Environment variables of the monitor that are set")
    ] = ()

    def __post_init__(self) -> None:
        """Refuse what could never work: no condition, and what can't be understood."""
        wrong = list(self._mistakes())
        if wrong:
            raise WrongFields(wrong)

    async def run(self, deadline: Deadline) -> Measurement:
        """Look at everything at once. Imports and loading happen in a process that is killed."""
        answers = Answers()
        by_files, by_python = await asyncio.gather(
            self._files(deadline), self._python(deadline, answers)
        )
        return self._judge([*self._variables(), *by_files, *by_python], answers)

    def target(self) -> str:
        """What is loaded, imported or looked at first."""
        given = (self.loads, *self.modules, *self.configs, *self.readable, *self.writable)
        first = next((each for each in (*given, *self.environment) if each), "")
        more = self._count() - 1
        return f"{first} and {more} more" if more else first

    def headline(self) -> str:
        """The time of loading; of importing where nothing is loaded; else how many fail."""
        if self.loads:
            return "application.load_ms"
        return "application.import_ms" if self.modules else "application.failed"

    def _mistakes(self) -> Iterator[tuple[str, str]]:
        if not self._count():
            yield "modules", "or another condition must be given"
        for text in self.modules:
            try:
                requirement = _requirement(text)
            except ValueError:
                yield "modules", 'must be names with versions, like "requests>=2.32"'
                continue
            if requirement.extras or requirement.marker or requirement.url:
                yield "modules", "must have no extras, markers or addresses"
        if any(
            os.path.splitext(path)[1].lower() not in conditions.PARSERS for path in self.configs
        ):
            yield "configs", f"must end with one of {', '.join(conditions.PARSERS)}"
        if not self.modules and not self.loads and (self.python or self.path):
            yield "python" if self.python else "path", "has no use without modules or loads"
        if self.budget_ms is not None and not self.loads:
            yield "budget_ms", "has no use without loads"

    def _count(self) -> int:
        given = (self.modules, self.readable, self.writable, self.configs, self.environment)
        return sum(len(each) for each in given) + (self.loads is not None)

    def _variables(self) -> list[Failing]:
        """Values are not told, not even of those that are wrong."""
        found = []
        for name in self.environment:
            if not os.environ.get(name):
                state = "empty" if name in os.environ else "not set"
                text = f"Environment variable {name} is {state}"
                found.append(Failing(cause=Cause.MISSING, text=text))
        return found

    async def _files(self, deadline: Deadline) -> list[Failing]:
        looks: list[tuple[Callable[[str], str | None], str]] = [
            *((conditions.readable, path) for path in self.readable),
            *((conditions.writable, path) for path in self.writable),
            *((conditions.valid, path) for path in self.configs),
        ]
        key, at = ("application", self), [""]

        def look() -> list[str]:
            found = []
            for condition, at[0] in looks:
                found.append(condition(at[0]))
            return [text for text in found if text is not None]

        if not looks:
            return []
        try:
            async with asyncio.timeout_at(deadline.at):
                texts = await in_thread(key, look)
        except TimeoutError:
            # An earlier run's call that still hangs goes on, and `at` of that one is not known.
            where = at[0] or "its files and folders"
            text = f"Still waiting for {where}, for {span(hanging_s(key))}"
            return [Failing(cause=Cause.TIMEOUT, text=text)]
        return [Failing(cause=Cause.WRONG_ANSWER, text=text) for text in texts]

    async def _python(self, deadline: Deadline, answers: Answers) -> list[Failing]:
        if not self.modules and not self.loads:
            return []
        requirements = [_requirement(text) for text in self.modules]
        order = Order(
            modules=tuple(requirement.name for requirement in requirements),
            loads=self.loads,
            path=self.path,
            memory_bytes=self.memory_mb * MEGABYTE,
        )
        broken: list[Failing] = []
        try:
            await ask(self.python, order, answers, deadline)
        except Broken as error:
            broken = [Failing(cause=error.cause, text=str(error))]
        pairs = zip(requirements, answers.modules, strict=False)
        found = [failing for pair in pairs if (failing := _wrong_module(*pair))]
        if answers.load and (failing := self._wrong_load(answers.load)):
            found.append(failing)
        return found + broken

    def _wrong_load(self, load: Loaded) -> Failing | None:
        if load.error and load.error.startswith("MemoryError"):
            text = (
                f"{load.loads} needs more than {show(self.memory_mb * MEGABYTE, 'bytes')} of memory"
            )
        elif load.missing:
            text = f"{load.loads} is missing: {_clean(load.error or '')}"
            return Failing(cause=Cause.MISSING, text=text)
        elif load.error:
            text = f"{load.loads} raised {_clean(load.error)}"
        elif load.returned_false:
            text = f"{load.loads} returned False, expected anything else"
        else:
            return None
        return Failing(cause=Cause.WRONG_ANSWER, text=text)

    def _judge(self, failing: list[Failing], answers: Answers) -> Measurement:
        metrics = self._metrics(failing, answers)
        took_ms = metrics.get("application.load_ms", metrics.get("application.import_ms"))
        status, cause, message = Status.HEALTHY, Cause.NONE, self._sentence(metrics)
        budget = self.budget_ms
        if failing:
            # What could not be looked at is no fault of the application's.
            found = [each for each in failing if each.cause is not Cause.NOT_MEASURABLE]
            status = Status.CRITICAL if found else Status.UNKNOWN
            cause = (found or failing)[0].cause
            message = _told([each.text for each in failing])
        elif budget is not None and metrics["application.load_ms"] > budget:
            status, cause = Status.DEGRADED, Cause.THRESHOLD
            took = show(metrics["application.load_ms"], "ms")
            message = f"{self.loads} took {took}, expected ≤ {show(budget, 'ms')}"
        return Measurement(
            status=status,
            cause=cause,
            message=message,
            response_time_ms=took_ms,
            metrics=metrics,
            details=_details(failing, answers),
        )

    def _metrics(self, failing: list[Failing], answers: Answers) -> dict[str, float]:
        metrics = {
            "application.conditions": float(self._count()),
            "application.failed": float(len(failing)),
        }
        if answers.load is not None and answers.load.error is None:
            metrics["application.load_ms"] = round(answers.load.ms, 2)
        if self.modules and len(answers.modules) == len(self.modules):
            metrics["application.import_ms"] = round(sum(each.ms for each in answers.modules), 2)
        if answers.peak_bytes is not None:
            metrics["application.peak_bytes"] = float(answers.peak_bytes)
        return metrics

    def _sentence(self, metrics: dict[str, float]) -> str:
        count = self._count()
        text = "The condition holds" if count == 1 else f"All {count} conditions hold"
        if "application.load_ms" in metrics:
            took = show(metrics["application.load_ms"], "ms")
            return f"{text}, {self.loads} took {took}"
        return text


def _requirement(text: str) -> Requirement:
    """A name with versions. Raises ValueError; the source is PEP 508, and PEP 440 for versions."""
    from packaging.requirements import Requirement  # for this kind alone

    return Requirement(text)


def _wrong_module(requirement: Requirement, found: ModuleFound) -> Failing | None:
    from packaging.version import InvalidVersion

    expected = ", ".join(
        sorted(f"{each.operator} {each.version}" for each in requirement.specifier)
    )
    wanted = f", expected {expected}" if expected else ""
    name, version = requirement.name, _clean(found.version or "")
    if found.missing:
        return Failing(cause=Cause.MISSING, text=f"{name} is not installed{wanted}")
    if found.error:
        text = f"Importing {name} raised {_clean(found.error)}"
        return Failing(cause=Cause.WRONG_ANSWER, text=text)
    try:
        # A pre-release that is installed satisfies what its number satisfies.
        fits = not expected or requirement.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        fits = False
    if fits:
        return None
    text = f"{name} {version} is installed{wanted}" if version else f"{name} has no version{wanted}"
    return Failing(cause=Cause.WRONG_ANSWER, text=text)


def _told(texts: list[str]) -> str:
    """The first few sentences as one, and how many more there are."""
    more = f"; and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return "; ".join(texts[:SHOWN]) + more


def _details(failing: list[Failing], answers: Answers) -> dict[str, Detail]:
    details: dict[str, Detail] = {}
    if failing:
        details["failed"] = [each.text for each in failing]
    if answers.python:
        details["python"] = _clean(answers.python)
    if answers.modules:
        versions = {each.module: _clean(each.version) for each in answers.modules if each.version}
        details["versions"] = dict(versions)
    return details


def _clean(text: str) -> str:
    """Text of foreign code on one line, without control characters."""
    return "".join(each if each.isprintable() else " " for each in text)[:220]
