"""The history of a plan as one reader sees it: what is about others' findings did not happen."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
from django.db.models import Count, Q

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
        return "is-bad" if self.kind in _BAD else "is-good" if self.kind == Kind.PROVEN else ""


def rows(plan: Plan, user: User, tasks: Collection[Task], so_far: Progress) -> list[Row]:
    """Newest first. Two queries."""
    known = {task.pk: task for task in tasks}
    events = list(plan.events.select_related("by")[:SHOWN])
    counts = _counts(plan, user, events)
    told = [
        _row(event, counts.get((_ABOUT_FINDINGS.get(Kind(event.kind), ""), event.at), 0), known)
        for event in events
        if _is_for(event, user, counts, known)
    ]
    if so_far.is_done and so_far.proven_at is not None and not user.sees_everything:
        told.append(Row(kind=Kind.PROVEN, label=Kind.PROVEN.label, at=so_far.proven_at))
        told.sort(key=lambda row: row.at, reverse=True)
    return told


def _counts(
    plan: Plan, user: User, events: Collection[PlanEvent]
) -> dict[tuple[str, datetime], int]:
    """(kind, moment) → findings that the reader sees which were told so at that moment."""
    wanted = Q()
    for event in events:
        if kind := _ABOUT_FINDINGS.get(Kind(event.kind)):
            wanted |= Q(kind=kind, at=event.at)
    if not wanted:
        return {}
    inside = TaskFinding.objects.filter(plan=plan).visible_to(user)
    told = (
        FindingEvent.objects.filter(wanted, finding__in=inside.values("finding"))
        .order_by()
        .values_list("kind", "at")
        .annotate(n=Count("finding", distinct=True))
    )
    return {(kind, at): n for kind, at, n in told}


def _is_for(
    event: PlanEvent,
    user: User,
    counts: dict[tuple[str, datetime], int],
    known: dict[int, Task],
) -> bool:
    if user.sees_everything:
        return True
    kind = Kind(event.kind)
    if kind in _ABOUT_FINDINGS:
        return bool(counts.get((_ABOUT_FINDINGS[kind], event.at)))
    if kind in _ABOUT_ALL and event.by_id is None:
        return False
    return event.task_id is None or event.task_id in known


def _row(event: PlanEvent, count: int, known: dict[int, Task]) -> Row:
    return Row(
        kind=event.kind,
        label=event.get_kind_display(),
        at=event.at,
        by=event.by,
        why=event.why,
        count=count,
        task=known.get(event.task_id or 0),
        changed=tuple(event.detail.get("changed", ())),
    )
