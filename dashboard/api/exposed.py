"""`GET /metrics`: Nocturne itself for Prometheus, answered from memory alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache

from flask import Blueprint, Response

from dashboard.api.meter import Meter
from dashboard.live import Live, Moment, Sight
from dashboard.snapshot import health_score
from domain.incidents import Severity
from domain.version import VERSION
from nocturne_client import CONTENT_TYPE, prometheus_name
from nocturne_client.registry import heading, line

Labels = tuple[tuple[str, str], ...]
Lines = Iterable[tuple[Labels, float]]


def blueprint(live: Live, meter: Meter) -> Blueprint:
    """The route. Access to it is decided before."""
    routes = Blueprint("exposed", __name__)
    # Its key is counted up whenever the moment was made anew: so it is written once for all who ask.
    of_moment = lru_cache(maxsize=1)(lambda moment: "".join(_of_moment(moment)))

    @routes.get("/metrics")
    def exposed() -> Response:
        sight = live.look()
        of_checks = "" if sight.moment is None else of_moment(_Held(sight.moment))
        text = meter.registry.expose() + "".join(_of_sight(sight)) + of_checks
        made = Response(text.encode(), content_type=CONTENT_TYPE)
        made.headers["Cache-Control"] = "no-store"
        return made

    return routes


class _Held:
    """A moment that is compared by its generation alone: it holds what can't be hashed."""

    __slots__ = ("moment",)

    def __init__(self, moment: Moment) -> None:
        self.moment = moment

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.moment.generation == self.moment.generation

    def __hash__(self) -> int:
        return hash(self.moment.generation)


def _of_sight(sight: Sight) -> Iterator[str]:
    """What moves with time alone: ages."""
    yield from _gauge("nocturne_build_info", "Which version runs", [((("version", VERSION),), 1.0)])
    if sight.beat is not None:
        age = max(0.0, (sight.now - sight.beat).total_seconds())
        yield from _gauge("nocturne_beat_age_seconds", "Since the monitor's last beat", [((), age)])
    store = sight.store_age_s
    yield from _gauge("nocturne_store_age_seconds", "Since the store last answered", [((), store)])


def _of_moment(held: _Held) -> Iterator[str]:
    """How everything stands, and what each check measured last."""
    moment = held.moment
    score = health_score(moment.checks).value
    if score is not None:
        about = "Health of all checks together, 0 to 100"
        yield from _gauge("nocturne_health_score", about, [((), round(score, 1))])
    open_ones = Counter(each.severity for each in moment.incidents)
    yield from _gauge(
        "nocturne_incidents_open",
        "Incidents that stand",
        [((("severity", each.name.lower()),), float(open_ones[each])) for each in Severity],
    )
    yield from _gauge(
        "nocturne_check_status",
        "0 healthy, 1 warning, 2 degraded, 3 unknown, 4 critical",
        [
            ((("check", each.row.name), ("kind", each.row.kind)), float(each.reading.status))
            for each in moment.checks
        ],
    )
    yield from _measured(moment)


def _measured(moment: Moment) -> Iterator[str]:
    """The latest numbers of all checks; those of one metric stand together."""
    found: dict[str, list[tuple[Labels, float]]] = {}
    for each in moment.checks:
        labels = (("check", each.row.name),)
        for name, value in each.row.metrics.items():
            found.setdefault(prometheus_name(name), []).append((labels, value))
    for name in sorted(found):
        yield from _gauge(name, "", found[name])


def _gauge(name: str, about: str, lines: Lines) -> Iterator[str]:
    yield from heading(name, "gauge", about)
    for labels, value in lines:
        yield line(name, labels, value)
