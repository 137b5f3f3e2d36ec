"""Findings enter a plan, each in the task of its check or its asset, and leave it again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Max, QuerySet

from accounts.models import User
from findings.models import Finding, FindingEvent, Plan, PlanEvent, Task, TaskFinding

BATCH = 1_000


def locked(findings: QuerySet[Finding], *, most: int | None = None) -> list[Finding]:
    """The findings, held until the end of the transaction.

    Findings are locked before plans, here as in a reconciliation, so that the two never wait for
    each other.
    """
    ids = list(findings.order_by("pk").values_list("pk", flat=True)[:most])
    held = Finding.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return [finding for finding in held if finding.state == Finding.State.OPEN]


def join(
    plan: Plan, findings: Iterable[Finding], *, by: User | None, now: datetime
) -> list[Finding]:
    """Put findings into the tasks of a plan that the caller holds; what is in it stays where it is.

    Returns those that came in.
    """
    inside = set(
        TaskFinding.objects.present().filter(plan=plan).values_list("finding_id", flat=True)
    )
    new = [finding for finding in findings if finding.pk not in inside]
    if not new:
        return []
    tasks = _tasks_for(plan, new)
    TaskFinding.objects.bulk_create(
        (
            TaskFinding(
                plan=plan, task=tasks[_subject(plan, finding)], finding=finding, joined_at=now
            )
            for finding in new
        ),
        batch_size=BATCH,
    )
    _tell_findings(new, f"Plan {plan.pk}", plan=plan, by=by, now=now)
    PlanEvent.objects.create(plan=plan, kind=PlanEvent.Kind.JOINED, at=now, by=by)
    return new


def leave(
    plan: Plan, memberships: Sequence[TaskFinding], *, by: User, why: str, now: datetime
) -> None:
    """Take findings out of a plan that the caller holds. A campaign does not take them in again."""
    ids = [one.pk for one in memberships]
    TaskFinding.objects.filter(pk__in=ids).update(left_at=now)
    findings = [one.finding for one in memberships]
    _tell_findings(findings, f"Taken out of plan {plan.pk}", plan=plan, by=by, now=now)
    PlanEvent.objects.create(plan=plan, kind=PlanEvent.Kind.LEFT, at=now, by=by, why=why)


Subject = str | int


def _subject(plan: Plan, finding: Finding) -> Subject:
    """What the task of this finding is about: its check, or its asset."""
    return finding.check_id if plan.grouping == Plan.Grouping.CHECK else finding.asset_id


def _tasks_for(plan: Plan, findings: Sequence[Finding]) -> dict[Subject, Task]:
    """The task for each subject; those that are missing are made, the gravest first."""
    by_check = plan.grouping == Plan.Grouping.CHECK
    tasks: dict[Subject, Task] = {
        task.check_id if by_check else (task.asset_id or 0): task for task in plan.tasks.all()
    }
    graveness: dict[Subject, tuple[int, int]] = {}
    for finding in findings:
        subject = _subject(plan, finding)
        rank = (finding.severity_rank, finding.pk)
        graveness[subject] = min(graveness.get(subject, rank), rank)
    last = plan.tasks.aggregate(last=Max("position"))["last"] or 0
    missing = sorted((rank, subject) for subject, rank in graveness.items() if subject not in tasks)
    made = [
        Task(
            plan=plan,
            check_id=subject if isinstance(subject, str) else "",
            asset_id=subject if isinstance(subject, int) else None,
            position=last + number,
        )
        for number, (_, subject) in enumerate(missing, start=1)
    ]
    Task.objects.bulk_create(made)
    return tasks | {subject: task for (_, subject), task in zip(missing, made, strict=True)}


def _tell_findings(
    findings: Iterable[Finding], message: str, *, plan: Plan, by: User | None, now: datetime
) -> None:
    FindingEvent.objects.bulk_create(
        (
            FindingEvent(
                finding=finding,
                kind=FindingEvent.Kind.PLANNED,
                at=now,
                by=by,
                message=message,
                detail={"plan": plan.pk},
            )
            for finding in findings
        ),
        batch_size=BATCH,
    )
