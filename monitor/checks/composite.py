"""Check kind `composite`: so many of other checks are well, by number, weight or per cent."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from msgspec import Meta

from domain.composite import Member, Needs, selected, weigh
from domain.facts import Cause, Measurement, Status
from domain.matching import Match, Subject, read_match
from domain.mistakes import WrongFields, closest, shown
from monitor.checks import kind
from monitor.membership import Derived

TARGET_SHOWN = 3
CAUSES = {Status.HEALTHY: Cause.NONE, Status.UNKNOWN: Cause.NOT_MEASURABLE}

Name = Annotated[str, Meta(min_length=1)]
Amount = Annotated[float, Meta(gt=0)]
Percent = Annotated[float, Meta(gt=0, le=100)]


@kind(
    "composite",
    title="Composite",
    component="service",
    headline="composite.healthy_percent",
    retry_s=None,
    # What it is made of has been confirmed already.
    failures=1,
    successes=1,
)
class CompositeCheck(Derived, frozen=True, kw_only=True):
    """At least `at_least` of the members are well. Members are given by `of`, by `match`, or both."""

    of: Annotated[tuple[Name, ...], Meta(description="Names of the checks it is made of")] = ()
    match: Annotated[
        dict[str, str | list[str]] | None,
        Meta(description='And those that match: { tags = ["shop"], name = "shop-*" }'),
    ] = None
    at_least: Annotated[
        Amount | None, Meta(description="So many must be healthy; with weights, so much weight")
    ] = None
    warn_below: Annotated[
        Amount | None, Meta(description="Fewer healthy ones than this are a warning")
    ] = None
    at_least_percent: Annotated[
        Percent | None, Meta(description="So many per cent of them must be healthy")
    ] = None
    warn_below_percent: Annotated[
        Percent | None, Meta(description="Fewer per cent than this are a warning")
    ] = None
    weights: Annotated[
        dict[str, Amount] | None,
        Meta(description="What members count, by name; 1 if not given"),
    ] = None

    def __post_init__(self) -> None:
        """Refuse what could never work by itself. What the members are is looked at later."""
        if wrong := list(self._wrong()):
            raise WrongFields(wrong)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        if not self.of and self.match is None:
            yield "of", "or match must be given"
        if self.match is not None:
            try:
                read_match(self.match)
            except ValueError as error:
                yield "match", str(error)
        if (self.at_least is None) == (self.at_least_percent is None):
            yield "at_least", "or at_least_percent must be given, one of the two"
            return
        needs = self._needs()
        here, there = ("_percent", "") if needs.in_percent else ("", "_percent")
        if needs.warn_below is not None and needs.warn_below <= needs.at_least:
            yield f"warn_below{here}", f"must be more than at_least{here}"
        if getattr(self, f"warn_below{there}") is not None:
            yield f"warn_below{there}", f"does not go with at_least{here}"

    def members(self, own: str, subjects: Sequence[Subject]) -> tuple[str, ...]:
        """Its members; the names and weights must be those of checks, and enough of them."""
        of = [unicodedata.normalize("NFC", name) for name in self.of]
        found = selected(of, self._match(), subjects, own)
        names = {subject.name for subject in subjects}
        wrong = [("of", _nobody(name, names - {own})) for name in of if name not in names]
        if not found:
            wrong.append(("match", "no check matches"))
        wrong += [
            ("weights", f"{shown(name)} is no member{_hint(name, found)}")
            for name in self._weights()
            if name not in found
        ]
        if not wrong:
            total = sum(self._weights().get(name, 1.0) for name in found)
            what = "all members together weigh" if self.weights else "it has so many members"
            wrong = [
                (key, f"must be at most {total:g}: {what}")
                for key in ("at_least", "warn_below")
                if (getattr(self, key) or 0) > total
            ]
        if wrong:
            raise WrongFields(wrong)
        return found

    def weigh(self, members: Sequence[Member]) -> Measurement:
        """What the members amount to."""
        found = weigh(members, self._weights(), self._needs())
        metrics = {
            "composite.healthy": float(sum(each.status is Status.HEALTHY for each in members)),
            "composite.critical": float(sum(each.status is Status.CRITICAL for each in members)),
            "composite.members": float(len(members)),
        }
        if found.percent is not None:
            metrics["composite.healthy_percent"] = round(found.percent, 2)
        return Measurement(
            status=found.status,
            message=found.message,
            cause=CAUSES.get(found.status, Cause.THRESHOLD),
            metrics=metrics,
            details={"members": {each.name: each.words for each in members}},
        )

    def target(self) -> str:
        """`2 of shop-a, shop-b, shop-c`, `60 % of tags shop`."""
        needs = self._needs()
        more = len(self.of) - TARGET_SHOWN
        parts = [*self.of[:TARGET_SHOWN], *([f"{more} more"] if more > 0 else [])]
        match = self._match()
        parts += [] if match is None else [match.words]
        return f"{needs.at_least:g}{' %' if needs.in_percent else ''} of {', '.join(parts)}"

    def _match(self) -> Match | None:
        return None if self.match is None else read_match(self.match)

    def _weights(self) -> Mapping[str, float]:
        return {
            unicodedata.normalize("NFC", name): each for name, each in (self.weights or {}).items()
        }

    def _needs(self) -> Needs:
        if self.at_least_percent is not None:
            bounds = (self.at_least_percent, self.warn_below_percent)
            return Needs(at_least=bounds[0], warn_below=bounds[1], in_percent=True)
        return Needs(at_least=self.at_least or 0, warn_below=self.warn_below)


def _nobody(name: str, names: set[str]) -> str:
    return f"no check is named {shown(name)}{_hint(name, sorted(names))}"


def _hint(name: str, names: Sequence[str]) -> str:
    meant = closest(name, names)
    return f', did you mean "{meant}"?' if meant else ""
