"""Reads of plans and tasks. Who sees no finding of a plan and has no part in it does not see it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User

if TYPE_CHECKING:
    from findings.models import Plan, Task, TaskFinding  # noqa: F401

OFFERED = 50  # plans on the page of a finding


def _answers_for(user: User) -> Q:
    """What a person or one of their teams answers for."""
    return Q(owner=user) | Q(team__in=user.team_ids)


class PlanQuerySet(models.QuerySet["Plan"]):
    def visible_to(self, user: User) -> Self:
        """Plans that the person made, answers for in part or whole, or sees a finding of."""
        if user.sees_everything:
            return self
        from findings.models import Task, TaskFinding  # models need this module first

        seen = TaskFinding.objects.present().visible_to(user).filter(plan=OuterRef("pk"))
        tasks = Task.objects.filter(_answers_for(user), plan=OuterRef("pk"))
        return self.filter(
            Q(created_by=user) | _answers_for(user) | Q(Exists(tasks)) | Q(Exists(seen))
        )

    def managed_by(self, user: User) -> Self:
        """Plans that the person may change: their own, or any if they see the whole estate."""
        if user.sees_everything:
            return self
        return self.filter(Q(created_by=user) | _answers_for(user))

    def living(self) -> Self:
        """Plans that nobody has closed: what evaluation still moves."""
        return self.exclude(status="closed")


class TaskQuerySet(models.QuerySet["Task"]):
    def visible_to(self, user: User) -> Self:
        """Tasks that the person answers for, or sees a finding of."""
        if user.sees_everything:
            return self
        from findings.models import TaskFinding  # models need this module first

        seen = TaskFinding.objects.present().visible_to(user).filter(task=OuterRef("pk"))
        return self.filter(_answers_for(user) | Q(Exists(seen)))

    def managed_by(self, user: User) -> Self:
        """Tasks that the person may change: of a plan of theirs, or their own."""
        if user.sees_everything:
            return self
        return self.filter(
            _answers_for(user)
            | Q(plan__created_by=user)
            | Q(plan__owner=user)
            | Q(plan__team__in=user.team_ids)
        )


class TaskFindingQuerySet(models.QuerySet["TaskFinding"]):
    def visible_to(self, user: User) -> Self:
        if user.sees_everything:
            return self
        return self.filter(finding__team__in=user.team_ids)

    def present(self) -> Self:
        """What is in a plan now: not what was taken out of it."""
        return self.filter(left_at=None)


def around(finding: Any, user: User, *, may_plan: bool) -> QuerySet[Plan]:
    """The plans that a finding is in (`holds`) and those it may be put into. One query."""
    from findings.models import Plan, TaskFinding  # models need this module first

    inside = TaskFinding.objects.present().filter(plan=OuterRef("pk"), finding=finding)
    wanted = Q(holds=True)
    if may_plan:
        wanted |= Q(pk__in=Plan.objects.managed_by(user).living().values("pk"))
    visible = Plan.objects.visible_to(user).annotate(holds=Exists(inside))
    return visible.filter(wanted).order_by("-holds", "-created_at")[:OFFERED]


def sent_back_to(user: User, *, now: datetime) -> QuerySet[Task]:
    """The tasks that a person answers for, by themselves or for the plan, in which a fix failed."""
    from findings.models import Task, TaskFinding  # models need this module first
    from findings.remediation.progress import Proof, conditions

    failed = conditions(now=now, prefix="finding__")[Proof.REFUTED]
    inside = TaskFinding.objects.present().visible_to(user).filter(failed, task=OuterRef("pk"))
    mine = Q(owner=user) | Q(owner=None, plan__owner=user)
    return Task.objects.filter(mine, Exists(inside)).exclude(plan__status="closed")
