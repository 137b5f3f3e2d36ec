"""When somebody looked at the list of findings, so that they can be told what is new.

A visit ends when somebody has not looked for a while. What is new is what opened since the end of
the visit before this one, so it stays new while they work through it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.models import User
from findings.models import LastVisit

ENDS_AFTER = timedelta(hours=2)
NOTED_EVERY = timedelta(minutes=10)


def note(user: User, *, now: datetime) -> LastVisit:
    """The person looks now. One query, and a write only when there is something to write."""
    visit = LastVisit.objects.filter(user=user).first()
    if visit is None:
        LastVisit.objects.bulk_create([LastVisit(user=user, seen_at=now)], ignore_conflicts=True)
        return LastVisit(user=user, seen_at=now)
    if now - visit.seen_at < NOTED_EVERY:
        return visit
    if now - visit.seen_at >= ENDS_AFTER:
        visit.previous_at = visit.seen_at
    # Only the request that saw the old moment writes: of two at once, one begins the visit.
    LastVisit.objects.filter(pk=visit.pk, seen_at=visit.seen_at).update(
        seen_at=now, previous_at=visit.previous_at
    )
    visit.seen_at = now
    return visit


def previous(user: User) -> datetime | None:
    """The end of the visit before this one; None when there was none."""
    return LastVisit.objects.filter(user=user).values_list("previous_at", flat=True).first()
