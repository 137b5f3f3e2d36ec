"""The history of a plan as one reader sees it: what is about others' findings did not happen."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import msgspec
from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Subquery, Value, When
from django.db.models.functions import Coalesce

from accounts.models import User
from findings.models import FindingEvent, Plan, PlanEvent, Task, TaskFinding
from findings.remediation.progress import Progress

SHOWN = 100
Kind = PlanEvent.Kind
Told = FindingEvent.Kind
# Events of a plan that are about findings, and what is told of each of those at the same moment.
_ABOUT_FINDINGS = {
    Kind.JOINED: Told.PLANNED,
    Kind.LEFT: Told.PLANNED,
    Kind.CLAIMED: Told.CLAIMED,
    Kind.TAKEN_BACK: Told.TRIAGE,
    Kind.REFUTED: Told.REFUTED,
}
_ABOUT_ALL = frozenset({Kind.PROVEN, Kind.REOPENED})
_BAD = frozenset({Kind.REFUTED, Kind.REOPENED})


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: what, when, who, why, and about how many findings that the reader sees."""

    kind: str
    label: str
    at: datetime
    by: User | None = None
    why: str = ""
    count: int = 0
    task: Task | None = None
    changed: tuple[str, ...] = ()

    @property
    def tone(self) -> str:
        if self.kind in _BAD:
            return "is-bad"
        return {Kind.PROVEN: "is-good", Kind.WARNED: "is-warn"}.get(Kind(self.kind), "")


def rows(plan: Plan, user: User, tasks: Collection[Task], so_far: Progress) -> list[Row]:
    """Newest first. One query."""
    known = {task.pk: task for task in tasks}
    told = [
        _row(event, known)
        for event in _counted(plan, user)
        if user.sees_everything or _is_for(event, known)
    ]
    if so_far.is_done and so_far.proven_at is not None and not user.sees_everything:
        told.append(Row(kind=Kind.PROVEN, label=Kind.PROVEN.label, at=so_far.proven_at))
        told.sort(key=lambda row: row.at, reverse=True)
    return told


def _counted(plan: Plan, user: User) -> Iterable[PlanEvent]:
    """Events with `count`: of how many findings that the reader sees it was told at that moment."""
    # What is said of a task is about its findings alone.
    task = Coalesce(OuterRef(OuterRef("task_id")), F("task_id"))
    inside = TaskFinding.objects.filter(plan=plan, finding=OuterRef("finding"), task=task)
    inside = inside.visible_to(user)
    told = (
        FindingEvent.objects.filter(Exists(inside), at=OuterRef("at"), kind=OuterRef("told"))
        .order_by()
        .values("kind")
        .annotate(n=Count("finding", distinct=True))
        .values("n")
    )
    cases = [When(kind=kind, then=Value(of.value)) for kind, of in _ABOUT_FINDINGS.items()]
    return (
        plan.events.select_related("by")
        .annotate(told=Case(*cases, default=Value(""), output_field=CharField()))
        .annotate(count=Coalesce(Subquery(told), 0))[:SHOWN]
    )


def _is_for(event: PlanEvent, known: dict[int, Task]) -> bool:
    """Whether it happened for a reader who does not see everything."""
    kind = Kind(event.kind)
    if kind in _ABOUT_FINDINGS:
        return bool(event.count)  # type: ignore[attr-defined]
    if kind in _ABOUT_ALL and event.by_id is None:
        return False
    return event.task_id is None or event.task_id in known


def _row(event: PlanEvent, known: dict[int, Task]) -> Row:
    return Row(
        kind=event.kind,
        label=event.get_kind_display(),
        at=event.at,
        by=event.by,
        why=event.why,
        count=event.count,  # type: ignore[attr-defined]
        task=known.get(event.task_id or 0),
        changed=tuple(event.detail.get("changed", ())),
    )
