"""How long it takes to mend things: from the spells that ended because a collection proved it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Aggregate, Count, DurationField, ExpressionWrapper, F, Q

from accounts.models import User
from findings.models import Finding, FindingSpell
from findings.trends.dimensions import Dimension, Part
from policies.models import SeverityChoices
from ui.clock import span

_COLUMN = {"source": "source", "team": "team", "classification": "asset__classification"}


class Percentile(Aggregate):
    """`Percentile(expression, at=0.5)` is the median."""

    function = "percentile_cont"
    template = "%(function)s(%(at)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


class Mended(msgspec.Struct, frozen=True):
    """Findings of one severity that were proved fixed within a period."""

    severity: str
    count: int
    median: timedelta
    slow: timedelta  # nine of ten were quicker
    in_time: int

    @property
    def median_words(self) -> str:
        return span(self.median)

    @property
    def slow_words(self) -> str:
        return span(self.slow)

    @property
    def share(self) -> int:
        return round(100 * self.in_time / self.count)


def by_severity(
    user: User,
    *,
    since: datetime,
    before: datetime,
    dimension: Dimension | None = None,
    part: Part | None = None,
) -> list[Mended]:
    """The most severe first. One query."""
    fixed = Finding.objects.visible_to(user).filter(resolution=Finding.Resolution.FIXED)
    if dimension is not None and part is not None:
        fixed = fixed.filter(_of_part(dimension, part))
    spells = FindingSpell.objects.filter(
        closed_at__gte=since, closed_at__lt=before, finding__in=fixed
    )
    took = ExpressionWrapper(F("closed_at") - F("opened_at"), output_field=DurationField())
    in_time = Q(finding__due_at__isnull=True) | Q(closed_at__lte=F("finding__due_at"))
    rows: Any = (
        spells.order_by()
        .values(rank=F("finding__severity_rank"))
        .annotate(
            n=Count("*"),
            median=Percentile(took, at=0.5),
            slow=Percentile(took, at=0.9),
            in_time=Count("pk", filter=in_time),
        )
        .order_by("rank")
    )
    severities = list(SeverityChoices.values)
    return [
        Mended(severities[row["rank"]], row["n"], row["median"], row["slow"], row["in_time"])
        for row in rows
    ]


def _of_part(dimension: Dimension, part: Part) -> Q:
    column = _COLUMN.get(dimension.column, dimension.column)
    members = dimension.members(part.value)
    wanted = Q(**{f"{column}__in": [each for each in members if each is not None]})
    return wanted | Q(**{f"{column}__isnull": True}) if None in members else wanted
