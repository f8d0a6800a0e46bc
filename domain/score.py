"""The health score: weighted points of all components, and what each of them costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.facts import Mark, Status
from domain.reading import LEFT_OUT

POINTS = {
    Status.HEALTHY: 100.0,
    Status.WARNING: 80.0,
    Status.DEGRADED: 50.0,
    Status.UNKNOWN: 40.0,
    Status.CRITICAL: 0.0,
}
CAP = 49.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One check as the score sees it."""

    check: str
    status: Status
    mark: Mark
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What one component takes from the score, in points of 100."""

    check: str
    status: Status
    weight: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """0 to 100, None when nothing counts. `capped_by` names the critical check that caps it at 49."""

    value: float | None
    uncapped: float | None
    capped_by: str | None
    losses: tuple[Loss, ...]


def score(components: Sequence[Component]) -> Score:
    """Σ weight × points / Σ weight. A critical check of the top weight caps the whole at 49."""
    counted = [each for each in components if each.mark not in LEFT_OUT]
    total = sum(each.weight for each in counted)
    if not counted or total <= 0:
        return Score(value=None, uncapped=None, capped_by=None, losses=())
    losses = sorted(
        (_loss(each, total) for each in counted if each.status is not Status.HEALTHY),
        key=lambda loss: (-loss.cost, loss.check),
    )
    # Rounding can take a hair more than there is.
    uncapped = max(0.0, 100.0 - sum(loss.cost for loss in losses))
    top = max(each.weight for each in counted)
    capped_by = next(
        (each.check for each in losses if each.status is Status.CRITICAL and each.weight == top),
        None,
    )
    value = uncapped if capped_by is None else min(uncapped, CAP)
    return Score(value=value, uncapped=uncapped, capped_by=capped_by, losses=tuple(losses))


def _loss(component: Component, total: float) -> Loss:
    missing = 100.0 - POINTS[component.status]
    return Loss(
        check=component.check,
        status=component.status,
        weight=component.weight,
        cost=component.weight * missing / total,
    )
