"""By when a finding has to be dealt with."""

from __future__ import annotations

from datetime import datetime, timedelta

from policies.spec import Severity

DAYS: dict[Severity, int | None] = {
    Severity.CRITICAL: 7,
    Severity.HIGH: 30,
    Severity.MEDIUM: 60,
    Severity.LOW: 120,
    Severity.INFO: None,  # nothing to do by a day
}
RANK = {severity: rank for rank, severity in enumerate(Severity)}


def due_at(severity: Severity, *, opened_at: datetime) -> datetime | None:
    days = DAYS[severity]
    return None if days is None else opened_at + timedelta(days=days)
