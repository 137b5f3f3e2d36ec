"""How long an exception may last: by the gravest finding it covers."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import msgspec
from django.db.models import Count, QuerySet

from accounts.errors import NotPossible
from findings.models import Finding
from findings.rules import RuleSet
from policies.models import SeverityChoices
from ui.clock import exactly

SHORTEST = timedelta(hours=1)


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How many findings something is about, and how grave they are."""

    by_rank: dict[int, int]  # severity rank → findings

    @property
    def count(self) -> int:
        return sum(self.by_rank.values())

    @property
    def gravest(self) -> int | None:
        """The rank of the gravest; None when there is none."""
        return min(self.by_rank, default=None)

    def by_severity(self) -> list[tuple[str, int]]:
        """Severity → findings, the gravest first."""
        return [(SeverityChoices.values[rank], n) for rank, n in sorted(self.by_rank.items())]

    @property
    def severity(self) -> str:
        """The severity of the gravest; empty when there is none."""
        return "" if self.gravest is None else SeverityChoices.values[self.gravest]


def reach(findings: QuerySet[Finding]) -> Reach:
    """Count findings by severity. One query."""
    rows = findings.order_by().values("severity_rank").annotate(n=Count("*"))
    counted: Counter[int] = Counter()
    for row in rows:
        counted[row["severity_rank"]] += row["n"]
    return Reach(by_rank=dict(counted))


def longest(rules: RuleSet, severity: str) -> timedelta:
    """The longest exception from findings of this severity."""
    return timedelta(days=rules.exception_days[severity])


def latest_end(rules: RuleSet, about: Reach, *, starts_at: datetime) -> datetime:
    """When an exception about these has to end at the latest."""
    return starts_at + longest(rules, about.severity)


def refuse_unfit(
    rules: RuleSet, about: Reach, *, starts_at: datetime, expires_at: datetime, now: datetime
) -> None:
    """Raise NotPossible unless this is a length of time that an exception about these may have."""
    if not about.count:
        raise NotPossible("Nothing that is open matches, so there is nothing to except.")
    if expires_at < max(starts_at, now) + SHORTEST:
        raise NotPossible("An exception ends after it begins, and later than in an hour.")
    end = latest_end(rules, about, starts_at=starts_at)
    if expires_at > end:
        days = longest(rules, about.severity).days
        raise NotPossible(
            f"The gravest finding it would cover is {about.severity}: such an exception lasts "
            f"{days} days at most, here until {exactly(end)}."
        )


def at_most(rules: RuleSet, count: int) -> int:
    """How many findings an exception approved for so many may ever cover at once."""
    return count + count * rules.exception_growth_percent // 100
