"""Due dates pass: people are warned before, and what is missed is kept. Called at every tick.

“Overdue” itself is computed from the clock wherever somebody looks; this only tells people once. A
finding under an exception that counts now is neither warned of nor missed. Asking twice, or two
schedulers at once, tell nobody twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from django.db import transaction
from django.db.models import F, Q, QuerySet

from findings import rules
from findings.announcing.outbox import Topic
from findings.models import Announcement, Finding, FindingEvent
from inventory.clock import database_now

BATCH = 1_000
MOST_BATCHES = 50  # of one look; what is left waits for the next
Event: TypeAlias = FindingEvent.Kind


def look(*, now: datetime) -> tuple[int, int]:
    """Warn of what is due soon, note what is missed. Returns how many of each."""
    soon = now + timedelta(days=rules.current().warn_days)
    return (
        _all(lambda: _warn(due_before=soon, now=now)),
        _all(lambda: _breach(now=now)),
    )


def _all(step: Callable[[], int]) -> int:
    total = 0
    for _ in range(MOST_BATCHES):
        done = step()
        total += done
        if done < BATCH:
            break
    return total


@transaction.atomic
def _warn(*, due_before: datetime, now: datetime) -> int:
    waiting = Finding.objects.to_do(now=now).filter(
        due_at__gt=now, due_at__lte=due_before, warned_at__isnull=True
    )
    found = _taken(waiting)
    _note(found, Event.WARNED, Topic.FINDING_DUE_SOON, now=now, warned_at=now)
    return len(found)


@transaction.atomic
def _breach(*, now: datetime) -> int:
    # A later due date can be missed as well: `breached_at` is the one that was missed last.
    waiting = Finding.objects.to_do(now=now).filter(
        Q(breached_at__isnull=True) | Q(breached_at__lt=F("due_at")),
        due_at__isnull=False,
        due_at__lte=now,
    )
    found = _taken(waiting)
    _note(found, Event.BREACHED, Topic.FINDING_BREACHED, now=now, breached_at=F("due_at"))
    return len(found)


def _taken(waiting: QuerySet[Finding]) -> list[Finding]:
    """Some of them, locked; what somebody else holds waits for the next look."""
    few = waiting.only("pk", "due_at", "team", "assignee", "assigned_team").order_by("due_at")
    return list(few.select_for_update(of=("self",), no_key=True, skip_locked=True)[:BATCH])


def _note(
    findings: list[Finding], kind: Event, topic: Topic, *, now: datetime, **values: object
) -> None:
    if not findings:
        return
    ids = [finding.pk for finding in findings]
    Finding.objects.filter(pk__in=ids).update(**values, updated_at=database_now())
    FindingEvent.objects.bulk_create(
        (
            FindingEvent(
                finding=finding,
                kind=kind,
                at=now,
                detail={"due_at": finding.due_at and finding.due_at.isoformat()},
            )
            for finding in findings
        ),
        batch_size=BATCH,
    )
    Announcement.objects.bulk_create(
        (
            Announcement(topic=topic.value, subject_type="finding", subject_id=finding.pk, at=now)
            for finding in findings
            if finding.assignee_id or finding.assigned_team_id or finding.team_id
        ),
        batch_size=BATCH,
    )
