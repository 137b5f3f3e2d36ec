"""Due dates of plans come closer: their people are warned before. Called at every tick.

Of each due date once: another one begins anew (`plans.change`). Asking twice, or two schedulers at
once, tell nobody twice, and a worker that dies on the way has told nobody.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from findings import rules
from findings.announcing.outbox import Topic
from findings.models import Plan, PlanEvent
from findings.remediation.settling import tell

MOST = 1_000  # of one look; what is left waits for the next


@transaction.atomic
def look(*, now: datetime) -> int:
    """Warn of open plans that are due soon. Returns how many."""
    soon = now + timedelta(days=rules.current().warn_days)
    waiting = Plan.objects.filter(
        status=Plan.Status.OPEN, due_at__gt=now, due_at__lte=soon, warned_at__isnull=True
    )
    # What somebody else holds waits for the next look.
    held = waiting.order_by("due_at", "pk").select_for_update(no_key=True, skip_locked=True)[:MOST]
    plans = list(held)
    for plan in plans:
        _warn(plan, now=now)
    return len(plans)


def _warn(plan: Plan, *, now: datetime) -> None:
    plan.warned_at = now
    plan.save(update_fields=["warned_at"])
    detail = {"due_at": plan.due_at and plan.due_at.isoformat()}
    PlanEvent.objects.create(plan=plan, kind=PlanEvent.Kind.WARNED, at=now, detail=detail)
    tell(Topic.PLAN_DUE_SOON, plan, by=None, now=now)
