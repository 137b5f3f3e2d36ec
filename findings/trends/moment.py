"""The estate at a past moment: findings from their spells, answers from what was counted then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Count, F, Max, Min, Prefetch, Q, QuerySet

from accounts.models import User
from findings.models import Finding, FindingSpell
from findings.posture import DAY, RUNS_SHOWN, WEEK, Counts, Moments, SourceLine
from findings.trends import reading, worst
from findings.trends.counting import WORST_KEPT
from findings.trends.past import spells_at
from findings.trends.reading import Cell
from inventory.models import Source, SyncRun
from policies.coverage import CheckLine, Tally
from policies.evaluate import Configured
from policies.models import SeverityChoices
from ui.clock import is_stale


def spells_seen(user: User, spells: QuerySet[FindingSpell]) -> QuerySet[FindingSpell]:
    """Of these, those of findings that the person may see."""
    if user.sees_everything:
        return spells
    return spells.filter(finding__in=Finding.objects.visible_to(user))


def counts_by_check(user: User, *, at: datetime) -> dict[str, Counts]:
    """Check id → what was open at that moment, how late and how old, and what moved the day before.

    Two queries; each reads the spells of half a history.
    """
    marks = Moments(at)
    rules = {
        "open": Q(),
        "serious": Q(finding__severity_rank__lte=worst.SERIOUS_RANK),
        "overdue": Q(finding__due_at__lt=at),
        "week": Q(finding__due_at__gte=at, finding__due_at__lt=at + WEEK),
        "later": Q(finding__due_at__gte=at + WEEK),
        "undue": Q(finding__due_at__isnull=True),
        "fresh": Q(opened_at__gte=marks.week_ago),
        "weeks": Q(opened_at__lt=marks.week_ago, opened_at__gte=marks.month_ago),
        "months": Q(opened_at__lt=marks.month_ago, opened_at__gte=marks.quarter_ago),
        "old": Q(opened_at__lt=marks.quarter_ago),
        **{
            severity: Q(finding__severity_rank=rank)
            for rank, severity in enumerate(SeverityChoices.values)
        },
    }
    standing: Any = _by_check(spells_seen(user, spells_at(at))).annotate(
        **{f"n_{name}": Count("pk", filter=rule) for name, rule in rules.items()}
    )
    found = {
        row["check_id"]: Counts(**{name: row[f"n_{name}"] for name in rules}) for row in standing
    }
    opened = Q(opened_at__gte=at - DAY, opened_at__lt=at)
    closed = Q(closed_at__gte=at - DAY, closed_at__lt=at)
    moved: Any = _by_check(
        spells_seen(user, FindingSpell.objects.filter(opened | closed))
    ).annotate(
        opened=Count("finding", filter=opened, distinct=True),
        resolved=Count("finding", filter=closed, distinct=True),
    )
    for row in moved:
        counts = found.setdefault(row["check_id"], Counts())
        counts.opened, counts.resolved = row["opened"], row["resolved"]
    return found


def _by_check(spells: QuerySet[FindingSpell]) -> Any:
    return spells.order_by().values(check_id=F("finding__check_id"))


def worst_assets(user: User, *, at: datetime) -> list[dict[str, Any]]:
    """The assets that had the gravest finding then, then the most of them. Two queries."""
    rows: Any = (
        spells_seen(user, spells_at(at))
        .order_by()
        .values(asset=F("finding__asset_id"))
        .annotate(
            rank=Min("finding__severity_rank"),
            serious=Count("pk", filter=Q(finding__severity_rank__lte=worst.SERIOUS_RANK)),
            n=Count("*"),
        )
        .order_by("rank", "-serious", "-n", "asset")
        .values_list("asset", "rank", "serious", "n")[:WORST_KEPT]
    )
    return worst.with_assets(rows)


def source_lines(user: User, *, at: datetime) -> list[SourceLine]:
    """Sources as they were read until then. Those that were added later are not there. Four
    queries.
    """
    runs = Prefetch(
        "runs",
        queryset=SyncRun.objects.collections()
        .filter(requested_at__lte=at)
        .order_by("-id")[:RUNS_SHOWN],
        to_attr="recent",
    )
    seen = Source.objects.visible_to(user).filter(created_at__lte=at)
    sources: Any = list(seen.prefetch_related(runs))
    published = dict(
        SyncRun.objects.collections()
        .filter(source__in=[source.pk for source in sources], published_at__lte=at)
        .order_by()
        .values("source")
        .annotate(newest=Max("published_at"))
        .values_list("source", "newest")
    )
    days = reading.newest(sources, at=at)
    return [
        SourceLine(
            source,
            source.recent[::-1],
            is_stale(published.get(source.pk), source.interval_minutes, now=at),
            published.get(source.pk),
            days.get(source.pk),
        )
        for source in sources
    ]


def cells(user: User, lines: Sequence[SourceLine]) -> dict[str, Cell]:
    """Check → the answers that were counted last before that moment. One query."""
    days = [line.day for line in lines if line.day is not None]
    return reading.kept(reading.grain_for(user).filter(reading.rows_of(days))) if days else {}


def check_lines(
    configured: Sequence[Configured], answers: dict[str, Cell], counts: dict[str, Counts]
) -> dict[str, CheckLine]:
    """Every check that was asked then, with its answers; the others as switched off."""
    found = {}
    for one in configured:
        cell = Cell()
        for name in (one.check.id, *one.check.aliases):
            cell.add(answers.get(name, Cell()))
        was_asked = cell.answers + cell.not_applicable > 0
        then = msgspec.structs.replace(one, enabled=was_asked)
        is_open = sum(counts[n].open for n in (one.check.id, *one.check.aliases) if n in counts)
        found[one.check.id] = CheckLine(then, cell.tally if was_asked else Tally(), is_open)
    return found
