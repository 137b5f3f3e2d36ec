"""Asking for an exception, for more time, or taking the request back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.errors import NotPossible
from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from findings import catalogue, rules
from findings.announcing.outbox import Topic
from findings.models import Finding, Waiver
from findings.waivers import acting, controls, history, limits, scopes
from findings.waivers.scopes import Scope
from policies.spec import Kind

Status = Waiver.Status
PENDING = (Status.REQUESTED, Status.IN_REVIEW)
NO_REASON = "Say why the risk can be accepted for a while."
NO_CONTROLS = "Say which controls compensate, or name a check that has to pass."


@transaction.atomic
def ask(
    *,
    by: User,
    scope: Scope,
    ground: str,
    reason: str,
    expires_at: datetime,
    now: datetime,
    starts_at: datetime | None = None,
    controls_said: str = "",
    control_check_id: str = "",
    evidence: str = "",
) -> Waiver:
    """Ask for an exception, or raise NotPossible. Somebody else decides."""
    person = acting.person(by, Permission.WAIVER_REQUEST)
    _refuse_foreign(scope, person, now=now)
    waiver = Waiver(
        scope=scope.scope,
        finding_id=scope.finding_id,
        asset_id=scope.asset_id,
        check_id=scope.check_id,
        query=scope.query,
        teams=scope.teams,
        starts_at=starts_at or now,
    )
    waiver.requested_by = person
    if waiver.starts_at < now:
        raise NotPossible("An exception does not begin in the past.")
    return _request(
        waiver,
        ground=ground,
        reason=reason,
        expires_at=expires_at,
        controls_said=controls_said,
        control_check_id=control_check_id,
        evidence=evidence,
        now=now,
    )


@transaction.atomic
def extend(
    *,
    waiver_id: int,
    version: int,
    by: User,
    reason: str,
    expires_at: datetime,
    now: datetime,
    ground: str = "",
    controls_said: str = "",
    control_check_id: str | None = None,
    evidence: str = "",
) -> Waiver:
    """Ask for an exception that follows on this one, or raise NotPossible.

    It is decided like any other; the old one stays until its own end, whatever comes of it.
    """
    person = acting.person(by, Permission.WAIVER_REQUEST)
    old = acting.hold(waiver_id, version=version, by=person)
    if old.status != Status.APPROVED or old.expires_at <= now:
        raise NotPossible("Only an exception that has not ended can be extended.")
    if old.extensions.filter(status__in=(*PENDING, Status.APPROVED)).exists():
        raise NotPossible("Somebody has asked for this extension already.")
    waiver = Waiver(
        scope=old.scope,
        finding_id=old.finding_id,
        asset_id=old.asset_id,
        check_id=old.check_id,
        query=old.query,
        teams=_narrower(old, person),
        starts_at=old.expires_at,
        extends=old,
    )
    waiver.requested_by = person
    made = _request(
        waiver,
        ground=ground or old.ground,
        reason=reason,
        expires_at=expires_at,
        controls_said=controls_said or old.controls,
        control_check_id=old.control_check_id if control_check_id is None else control_check_id,
        evidence=evidence or old.evidence,
        now=now,
    )
    old.version += 1
    old.save(update_fields=["version"])
    history.tell(old, history.Kind.EXTENDED, at=now, by=person, why=reason, extension=made.pk)
    return made


@transaction.atomic
def withdraw(*, waiver_id: int, version: int, by: User, now: datetime, reason: str = "") -> Waiver:
    """Take one's own request back before it is decided, or raise NotPossible."""
    person = acting.person(by, Permission.WAIVER_REQUEST)
    waiver = acting.hold(waiver_id, version=version, by=person)
    if waiver.requested_by_id != person.pk:
        raise NotPossible("Only who asked for an exception can take the request back.")
    if waiver.status not in PENDING:
        raise NotPossible("This request has been decided; it cannot be taken back any more.")
    before = waiver.status
    waiver.status, waiver.ended_by, waiver.ended_at = Status.WITHDRAWN, person, now
    waiver.end_reason = reason.strip()
    waiver.version += 1
    waiver.save(update_fields=["status", "ended_by", "ended_at", "end_reason", "version"])
    history.tell(waiver, history.Kind.WITHDRAWN, at=now, by=person, why=waiver.end_reason)
    history.announce(waiver, Topic.WAIVER_ENDED, at=now, by=person, how="withdrawn")
    trail.record(
        person,
        "findings:waiver:withdraw",
        waiver,
        before={"status": before},
        after={"status": waiver.status, "reason": waiver.end_reason},
        at=now,
    )
    return waiver


def _request(
    waiver: Waiver,
    *,
    ground: str,
    reason: str,
    expires_at: datetime,
    controls_said: str,
    control_check_id: str,
    evidence: str,
    now: datetime,
) -> Waiver:
    """Every way of asking ends here: the same limits hold for all of them."""
    laid_down = rules.current()
    if ground not in Waiver.Ground.values:
        raise NotPossible("There is no such ground for an exception.")
    waiver.ground, waiver.evidence = ground, evidence.strip()
    waiver.reason = acting.needs(reason, NO_REASON)
    waiver.controls = controls_said.strip()
    about = scopes.matching(waiver, asked_by=waiver.requested_by, now=now)
    waiver.control_check_id = _control(control_check_id, about)
    if ground == Waiver.Ground.COMPENSATED and not (waiver.controls or waiver.control_check_id):
        raise NotPossible(NO_CONTROLS)
    reach = limits.reach(about)
    limits.refuse_unfit(
        laid_down, reach, starts_at=waiver.starts_at, expires_at=expires_at, now=now
    )
    _refuse_repeated(waiver)
    waiver.expires_at = expires_at
    waiver.due_after = Waiver.Due(laid_down.due_after_exception)
    waiver.requested_at = now
    waiver.asked_count = reach.count
    waiver.save()
    history.tell(waiver, history.Kind.REQUESTED, at=now, by=waiver.requested_by, why=waiver.reason)
    history.announce(waiver, Topic.WAIVER_REQUESTED, at=now, by=waiver.requested_by)
    trail.record(
        waiver.requested_by, Permission.WAIVER_REQUEST, waiver, after=facts(waiver), at=now
    )
    return waiver


def facts(waiver: Waiver) -> dict[str, Any]:
    """What the audit log keeps of a request."""
    return {
        "scope": waiver.scope,
        "finding": waiver.finding_id,
        "asset": waiver.asset_id,
        "check": waiver.check_id,
        "query": waiver.query,
        "teams": waiver.teams,
        "ground": waiver.ground,
        "reason": waiver.reason,
        "controls": waiver.controls,
        "control_check": waiver.control_check_id,
        "starts_at": waiver.starts_at.isoformat(),
        "expires_at": waiver.expires_at.isoformat(),
        "extends": waiver.extends_id,
        "count": waiver.asked_count,
    }


def _control(name: str, about: QuerySet[Finding]) -> str:
    """The id of a check that can answer for everything it is about, or raise NotPossible."""
    if not name:
        return ""
    check = controls.check_of(name)
    if check is None:
        raise NotPossible("The compensating control is not a check that is switched on.")
    kinds = set(about.order_by().values_list("asset__kind", flat=True).distinct())
    if kinds != {check.kind.value}:
        raise NotPossible(
            f"“{check.title}” answers for {Kind(check.kind).value}s only; the exception would be "
            "about something else too. Narrow it, or name another control."
        )
    if set(about.order_by().values_list("check_id", flat=True).distinct()) & {
        *catalogue.names_of(check)
    }:
        raise NotPossible("A check cannot compensate for its own findings.")
    return check.id


def _refuse_foreign(scope: Scope, person: User, *, now: datetime) -> None:
    """Make the scope again as this person, or raise NotPossible: nobody excepts what is not theirs.

    It may have been made by somebody who sees more, or before their teams changed.
    """
    made = scope
    match scope.scope:
        case Waiver.Scope.FINDING if scope.finding_id is not None:
            made = scopes.of_finding(scope.finding_id, user=person)
        case Waiver.Scope.ASSET if scope.asset_id is not None:
            made = scopes.of_asset(scope.asset_id, user=person, check_id=scope.check_id)
        case Waiver.Scope.CHECK:
            made = scopes.of_check(scope.check_id, user=person)
        case Waiver.Scope.QUERY:
            made = scopes.of_query(scope.query, user=person, now=now)
        case _:
            raise NotPossible("An exception is about a finding, an asset, a check or a filter.")
    if made != scope:
        raise NotPossible("What you see has changed meanwhile. Ask again.")


def _refuse_repeated(waiver: Waiver) -> None:
    """The person is held, so a form that is sent twice asks once."""
    asked = (
        "requested_by_id",
        "scope",
        "finding_id",
        "asset_id",
        "check_id",
        "query",
        "extends_id",
    )
    alike: dict[str, Any] = {name: getattr(waiver, name) for name in asked}
    same = Waiver.objects.filter(status__in=PENDING, **alike).first()
    if same is not None:
        raise NotPossible(f"You have asked for this already: {same} waits for a decision.")


def _narrower(old: Waiver, person: User) -> list[int] | None:
    """The teams that both the exception and who asks for its extension are limited to."""
    if old.scope in (Waiver.Scope.FINDING, Waiver.Scope.ASSET):
        return None
    mine = scopes.limits_of(person)
    if mine is None or old.teams is None:
        return old.teams if mine is None else mine
    return sorted(set(mine) & set(old.teams))
