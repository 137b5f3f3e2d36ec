"""Deciding about an exception: always somebody else than who asked, always with a reason."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.errors import NotPossible
from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from findings import rules
from findings.announcing.outbox import Topic
from findings.models import Waiver
from findings.waivers import acting, controls, covering, dates, history, limits, scopes
from findings.waivers.requesting import PENDING
from ui.clock import exactly

Status = Waiver.Status
NO_REASON = "Say why you decide so."
OWN = "This is your own request. Somebody else has to decide about it."
TWIN = (
    "Your account has the same e-mail address as that of who asked, so the two count as one "
    "person. Somebody else has to decide."
)


@transaction.atomic
def review(*, waiver_id: int, version: int, by: User, now: datetime) -> Waiver:
    """Say that one is looking at a request, or raise NotPossible. Anybody else may still decide."""
    person = acting.person(by, Permission.WAIVER_APPROVE)
    waiver = _pending(waiver_id, version=version, person=person)
    if waiver.status != Status.REQUESTED:
        raise NotPossible("Somebody is looking at this request already.")
    waiver.status, waiver.reviewer, waiver.reviewed_at = Status.IN_REVIEW, person, now
    waiver.version += 1
    waiver.save(update_fields=["status", "reviewer", "reviewed_at", "version"])
    history.tell(waiver, history.Kind.REVIEWED, at=now, by=person)
    _record(person, "findings:waiver:review", waiver, before=Status.REQUESTED, now=now)
    return waiver


@transaction.atomic
def approve(
    *,
    waiver_id: int,
    version: int,
    by: User,
    reason: str,
    now: datetime,
    expires_at: datetime | None = None,
    count: int | None = None,
) -> Waiver:
    """Accept the risk until the exception ends, or raise NotPossible. Four eyes.

    `expires_at` may be earlier than asked for. `count` is how many findings the person was shown:
    when it would cover more by now, they look again.
    """
    person = acting.person(by, Permission.WAIVER_APPROVE)
    acting.hold_findings(waiver_id, now=now)
    waiver = _pending(waiver_id, version=version, person=person)
    why, before = acting.needs(reason, NO_REASON), waiver.status
    if waiver.extends is not None and waiver.extends.status == Status.REVOKED:
        raise NotPossible("The exception that this would extend was revoked. Reject it.")
    laid_down = rules.current()
    if expires_at is not None and expires_at > waiver.expires_at:
        raise NotPossible("You may shorten what was asked for, not lengthen it.")
    waiver.expires_at = expires_at or waiver.expires_at
    about = scopes.of_waiver(waiver, now=now)
    reach = limits.reach(about)
    limits.refuse_unfit(
        laid_down, reach, starts_at=waiver.starts_at, expires_at=waiver.expires_at, now=now
    )
    if count is not None and reach.count > count:
        raise NotPossible(
            f"By now it would cover {reach.count:,} findings, {count:,} when you looked. "
            "Look again before you decide."
        )
    _refuse_weak(waiver, now=now)
    waiver.status, waiver.decided_by, waiver.decided_at = Status.APPROVED, person, now
    waiver.decision, waiver.approved_count = why, reach.count
    waiver.at_most, waiver.gravest = limits.at_most(laid_down, reach.count), reach.gravest
    waiver.version += 1
    waiver.save(
        update_fields=[
            "status",
            "decided_by",
            "decided_at",
            "decision",
            "expires_at",
            "approved_count",
            "at_most",
            "gravest",
            "version",
        ]
    )
    covering.cover(waiver=waiver, now=now)
    covered = list(waiver.covers.order_by("finding_id").values_list("finding_id", flat=True))
    history.excepted(waiver, covered, at=now, by=person)
    history.tell(waiver, history.Kind.APPROVED, at=now, by=person, why=why, count=reach.count)
    history.announce(waiver, Topic.WAIVER_DECIDED, at=now, by=person, decision="approved")
    _record(person, "findings:waiver:approve", waiver, before=before, now=now, why=why)
    return waiver


@transaction.atomic
def reject(*, waiver_id: int, version: int, by: User, reason: str, now: datetime) -> Waiver:
    """Refuse a request, or raise NotPossible."""
    person = acting.person(by, Permission.WAIVER_APPROVE)
    waiver = _pending(waiver_id, version=version, person=person)
    why, before = acting.needs(reason, NO_REASON), waiver.status
    waiver.status, waiver.decided_by, waiver.decided_at = Status.REJECTED, person, now
    waiver.decision = why
    waiver.version += 1
    waiver.save(update_fields=["status", "decided_by", "decided_at", "decision", "version"])
    history.tell(waiver, history.Kind.REJECTED, at=now, by=person, why=why)
    history.announce(waiver, Topic.WAIVER_DECIDED, at=now, by=person, decision="rejected")
    _record(person, "findings:waiver:reject", waiver, before=before, now=now, why=why)
    return waiver


@transaction.atomic
def revoke(*, waiver_id: int, version: int, by: User, reason: str, now: datetime) -> Waiver:
    """End an approved exception before its time, with what follows on it; or raise NotPossible."""
    person = acting.person(by, Permission.WAIVER_APPROVE)
    acting.hold_findings(waiver_id, now=now)
    waiver = acting.hold(waiver_id, version=version, by=person)
    if waiver.status != Status.APPROVED:
        raise NotPossible("Only an approved exception can be revoked.")
    if waiver.expires_at <= now:
        raise NotPossible("This exception has ended already.")
    why = acting.needs(reason, "Say why the risk cannot be accepted any longer.")
    _end(waiver, person, why, now=now)
    for later in _following(waiver):
        _end(later, person, f"{waiver} was revoked: {why}"[:4000], now=now)
    return waiver


def _following(waiver: Waiver) -> list[Waiver]:
    """Approved extensions, and theirs. Held in the order in which they follow."""
    found: list[Waiver] = []
    ahead = [waiver.pk]
    while ahead:
        later = Waiver.objects.select_for_update(no_key=True).filter(
            extends__in=ahead, status=Status.APPROVED
        )
        level = list(later.order_by("pk"))
        found += level
        ahead = [one.pk for one in level]
    return found


def _end(waiver: Waiver, person: User, why: str, *, now: datetime) -> None:
    was_effective = waiver.is_effective(now=now)
    covered = list(waiver.covers.order_by("finding_id").values_list("finding_id", flat=True))
    dates.bring_back(waiver, covered, rules.current(), now=now)
    waiver.status, waiver.ended_by, waiver.ended_at = Status.REVOKED, person, now
    waiver.end_reason = why
    waiver.version += 1
    waiver.save(update_fields=["status", "ended_by", "ended_at", "end_reason", "version"])
    if was_effective:
        history.returned(waiver, covered, f"The exception was revoked: {why}", at=now, by=person)
    history.tell(waiver, history.Kind.REVOKED, at=now, by=person, why=why)
    history.announce(waiver, Topic.WAIVER_ENDED, at=now, by=person, how="revoked")
    _record(person, "findings:waiver:revoke", waiver, before=Status.APPROVED, now=now, why=why)


def _pending(waiver_id: int, *, version: int, person: User) -> Waiver:
    """A request that this person may decide about, held; or raise NotPossible."""
    waiver = acting.hold(waiver_id, version=version, by=person)
    if waiver.status not in PENDING:
        raise NotPossible(f"This request is {waiver.get_status_display().lower()} already.")
    if why := not_theirs(waiver, person):
        raise NotPossible(why)
    return waiver


def not_theirs(waiver: Waiver, person: User) -> str:
    """Why this person may not be the second pair of eyes; empty when they may."""
    if waiver.requested_by_id == person.pk:
        return OWN
    mine, theirs = person.email.strip().lower(), waiver.requested_by.email.strip().lower()
    return TWIN if mine and mine == theirs else ""


def _refuse_weak(waiver: Waiver, *, now: datetime) -> None:
    """Raise NotPossible while the control that is to compensate does not pass."""
    if not waiver.control_check_id:
        return
    about = scopes.of_waiver(waiver, now=now)
    check = controls.check_of(waiver)
    weak = controls.failing(check, controls.assets_of(about)).count()
    if weak:
        raise NotPossible(
            f"The compensating control does not pass on {weak:,} of the assets now, so the "
            "exception would cover nothing."
        )


def _record(
    person: User, action: str, waiver: Waiver, *, before: str, now: datetime, why: str = ""
) -> None:
    trail.record(
        person,
        action,
        waiver,
        before={"status": str(before)},
        after={
            "status": str(waiver.status),
            "reason": why,
            "expires_at": exactly(waiver.expires_at),
            "count": waiver.approved_count,
        },
        at=now,
    )
