"""What people do with the tasks of a plan: hand them over, and say that they are done.

To say so proves nothing: its findings wait for a collection, which resolves them or sends them
back.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F

from accounts.errors import NotPossible
from accounts.models import Team, User
from accounts.permissions import Permission
from audit import trail
from findings.models import Finding, FindingEvent, Plan, PlanEvent, Task, TaskFinding
from findings.remediation import plans
from findings.remediation.errors import Outdated
from findings.remediation.membership import BATCH
from findings.status import TRIAGE
from inventory.clock import database_now

Triage = Finding.Triage
# From where people may say that a finding is fixed (`findings.status`).
CLAIMABLE = frozenset(at for at, to in TRIAGE.items() if Triage.AWAITING_PROOF in to)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says about a task. An empty title is that of its check or asset."""

    title: str = ""
    owner: User | None = None
    team: Team | None = None
    due_at: datetime | None = None
    note: str = ""


@transaction.atomic
def change(*, task_id: int, version: int, wish: Wish, by: User, now: datetime) -> Task:
    """Say something else about a task, or raise NotPossible, Outdated or DoesNotExist."""
    mine = Task.objects.managed_by(by).filter(pk=task_id).values("pk")
    task = (
        Task.objects.select_for_update(no_key=True, of=("self",))
        .select_related("plan", "owner", "team")
        .get(pk__in=mine)
    )
    if task.version != version:
        raise Outdated("Somebody changed the task meanwhile. Look at it again.")
    if task.plan.status == Plan.Status.CLOSED:
        raise NotPossible("The plan is closed. Open it again to go on with it.")
    plans.refuse_strangers(
        wish.owner if wish.owner != task.owner else None,
        wish.team if wish.team != task.team else None,
        by=by,
    )
    before, owner_before = _facts(task), task.owner
    task.title, task.note = wish.title.strip()[:200], wish.note.strip()
    task.owner, task.team, task.due_at = wish.owner, wish.team, wish.due_at
    after = _facts(task)
    if before == after:
        return task
    task.version += 1
    task.save()
    changed = {name: after[name] for name in after if after[name] != before[name]}
    PlanEvent.objects.create(
        plan=task.plan,
        task=task,
        kind=PlanEvent.Kind.TASK_CHANGED,
        at=now,
        by=by,
        detail={"changed": sorted(changed)},
    )
    trail.record(
        by,
        Permission.PLAN_MANAGE,
        task,
        before={name: before[name] for name in changed},
        after=changed,
        at=now,
    )
    plans.hand_over(task.plan, task.pk, before=owner_before, after=task.owner, by=by, now=now)
    return task


@transaction.atomic
def claim(
    *, task_id: int, by: User, now: datetime, why: str = "", finding_ids: list[int] | None = None
) -> int:
    """Say that a task is done, as far as one may see it; returns of how many findings.

    They wait for the next collection to prove it. Raises NotPossible when nothing is left to claim.
    """
    task = Task.objects.visible_to(by).select_related("plan").get(pk=task_id)
    inside = TaskFinding.objects.present().visible_to(by).filter(task=task)
    open_now = Finding.objects.to_do(now=now).filter(triage__in=CLAIMABLE)
    chosen = open_now.filter(pk__in=inside.values("finding"))
    if finding_ids is not None:
        chosen = chosen.filter(pk__in=finding_ids)
    claimed = _held(list(chosen.order_by("pk").values_list("pk", flat=True)), CLAIMABLE)
    _refuse_closed(task)
    if not claimed:
        raise NotPossible("Nothing here is left to be said fixed.")
    _move(claimed, Triage.AWAITING_PROOF, claimed_at=now)
    _tell(claimed, FindingEvent.Kind.CLAIMED, why=why, task=task, by=by, now=now)
    PlanEvent.objects.create(
        plan=task.plan, task=task, kind=PlanEvent.Kind.CLAIMED, at=now, by=by, why=why.strip()
    )
    trail.record(
        by, Permission.FINDING_WORK, task, after={"claimed": claimed, "why": why.strip()}, at=now
    )
    return len(claimed)


@transaction.atomic
def take_back(
    *, task_id: int, by: User, now: datetime, claimed_at: datetime | None = None, why: str = ""
) -> int:
    """Take back that a task is done, or only what was said at one moment; returns of how many."""
    task = Task.objects.visible_to(by).select_related("plan").get(pk=task_id)
    inside = TaskFinding.objects.present().visible_to(by).filter(task=task)
    waiting = Finding.objects.open().filter(
        triage=Triage.AWAITING_PROOF, pk__in=inside.values("finding")
    )
    if claimed_at is not None:
        waiting = waiting.filter(claimed_at=claimed_at)
    ids = list(waiting.order_by("pk").values_list("pk", flat=True))
    back = _held(ids, frozenset({Triage.AWAITING_PROOF}))
    _refuse_closed(task)
    if not back:
        raise NotPossible("Nothing here waits for proof any more.")
    _move(back, Triage.IN_PROGRESS, claimed_at=None)
    _tell(
        back,
        FindingEvent.Kind.TRIAGE,
        why=why or "Not fixed after all.",
        task=task,
        by=by,
        now=now,
        to=Triage.IN_PROGRESS.value,
    )
    PlanEvent.objects.create(
        plan=task.plan, task=task, kind=PlanEvent.Kind.TAKEN_BACK, at=now, by=by, why=why.strip()
    )
    trail.record(by, Permission.FINDING_WORK, task, after={"taken_back": back}, at=now)
    return len(back)


def _held(ids: list[int], at: frozenset[str]) -> list[int]:
    """Those that are still there, locked. Read anew: somebody else may have been first."""
    held = Finding.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return [one.pk for one in held if one.state == Finding.State.OPEN and one.triage in at]


def _refuse_closed(task: Task) -> None:
    """After the findings, so that locks are taken in one order everywhere."""
    plan = Plan.objects.select_for_update(no_key=True).get(pk=task.plan_id)
    if plan.status == Plan.Status.CLOSED:
        raise NotPossible("The plan is closed. Open it again to go on with it.")


def _move(ids: list[int], to: str, *, claimed_at: datetime | None) -> None:
    Finding.objects.filter(pk__in=ids).update(
        triage=to, claimed_at=claimed_at, version=F("version") + 1, updated_at=database_now()
    )


def _tell(
    ids: list[int],
    kind: str,
    *,
    why: str,
    task: Task,
    by: User,
    now: datetime,
    **detail: Any,
) -> None:
    FindingEvent.objects.bulk_create(
        (
            FindingEvent(
                finding_id=pk,
                kind=kind,
                at=now,
                by=by,
                message=why.strip(),
                detail={**detail, "plan": task.plan_id, "task": task.pk},
            )
            for pk in ids
        ),
        batch_size=BATCH,
    )


def _facts(task: Task) -> dict[str, Any]:
    return {
        "title": task.title,
        "owner": task.owner_id,
        "team": task.team_id,
        "due_at": task.due_at.isoformat() if task.due_at else None,
        "note": task.note,
    }
