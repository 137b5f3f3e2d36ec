"""Answers of a past moment, each with its machine: worked out again from the facts of then.

Only counts are kept of the past; checks are pure and versions are kept, so single answers are
derived when somebody asks. They are those of the checks as they are set now.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from django.db.models import Q

from accounts.models import User
from findings.models import PostureDay
from inventory.models import Asset, AssetVersion, Source
from inventory.records import Kind
from policies import judging
from policies.models import Verdict
from policies.spec import Check, Outcome

MOST_ASSETS = 20_000  # beyond these, one source at a time
SHOWN = 500


class Replay(msgspec.Struct, frozen=True):
    """What the checks say about a past moment: answers, or the assets that pass."""

    total: int
    rows: list[Verdict]
    passing: list[Asset]
    facts_at: datetime | None  # the oldest evaluation that was played again


def is_too_much(sources: Sequence[Source]) -> bool:
    """Whether these sources together hold more than a page can work out while somebody waits."""
    if len(sources) < 2:
        return False
    some = Asset.objects.filter(source__in=[source.pk for source in sources])
    return some[: MOST_ASSETS + 1].count() > MOST_ASSETS


def answers(
    user: User,
    *,
    checks: Sequence[Check],
    outcomes: Collection[str],
    days: Sequence[PostureDay],
) -> Replay:
    """The answers of these kinds, of assets that the person may see."""
    total, rows, passing = 0, [], []
    for day in days:
        asked = {check.id for check in checks}
        result = judging.judge_as_of(day.source, moment=day.evaluated_at, only=asked)
        said = {(one.kind, one.uid): one for one in result.evaluations}
        seen = _assets(user, day, {check.kind for check in checks})
        if Outcome.PASS in outcomes:
            passed = [asset for key, asset in seen.items() if key not in said]
            total += len(passed)
            passing += passed
            continue
        for one in result.evaluations:
            asset = seen.get((one.kind, one.uid))
            if asset is not None and one.outcome in outcomes:
                total += 1
                reason = one.reason or one.incomplete
                if not reason and one.violations:
                    reason = one.violations[0].message
                rows.append(
                    Verdict(
                        asset=asset,
                        check_id=one.check_id,
                        outcome=one.outcome.value,
                        reason=reason,
                        since=day.evaluated_at,
                    )
                )
    rows.sort(key=lambda row: (row.check_id, row.asset.sort_name, row.asset.pk))
    passing.sort(key=lambda asset: (asset.sort_name, asset.pk))
    oldest = min((day.evaluated_at for day in days), default=None)
    return Replay(total, rows[:SHOWN], passing[:SHOWN], oldest)


def _assets(user: User, day: PostureDay, kinds: Collection[Kind]) -> dict[tuple[Kind, str], Asset]:
    """The assets of these kinds that there were then, of those that the person may see."""
    moment = day.evaluated_at
    there = AssetVersion.objects.filter(valid_from__lte=moment).filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=moment)
    )
    rows = (
        Asset.objects.visible_to(user)
        .filter(source=day.source_id, kind__in=list(kinds), pk__in=there.values("asset"))
        .select_related("source")
        .defer("record")
    )
    return {(Kind(asset.kind), asset.uid): asset for asset in rows}
