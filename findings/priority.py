"""What to do first, and by when: severity × the asset's risk tier."""

from __future__ import annotations

from datetime import datetime, timedelta

from findings.rules import UNSAID_TIER, RuleSet
from policies.spec import Severity

RANK = {severity: rank for rank, severity in enumerate(Severity)}
LOWEST = 5


def tier(rules: RuleSet, *, classification: str | None, criticality: str | None) -> int:
    """1 high, 2 ordinary, 3 low. What nobody said, or said in other words, is ordinary."""
    said = (
        rules.classification_tiers.get((classification or "").strip().lower()),
        rules.criticality_tiers.get((criticality or "").strip().lower()),
    )
    return min((each for each in said if each is not None), default=UNSAID_TIER)


def priority(severity: Severity, asset_tier: int) -> int:
    """1 first … 5 last. A high tier raises by one, a low one lowers by one."""
    if severity is Severity.INFO:
        return LOWEST
    return min(max(RANK[severity] + 1 + asset_tier - UNSAID_TIER, 1), LOWEST)


def due_at(rules: RuleSet, level: int, *, start: datetime) -> datetime | None:
    """By when a finding of this priority has to be dealt with, or None."""
    days = rules.due_days.get(str(level))
    return None if days is None else start + timedelta(days=days)
