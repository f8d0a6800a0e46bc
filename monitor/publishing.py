"""What the monitor tells the screens of each check: a document for people, without secrets."""

from __future__ import annotations

from typing import Any

from domain.facts import Detail
from domain.rules import Rule
from domain.units import unit_of
from monitor.checks import Kind, kinds
from monitor.definitions import WatchedCheck
from storage.journal import Published


def published(watched: WatchedCheck, position: int) -> Published:
    """The check as the screens show it: what it watches, how often, what it needs, its rules.

    `position` is its place in the file, in which order groups and tiles are shown.
    """
    definition, spec = watched.definition, watched.check.spec
    policy = definition.policy
    headline = watched.check.headline()
    about: dict[str, Detail] = {
        "title": spec.title,
        "component": spec.component,
        "target": watched.check.target(),
        "headline": headline,
        "unit": unit_of(headline),
        "interval_s": policy.interval_s,
        "timeout_s": policy.timeout_s,
        "failures": policy.failures,
        "successes": policy.successes,
        "retry_s": policy.retry_interval_s,
        "weight": definition.weight,
        "tags": list(definition.tags),
        "depends_on": [list(group) for group in definition.depends_on],
        "scope": definition.scope,
        "group": watched.group,
        "position": position,
        "description": definition.description,
        "enabled": definition.enabled,
        "rules": [_rule(rule) for rule in watched.rules],
    }
    return Published(name=definition.name, kind=definition.kind, about=about)


def schemas() -> dict[str, Any]:
    """The catalogue: of every kind by name the JSON Schema of its fields, and what it brings."""
    return {name: _catalogued(kind) for name, kind in kinds().items()}


def _catalogued(kind: Kind) -> dict[str, Any]:
    """The schema with what JSON Schema has no words for, in keys that begin with `x-`."""
    return {
        **kind.schema(),
        "title": kind.title,
        "x-component": kind.component,
        "x-headline": kind.headline,
        "x-failures": kind.failures,
        "x-successes": kind.successes,
        "x-rules": [
            {
                "metric": rule.metric,
                "title": rule.title,
                "operator": rule.operator.value,
                "warning": rule.warning,
                "critical": rule.critical,
                "unit": rule.unit,
            }
            for rule in kind.rules
        ],
    }


def _rule(rule: Rule) -> dict[str, Detail]:
    return {
        "id": rule.id,
        "metric": rule.metric,
        "title": rule.title,
        "operator": rule.operator.value,
        "warning": rule.warning,
        "critical": rule.critical,
        "unit": rule.unit,
    }
