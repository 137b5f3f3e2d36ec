"""Whether a plan is done is decided by evaluation, in the transaction that proves or refutes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from findings.announcing import outbox
from findings.announcing.outbox import Topic
from findings.models import Finding, Plan, PlanEvent
from findings.remediation import progress

Status = Plan.Status


def settle(plans: Iterable[Plan], *, now: datetime, moved: Collection[int] = ()) -> None:
    """Make plans done of which everything is proven, and open again those that are not any more.

    The caller holds the plans. `moved` are the findings that this is because of.
    """
    plans = list(plans)
    counted = progress.of_plans(plans, user=None, now=now)
    for plan in plans:
        is_done = counted[plan.pk].is_done
        if is_done and plan.status == Status.OPEN:
            _done(plan, now=now, moved=moved)
        elif not is_done and plan.status == Status.DONE:
            _open_again(plan, now=now)


def _done(plan: Plan, *, now: datetime, moved: Collection[int]) -> None:
    plan.status, plan.done_at = Status.DONE, now
    plan.save(update_fields=["status", "done_at"])
    PlanEvent.objects.create(plan=plan, kind=PlanEvent.Kind.PROVEN, at=now)
    trail.record(None, Permission.PLAN_MANAGE, plan, after={"status": plan.status}, at=now)
    tell(Topic.PLAN_PROVEN, plan, by=None, now=now, about=moved)


def _open_again(plan: Plan, *, now: datetime) -> None:
    plan.status, plan.done_at = Status.OPEN, None
    plan.save(update_fields=["status", "done_at"])
    PlanEvent.objects.create(plan=plan, kind=PlanEvent.Kind.REOPENED, at=now)
    trail.record(None, Permission.PLAN_MANAGE, plan, after={"status": plan.status}, at=now)


def tell(
    topic: Topic,
    plan: Plan,
    *,
    by: User | None,
    now: datetime,
    about: Collection[int] = (),
    **detail: Any,
) -> None:
    """Announce something to the people of a plan, as far as they may see what it is about."""
    to = [user.pk for user in _people(plan) if _may_see(user, about)]
    if to:
        outbox.announce(
            topic,
            subject_type="plan",
            subject_id=plan.pk,
            by=by,
            at=now,
            detail={**detail, "to": to},
        )


def _people(plan: Plan) -> list[User]:
    ids = {plan.created_by_id, plan.owner_id, *plan.tasks.values_list("owner_id", flat=True)}
    return list(User.objects.filter(pk__in=[pk for pk in ids if pk], is_active=True).order_by("pk"))


def _may_see(user: User, about: Collection[int]) -> bool:
    if user.sees_everything or not about:
        return True
    return Finding.objects.visible_to(user).filter(pk__in=about).exists()
