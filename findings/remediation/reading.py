"""Everything the page of one plan says to one reader."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db.models import QuerySet

from accounts.models import User
from accounts.permissions import Permission
from findings.models import Plan, Task, TaskFinding
from findings.remediation import burndown, history, progress, steps
from findings.remediation.narrowing import title_of
from findings.remediation.progress import PARTS, Progress
from ui import charts

FINDINGS_SHOWN = 50


class TaskLine(msgspec.Struct, frozen=True, kw_only=True):
    """A task in its plan."""

    task: Task
    title: str
    so_far: Progress
    due_at: datetime | None
    is_chosen: bool
    may_change: bool

    @property
    def address(self) -> str:
        """The list of its findings, up to the word for how far they are."""
        return f"/findings/?state=any&task={self.task.pk}&proof="


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as one person sees it now."""

    standing: str
    so_far: Progress
    address: str  # the list of its findings, up to the word for how far they are
    is_late: bool
    tasks: Sequence[TaskLine]
    chosen: TaskLine | None
    work: steps.Work | None
    findings: Sequence[TaskFinding]
    chart: charts.Lines | None
    history: Sequence[history.Row]
    may_manage: bool
    may_work: bool
    may_export: bool
    shows_query: bool
    now: datetime

    @property
    def may_claim(self) -> bool:
        return self.may_work and self.chosen is not None and self.standing != Plan.Status.CLOSED


def reading_of(plan: Plan, user: User, *, now: datetime, task_id: int | None = None) -> Reading:
    """What the reader may know of a plan that they may see. `task_id` opens a task of it."""
    tasks = list(plan.tasks.visible_to(user).select_related("owner", "team", "asset"))
    by_task = progress.of_tasks([task.pk for task in tasks], user=user, now=now)
    so_far = summed(list(by_task.values()))
    standing = progress.standing_of(plan, so_far)
    manages = user.may(Permission.PLAN_MANAGE)
    may_manage = manages and _answers_for_plan(plan, user)
    chosen_task = _chosen(tasks, by_task, task_id)
    lines = [
        TaskLine(
            task=task,
            title=title_of(task, user),
            so_far=by_task[task.pk],
            due_at=task.due_at or plan.due_at,
            is_chosen=task is chosen_task,
            may_change=may_manage or (manages and _answers_for(task, user)),
        )
        for task in tasks
    ]
    chosen = next((line for line in lines if line.is_chosen), None)
    inside = list(findings_of(chosen.task, user, now=now)[:FINDINGS_SHOWN]) if chosen else []
    found = [one.finding for one in inside]
    drawn = burndown.burn_down(plan, user, now)
    return Reading(
        standing=standing,
        so_far=so_far,
        address=f"/findings/?state=any&plan={plan.pk}&proof=",
        is_late=standing == Plan.Status.OPEN and plan.due_at is not None and plan.due_at < now,
        tasks=lines,
        chosen=chosen,
        work=steps.work_of(plan, found, user, now=now) if found else None,
        findings=inside,
        chart=burndown.chart(plan, drawn) if so_far.total else None,
        history=history.rows(plan, user, tasks, so_far),
        may_manage=may_manage,
        may_work=user.may(Permission.FINDING_WORK),
        may_export=user.may(Permission.FINDING_EXPORT),
        shows_query=user.sees_everything or plan.created_by_id == user.pk,
        now=now,
    )


def findings_of(task: Task, user: User, *, now: datetime) -> QuerySet[TaskFinding]:
    """The findings of a task that the reader sees, what is left to do first."""
    return (
        TaskFinding.objects.present()
        .visible_to(user)
        .filter(task=task)
        .annotate(part=progress.part(now=now), has_failed=progress.failed(now=now))
        .select_related("finding__asset__source", "finding__asset__team")
        .order_by("finding__state", "finding__severity_rank", "finding_id")
    )


def summed(each: Sequence[Progress]) -> Progress:
    """A plan is the sum of its tasks: whoever sees a finding sees its task."""
    total = Progress()
    for one in each:
        for name in (*PARTS, "refuted", "gone", "inapplicable", "blind", "claimable"):
            setattr(total, name, getattr(total, name) + getattr(one, name))
    total.proven_at = max((one.proven_at for one in each if one.proven_at), default=None)
    return total


def _chosen(
    tasks: Sequence[Task], by_task: dict[int, Progress], task_id: int | None
) -> Task | None:
    """The task that was asked for, else the first that is not proven, else the first."""
    asked = next((task for task in tasks if task.pk == task_id), None)
    left = next((task for task in tasks if not by_task[task.pk].is_done), None)
    return asked or left or next(iter(tasks), None)


def _answers_for_plan(plan: Plan, user: User) -> bool:
    """As `PlanQuerySet.managed_by` says it."""
    return user.sees_everything or plan.created_by_id == user.pk or _answers_for(plan, user)


def _answers_for(thing: Plan | Task, user: User) -> bool:
    return thing.owner_id == user.pk or thing.team_id in user.team_ids
