"""Where an exception stands at a moment: computed from the clock, in Python and in the database."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from django.db.models import Exists, OuterRef, Q, QuerySet

from findings.models import Finding, Waiver, WaiverCover
from findings.querysets import effective

Status = Waiver.Status


class State(StrEnum):
    REQUESTED = "requested"
    IN_REVIEW = "in_review"
    SCHEDULED = "scheduled"
    EFFECTIVE = "effective"
    LAPSED = "lapsed"
    EXPIRED = "expired"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"


LABELS: dict[str, str] = {
    State.REQUESTED: "Requested",
    State.IN_REVIEW: "In review",
    State.SCHEDULED: "Scheduled",
    State.EFFECTIVE: "In effect",
    State.LAPSED: "Lapsed",
    State.EXPIRED: "Expired",
    State.REJECTED: "Rejected",
    State.WITHDRAWN: "Withdrawn",
    State.REVOKED: "Revoked",
}
# What else a list can be narrowed to: each of these is in effect, or would be.
REMARKS: dict[str, str] = {
    "pending": "Waiting for a decision",
    "outgrown": "Outgrown",
    "unused": "Unused",
    "overlapping": "Overlapping",
}


def state_of(waiver: Waiver, *, now: datetime) -> State:
    """What a reader is told. An approved one is scheduled, in effect, lapsed or expired."""
    if waiver.status != Status.APPROVED:
        return State(waiver.status)
    if waiver.expires_at <= now:
        return State.EXPIRED
    if waiver.lapsed_since is not None:
        return State.LAPSED
    return State.SCHEDULED if waiver.starts_at > now else State.EFFECTIVE


def is_in(value: str, *, now: datetime) -> Q:
    """The condition for exceptions in this state, or with this remark. The same as `state_of`."""
    approved = Q(status=Status.APPROVED)
    alive = approved & Q(expires_at__gt=now)
    counts = effective(now=now)
    conditions: dict[str, Q] = {
        State.EXPIRED: approved & Q(expires_at__lte=now),
        State.LAPSED: alive & Q(lapsed_since__isnull=False),
        State.SCHEDULED: alive & Q(lapsed_since=None, starts_at__gt=now),
        State.EFFECTIVE: counts,
        "pending": Q(status__in=[Status.REQUESTED, Status.IN_REVIEW]),
        "outgrown": alive & Q(outgrown_since__isnull=False),
        "unused": counts & Q(~Exists(_open_covers())),
        "overlapping": counts & Q(pk__in=_shared_covers(now).values("waiver")),
    }
    return conditions.get(value, Q(status=value))


def _open_covers() -> QuerySet[WaiverCover]:
    return WaiverCover.objects.filter(
        waiver=OuterRef("pk"), finding__state=Finding.State.OPEN
    ).order_by()


def _shared_covers(now: datetime) -> QuerySet[WaiverCover]:
    """Covers of open findings that another exception in effect covers too, of all exceptions: read
    once, where asking for each exception would look at every finding it covers.
    """
    also = (
        WaiverCover.objects.filter(finding=OuterRef("finding"))
        .filter(effective("waiver__", now=now))
        .exclude(waiver=OuterRef("waiver"))
    )
    return WaiverCover.objects.filter(Exists(also), finding__state=Finding.State.OPEN).order_by()
