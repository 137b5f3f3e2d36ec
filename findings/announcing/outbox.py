"""Reconcile → announce: what has to be told is written in the transaction that made it true."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import connection

from accounts.models import User
from audit.trail import NotInTransaction
from findings.models import Announcement


class Topic(StrEnum):
    """What can be told of. The words for people are in `findings.announcing.words`."""

    FINDINGS_MOVED = "findings.moved"  # a source was judged: events from first to last
    FINDING_ASSIGNED = "finding.assigned"
    FINDING_MENTIONED = "finding.mentioned"
    FINDING_COMMENTED = "finding.commented"
    FINDING_DUE_SOON = "finding.due-soon"
    FINDING_BREACHED = "finding.breached"
    WAIVER_REQUESTED = "waiver.requested"
    WAIVER_DECIDED = "waiver.decided"
    WAIVER_ENDED = "waiver.ended"  # withdrawn, revoked or expired
    WAIVER_ENDING = "waiver.ending"
    WAIVER_OUTGROWN = "waiver.outgrown"
    WAIVER_LAPSED = "waiver.lapsed"
    PLAN_ASSIGNED = "plan.assigned"
    PLAN_PROVEN = "plan.proven"
    PLAN_REFUTED = "plan.refuted"
    PLAN_DUE_SOON = "plan.due-soon"


def announce(
    topic: Topic,
    *,
    subject_type: str,
    subject_id: int,
    by: User | None,
    at: datetime,
    detail: dict[str, Any] | None = None,
) -> Announcement:
    """Put one announcement into the outbox, or raise NotInTransaction.

    `detail` holds ids, counts and moments, never text of a platform.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction(f"{topic} has to be announced in the transaction of the act")
    return Announcement.objects.create(
        topic=topic.value,
        subject_type=subject_type,
        subject_id=subject_id,
        by=by,
        at=at,
        detail=detail or {},
    )
