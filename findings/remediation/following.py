"""Reconcile → plans: what evaluation found out moves plans, in the same transaction."""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from accounts.errors import NotPossible
from findings.announcing.outbox import Topic
from findings.lifecycle import Changes
from findings.models import FindingEvent, Plan, PlanEvent, TaskFinding
from findings.remediation import choosing, membership
from findings.remediation.settling import settle, tell

log = logging.getLogger(__name__)


def follow(source_id: int, changes: Changes) -> None:
    """Bring plans in line with what became of one source's findings.

    What campaigns look for joins them, failed proofs are told, and plans of which everything is
    proven are done; those of which something returned are open again.
    """
    plans = _held(source_id)
    if not plans:
        return
    for plan in plans:
        if plan.is_campaign:
            _take_in(plan, source_id, now=changes.now)
    _send_back(plans, changes)
    moved = [finding.pk for finding in changes.resolved]
    settle(plans, now=changes.now, moved=moved)


def _held(source_id: int) -> list[Plan]:
    """Every plan that this source can move, locked at once and in one order."""
    inside = TaskFinding.objects.present().filter(plan=OuterRef("pk"), finding__source=source_id)
    ids = list(
        Plan.objects.living()
        .filter(Q(kind=Plan.Kind.CAMPAIGN) | Q(Exists(inside)))
        .values_list("pk", flat=True)
    )
    held = Plan.objects.select_for_update(no_key=True).filter(pk__in=ids).living()
    return list(held.order_by("pk"))


def _take_in(plan: Plan, source_id: int, *, now: datetime) -> None:
    """What the query finds for whoever made the campaign, but for what was taken out of it."""
    been = TaskFinding.objects.filter(plan=plan, finding=OuterRef("pk"))
    try:
        found = choosing.found_by(plan.query, user=plan.created_by, now=now)
        new = list(found.filter(~Exists(been), source=source_id).defer("evidence"))
    except NotPossible:
        log.warning("Plan %s follows a filter that is no longer understood", plan.pk)
        return
    membership.join(plan, new, by=None, now=now)


def _send_back(plans: list[Plan], changes: Changes) -> None:
    """Tell each plan which of its claims this collection refuted."""
    refuted = [
        event.finding_id for event in changes.events if event.kind == FindingEvent.Kind.REFUTED
    ]
    by_plan: dict[int, list[int]] = defaultdict(list)
    inside = TaskFinding.objects.present().filter(plan__in=plans, finding__in=refuted)
    for plan_id, finding_id in inside.values_list("plan_id", "finding_id"):
        by_plan[plan_id].append(finding_id)
    for plan in plans:
        if findings := by_plan.get(plan.pk):
            PlanEvent.objects.create(plan=plan, kind=PlanEvent.Kind.REFUTED, at=changes.now)
            tell(
                Topic.PLAN_REFUTED,
                plan,
                by=None,
                now=changes.now,
                about=findings,
                count=len(findings),
            )
