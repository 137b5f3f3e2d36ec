"""How lists of findings are narrowed to a plan, a task, or to how far their proof is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from findings import catalogue
from findings.models import Plan, Task, TaskFinding
from findings.remediation.progress import LABELS, Proof, conditions

PROOFS = tuple((proof.value, LABELS[proof]) for proof in Proof)

NAMED = ("plan", "task")  # filters whose values are ids


def in_plans(ids: Iterable[int]) -> Q:
    return Q(Exists(_present().filter(plan__in=list(ids))))


def in_tasks(ids: Iterable[int]) -> Q:
    return Q(Exists(_present().filter(task__in=list(ids))))


def _present() -> QuerySet[TaskFinding]:
    return TaskFinding.objects.present().filter(finding=OuterRef("pk"))


def so_far(values: Iterable[str], *, now: datetime) -> Q:
    """The findings that stand as one of these values says."""
    where = conditions(now=now)
    wanted = Q()
    for value in values:
        wanted |= where[Proof(value)]
    return wanted


def labels(name: str, ids: Iterable[int], user: User) -> dict[str, str]:
    """What plans or tasks are called, of those the person may see."""
    if name == "plan":
        plans = Plan.objects.visible_to(user).filter(pk__in=list(ids))
        return {str(pk): title for pk, title in plans.values_list("pk", "title")}
    tasks = Task.objects.visible_to(user).filter(pk__in=list(ids)).select_related("plan", "asset")
    return {str(task.pk): f"{title_of(task, user)} ({task.plan.title})" for task in tasks}


def title_of(task: Task, user: User) -> str:
    """What a task is called: as somebody said, or by its check, or by its asset if one may see it.

    Needs `asset`.
    """
    if task.title:
        return task.title
    if task.asset is None:
        return catalogue.title_of(task.check_id)
    if user.sees_everything or task.asset.team_id in user.team_ids:
        return task.asset.name
    return f"Task {task.position}"
