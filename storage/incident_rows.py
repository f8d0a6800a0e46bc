"""How a row of `incidents` becomes an incident."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from domain.incidents import Incident, Severity, Stage


def read(row: Row[Any]) -> Incident:
    """The incident of a row."""
    about = row.about or {}
    return Incident(
        id=row.id,
        fingerprint=row.fingerprint,
        component=row.component,
        kind=row.kind,
        title=row.title,
        stage=Stage(row.stage),
        severity=Severity(row.severity),
        state_severity=Severity(row.state_severity),
        opened_at=row.opened_at,
        parent_id=row.parent_id,
        flapping=row.flapping,
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=row.acknowledged_at,
        acknowledged_until=row.acknowledged_until,
        sticky=row.sticky,
        assignee=row.assignee,
        resolved_at=row.resolved_at,
        resolution=row.resolution,
        held=row.held,
        page_gate=row.page_gate,
        tags=tuple(about.get("tags", ())),
        group=about.get("group", ""),
        runbook=about.get("runbook", ""),
        channels=tuple(about.get("channels", ())),
        cooldown_s=about.get("cooldown_s"),
        maintained=about.get("maintained", False),
        parent_back=about.get("parent_back", False),
        told_affected=row.told_affected,
        grew_at=row.grew_at,
        version=row.version,
    )
