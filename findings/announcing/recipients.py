"""Who is to be told of an announcement. Nobody is told of what they did or may not see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from accounts.models import User
from accounts.permissions import Permission
from accounts.roles import ROLES
from findings.announcing.outbox import Topic
from findings.models import Announcement, Finding, FindingEvent, Notice, Waiver
from policies.models import SeverityChoices

Kind = Notice.Kind
Event = FindingEvent.Kind
SERIOUS = [SeverityChoices.CRITICAL, SeverityChoices.HIGH]
NAMED = 50  # most findings that one notice names by id


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """One person, and what they are told of."""

    user: User
    kind: Notice.Kind
    finding_id: int | None = None
    waiver_id: int | None = None
    plan_id: int | None = None
    source_id: int | None = None
    detail: dict[str, Any] = {}


def recipients(announcement: Announcement) -> list[Recipient]:
    """Everybody who is to be told of it."""
    find = _BY_TOPIC[Topic(announcement.topic)]
    return [one for one in find(announcement) if one.user.pk != announcement.by_id]


def people_who_may(permission: Permission) -> QuerySet[User]:
    """Active people of whom a role gives this permission."""
    roles = [role for role, permissions in ROLES.items() if permission in permissions]
    return (
        User.objects.filter(is_active=True, role_assignments__role__in=roles)
        .distinct()
        .order_by("pk")
    )


# --- findings ---------------------------------------------------------------------------------


def _moved(announcement: Announcement) -> Iterator[Recipient]:
    events = FindingEvent.objects.filter(
        pk__gte=announcement.detail["first_event"],
        pk__lte=announcement.detail["last_event"],
        finding__source_id=announcement.subject_id,
    )
    yield from _to_assignees(announcement, events)
    yield from _to_those_who_look(announcement, events.filter(kind=Event.OPENED))


def _to_assignees(
    announcement: Announcement, events: QuerySet[FindingEvent]
) -> Iterator[Recipient]:
    kinds = {
        Event.REFUTED: Kind.REFUTED,
        Event.REOPENED: Kind.REOPENED,
        Event.RESOLVED: Kind.RESOLVED,
    }
    concerned: dict[tuple[int, Notice.Kind], list[int]] = defaultdict(list)
    claims = FindingEvent.objects.filter(finding=OuterRef("finding"), kind=Event.CLAIMED)
    claimed_by = Subquery(claims.order_by("-pk").values("by")[:1])
    rows = events.filter(kind__in=kinds).annotate(claimed_by=claimed_by).order_by("pk")
    for kind, pk, assignee, claimant in rows.values_list(
        "kind", "finding_id", "finding__assignee_id", "claimed_by"
    ):
        # A fix of what nobody has concerns whoever said it was done.
        who = assignee or (claimant if kind == Event.REFUTED else None)
        if who is not None:
            concerned[who, kinds[Event(kind)]].append(pk)
    users = User.objects.filter(is_active=True).in_bulk({pk for pk, _ in concerned})
    for (user_id, kind), ids in concerned.items():
        user = users.get(user_id)
        if user is None:
            continue
        seen = list(
            Finding.objects.visible_to(user).filter(pk__in=ids).values_list("pk", flat=True)
        )
        if seen:
            yield Recipient(
                user=user,
                kind=kind,
                finding_id=seen[0] if len(seen) == 1 else None,
                source_id=announcement.subject_id,
                detail={"count": len(seen), "findings": sorted(seen)[:NAMED]},
            )


def _to_those_who_look(
    announcement: Announcement, opened: QuerySet[FindingEvent]
) -> Iterator[Recipient]:
    """Analysts, and the people of the team whose machines it is about."""
    per_team = {
        row["finding__team_id"]: (row["n"], row["serious"])
        for row in opened.order_by()
        .values("finding__team_id")
        .annotate(n=Count("*"), serious=Count("pk", filter=Q(finding__severity__in=SERIOUS)))
    }
    if not per_team:
        return
    lookers = people_who_may(Permission.FINDING_WORK).prefetch_related("teams")
    for user in lookers:
        teams = None if user.sees_everything else {team.pk for team in user.teams.all()}
        counted = [count for team, count in per_team.items() if teams is None or team in teams]
        total = sum(n for n, _ in counted)
        if total:
            yield Recipient(
                user=user,
                kind=Kind.OPENED,
                source_id=announcement.subject_id,
                detail={"count": total, "serious": sum(serious for _, serious in counted)},
            )


def _of_finding(kind: Notice.Kind) -> Callable[[Announcement], Iterator[Recipient]]:
    def find(announcement: Announcement) -> Iterator[Recipient]:
        finding = Finding.objects.filter(pk=announcement.subject_id).first()
        if finding is None:
            return
        for user in _concerned(announcement, finding):
            if Finding.objects.visible_to(user).filter(pk=finding.pk).exists():
                detail = {"count": announcement.detail.get("count", 1)}  # done to many at once
                yield Recipient(user=user, kind=kind, finding_id=finding.pk, detail=detail)

    return find


def _concerned(announcement: Announcement, finding: Finding) -> QuerySet[User]:
    """Those the announcement names; else whoever has the finding; else its team."""
    active = User.objects.filter(is_active=True)
    if "to" in announcement.detail:
        return active.filter(pk__in=announcement.detail["to"])
    if finding.assignee_id is not None:
        return active.filter(pk=finding.assignee_id)
    team = finding.assigned_team_id or finding.team_id
    return people_who_may(Permission.FINDING_WORK).filter(teams=team) if team else active.none()


# --- exceptions -------------------------------------------------------------------------------


def _to_approvers(announcement: Announcement) -> Iterator[Recipient]:
    waiver = Waiver.objects.filter(pk=announcement.subject_id).first()
    if waiver is None:
        return
    for user in people_who_may(Permission.WAIVER_APPROVE).exclude(pk=waiver.requested_by_id):
        if Waiver.objects.visible_to(user).filter(pk=waiver.pk).exists():
            yield Recipient(user=user, kind=Kind.WAIVER_REQUESTED, waiver_id=waiver.pk)


def _to_requester(
    kind: Notice.Kind, *, and_decider: bool = False
) -> Callable[[Announcement], Iterator[Recipient]]:
    def find(announcement: Announcement) -> Iterator[Recipient]:
        waiver = Waiver.objects.filter(pk=announcement.subject_id).first()
        if waiver is None:
            return
        ids = {waiver.requested_by_id} | ({waiver.decided_by_id} if and_decider else set())
        for user in User.objects.filter(is_active=True, pk__in=[pk for pk in ids if pk]):
            if Waiver.objects.visible_to(user).filter(pk=waiver.pk).exists():
                yield Recipient(
                    user=user,
                    kind=kind,
                    waiver_id=waiver.pk,
                    detail={"topic": announcement.topic},
                )

    return find


# --- plans ------------------------------------------------------------------------------------


def _to_plan(announcement: Announcement) -> Iterator[Recipient]:
    """Those whom the room of plans names."""
    named = User.objects.filter(is_active=True, pk__in=announcement.detail.get("to", []))
    for user in named.order_by("pk"):
        yield Recipient(
            user=user,
            kind=Kind.PLAN,
            plan_id=announcement.subject_id,
            detail={"topic": announcement.topic},
        )


_BY_TOPIC: dict[Topic, Callable[[Announcement], Iterator[Recipient]]] = {
    Topic.FINDINGS_MOVED: _moved,
    Topic.FINDING_ASSIGNED: _of_finding(Kind.ASSIGNED),
    Topic.FINDING_MENTIONED: _of_finding(Kind.MENTIONED),
    Topic.FINDING_COMMENTED: _of_finding(Kind.COMMENTED),
    Topic.FINDING_DUE_SOON: _of_finding(Kind.DUE_SOON),
    Topic.FINDING_BREACHED: _of_finding(Kind.BREACHED),
    Topic.WAIVER_REQUESTED: _to_approvers,
    Topic.WAIVER_DECIDED: _to_requester(Kind.WAIVER_DECIDED),
    Topic.WAIVER_ENDED: _to_requester(Kind.WAIVER_ENDED),
    Topic.WAIVER_ENDING: _to_requester(Kind.WAIVER_ENDING),
    Topic.WAIVER_OUTGROWN: _to_requester(Kind.WAIVER_WEAKENED, and_decider=True),
    Topic.WAIVER_LAPSED: _to_requester(Kind.WAIVER_WEAKENED, and_decider=True),
    Topic.PLAN_ASSIGNED: _to_plan,
    Topic.PLAN_PROVEN: _to_plan,
    Topic.PLAN_REFUTED: _to_plan,
    Topic.PLAN_DUE_SOON: _to_plan,
}
