"""The assets with the gravest findings, from what each evaluation left behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from accounts.models import User
from findings.models import Burden, Finding
from findings.trends.counting import WORST_KEPT
from inventory.models import Asset
from policies.models import SeverityChoices

SERIOUS_RANK = 1  # critical and high
_ORDER = ("rank", "-serious", "-open", "asset_id")


def assets(
    user: User, *, moving: Sequence[int] = (), teams: Sequence[int] | None = None
) -> list[dict[str, Any]]:
    """The assets with the gravest finding, then the most of them; perhaps of some teams only.

    Evaluation alone opens and resolves findings, and leaves this behind when it does. Sources that
    were never counted or hold newer facts are counted now. One query, or three with such.
    """
    kept = Burden.objects.exclude(source__in=moving)
    if not user.sees_everything:
        kept = kept.filter(team__in=user.team_ids)
    if teams is not None:
        kept = kept.filter(team__in=teams)
    kept = kept.select_related("asset__source").defer("asset__record")
    rows = [_row(b.asset, b.rank, b.serious, b.open) for b in kept.order_by(*_ORDER)[:WORST_KEPT]]
    if moving:
        open_now = Finding.objects.visible_to(user).open().filter(source__in=moving)
        rows += with_assets(ranked(open_now if teams is None else open_now.filter(team__in=teams)))
        rows.sort(key=lambda r: (r["rank"], -r["serious"], -r["count"], r["asset"].pk))
    return rows[:WORST_KEPT]


def _row(asset: Asset, rank: int, serious: int, count: int) -> dict[str, Any]:
    severity = SeverityChoices.values[rank]
    return {"asset": asset, "rank": rank, "severity": severity, "serious": serious, "count": count}


def ranked(findings: QuerySet[Finding]) -> QuerySet[Finding, Any]:
    """(asset, rank of its gravest, how many are serious, how many) of these findings."""
    return (
        findings.order_by()
        .values("asset_id")
        .annotate(
            rank=Min("severity_rank"),
            serious=Count("pk", filter=Q(severity_rank__lte=SERIOUS_RANK)),
            n=Count("*"),
        )
        .order_by("rank", "-serious", "-n", "asset_id")
        .values_list("asset_id", "rank", "serious", "n")[:WORST_KEPT]
    )


def with_assets(rows: Iterable[tuple[int, int, int, int]]) -> list[dict[str, Any]]:
    """The same with the assets themselves. One query."""
    kept = list(rows)
    found = Asset.objects.select_related("source").defer("record").in_bulk([row[0] for row in kept])
    return [_row(found[pk], rank, serious, count) for pk, rank, serious, count in kept]
