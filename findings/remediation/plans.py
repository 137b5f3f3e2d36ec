"""What people do with plans: make, change, fill, empty, close. None of it makes one done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.errors import NotPossible
from accounts.models import Team, User
from accounts.permissions import Permission
from accounts.roles import ROLES
from audit import trail
from findings.announcing import outbox
from findings.announcing.outbox import Topic
from findings.models import Plan, PlanEvent, TaskFinding
from findings.remediation import choosing, membership
from findings.remediation.errors import Outdated
from findings.remediation.settling import settle

Kind = PlanEvent.Kind
Status = Plan.Status
LONGEST_TITLE = 200
LONGEST_TEXT = 10_000


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says about a plan. Whoever reads the plan reads all of this."""

    title: str
    goal: str = ""
    owner: User | None = None
    team: Team | None = None
    due_at: datetime | None = None


def people_for(user: User) -> QuerySet[User]:
    """Whom this person may give a plan or task to: of their teams, unless they see everything."""
    roles = [role for role, held in ROLES.items() if Permission.FINDING_WORK in held]
    people = User.objects.filter(is_active=True, role_assignments__role__in=roles)
    if not user.sees_everything:
        people = people.filter(Q(teams__in=user.team_ids) | Q(pk=user.pk))
    return people.distinct().order_by("username")


def teams_for(user: User) -> QuerySet[Team]:
    """Which teams this person may give a plan or task to."""
    return Team.objects.all() if user.sees_everything else user.teams.all()


@transaction.atomic
def make(
    *,
    wish: Wish,
    by: User,
    now: datetime,
    finding_ids: list[int] | None = None,
    query: str = "",
    grouping: str = Plan.Grouping.CHECK,
    follow: bool = False,
) -> Plan:
    """A plan of findings that were picked or that a query finds; or raise NotPossible.

    With `follow` it is a campaign: what comes to match the query later joins by itself.
    """
    refuse_strangers(wish.owner, wish.team, by=by)
    kept = choosing.normal(query) if follow else ""
    if follow and not kept:
        raise NotPossible("A campaign follows a filter. Narrow the list of findings first.")
    found = (
        choosing.picked(finding_ids, user=by)
        if finding_ids is not None and not follow
        else choosing.found_by(kept or query, user=by, now=now)
    )
    findings = membership.locked(found, most=choosing.MOST + 1)
    if len(findings) > choosing.MOST:
        raise NotPossible(
            f"A plan holds {choosing.MOST:,} findings at most. Narrow the list first."
        )
    if not findings and not follow:
        raise NotPossible("Nothing that is open was chosen, so there is nothing to plan.")
    plan = Plan(
        kind=Plan.Kind.CAMPAIGN if follow else Plan.Kind.PLAN,
        grouping=grouping,
        query=kept,
        created_by=by,
        created_at=now,
        **_said(wish),
    )
    _clean(plan)
    plan.save()
    PlanEvent.objects.create(plan=plan, kind=Kind.MADE, at=now, by=by)
    joined = membership.join(plan, findings, by=by, now=now)
    trail.record(
        by,
        Permission.PLAN_MANAGE,
        plan,
        after={**facts(plan), "findings": len(joined), "query": kept},
        at=now,
    )
    hand_over(plan, None, before=None, after=plan.owner, by=by, now=now)
    return plan


@transaction.atomic
def change(*, plan_id: int, version: int, wish: Wish, by: User, now: datetime) -> Plan:
    """Say something else about a plan, or raise NotPossible, Outdated or DoesNotExist."""
    plan = held(plan_id, by=by, version=version)
    _refuse_closed(plan)
    if wish.owner != plan.owner or wish.team != plan.team:
        refuse_strangers(
            wish.owner if wish.owner != plan.owner else None,
            wish.team if wish.team != plan.team else None,
            by=by,
        )
    before, owner_before = facts(plan), plan.owner
    for name, value in _said(wish).items():
        setattr(plan, name, value)
    after = facts(plan)
    if before == after:
        return plan
    if before["due_at"] != after["due_at"]:
        plan.warned_at = None
    _clean(plan)
    _save(plan)
    changed = {name: after[name] for name in after if after[name] != before[name]}
    PlanEvent.objects.create(
        plan=plan, kind=Kind.CHANGED, at=now, by=by, detail={"changed": sorted(changed)}
    )
    trail.record(
        by,
        Permission.PLAN_MANAGE,
        plan,
        before={name: before[name] for name in changed},
        after=changed,
        at=now,
    )
    hand_over(plan, None, before=owner_before, after=plan.owner, by=by, now=now)
    return plan


@transaction.atomic
def add(*, plan_id: int, finding_ids: list[int], by: User, now: datetime) -> int:
    """Put more findings into a plan; returns how many came in. Or raise NotPossible."""
    if not Plan.objects.managed_by(by).filter(pk=plan_id).exists():
        raise Plan.DoesNotExist
    findings = membership.locked(choosing.picked(finding_ids, user=by))
    plan = held(plan_id, by=by)
    _refuse_closed(plan)
    joined = membership.join(plan, findings, by=by, now=now)
    if not joined:
        raise NotPossible("Nothing was added: it is in the plan already, or no longer open.")
    _save(plan)
    trail.record(
        by, Permission.PLAN_MANAGE, plan, after={"added": [one.pk for one in joined]}, at=now
    )
    settle([plan], now=now)
    return len(joined)


@transaction.atomic
def take_out(*, plan_id: int, finding_ids: list[int], why: str, by: User, now: datetime) -> int:
    """Take findings out of a plan, for a reason; returns how many. Or raise NotPossible."""
    if not why.strip():
        raise NotPossible("Say why it does not belong in the plan.")
    plan = held(plan_id, by=by)
    _refuse_closed(plan)
    inside = list(
        TaskFinding.objects.present()
        .visible_to(by)
        .filter(plan=plan, finding__in=finding_ids)
        .select_related("finding")
        .order_by("pk")
    )
    if not inside:
        raise NotPossible("Nothing was taken out: it is not in the plan any more.")
    membership.leave(plan, inside, by=by, why=why.strip(), now=now)
    _save(plan)
    gone = [one.finding_id for one in inside]
    trail.record(
        by, Permission.PLAN_MANAGE, plan, after={"taken_out": gone, "why": why.strip()}, at=now
    )
    settle([plan], now=now, moved=gone)
    return len(inside)


@transaction.atomic
def close(*, plan_id: int, version: int, why: str, by: User, now: datetime) -> Plan:
    """End a plan whatever is left of it, for a reason. Its findings stay as they are."""
    if not why.strip():
        raise NotPossible("Say why the plan is closed.")
    plan = held(plan_id, by=by, version=version)
    _refuse_closed(plan)
    before = plan.status
    plan.status, plan.closed_by, plan.closed_at = Status.CLOSED, by, now
    plan.close_reason, plan.done_at = why.strip(), None
    _save(plan)
    PlanEvent.objects.create(plan=plan, kind=Kind.CLOSED, at=now, by=by, why=why.strip())
    trail.record(
        by,
        Permission.PLAN_MANAGE,
        plan,
        before={"status": before},
        after={"status": plan.status, "why": why.strip()},
        at=now,
    )
    return plan


@transaction.atomic
def open_again(*, plan_id: int, by: User, now: datetime, version: int | None = None) -> Plan:
    """Go on with a plan that was closed; it is done at once if everything in it is proven."""
    plan = held(plan_id, by=by, version=version)
    if plan.status != Status.CLOSED:
        raise NotPossible("Only a closed plan can be opened again.")
    plan.status, plan.closed_by, plan.closed_at, plan.close_reason = Status.OPEN, None, None, ""
    _save(plan)
    PlanEvent.objects.create(plan=plan, kind=Kind.REOPENED, at=now, by=by)
    trail.record(
        by,
        Permission.PLAN_MANAGE,
        plan,
        before={"status": Status.CLOSED.value},
        after={"status": plan.status},
        at=now,
    )
    settle([plan], now=now)
    return plan


# --- what the verbs share ---------------------------------------------------------------------


def held(plan_id: int, *, by: User, version: int | None = None) -> Plan:
    """A plan that this person may change, locked; or raise DoesNotExist or Outdated."""
    mine = Plan.objects.managed_by(by).filter(pk=plan_id).values("pk")
    plan = Plan.objects.select_for_update(no_key=True).get(pk__in=mine)
    if version is not None and plan.version != version:
        raise Outdated("Somebody changed the plan meanwhile. Look at it again.")
    return plan


def refuse_strangers(owner: User | None, team: Team | None, *, by: User) -> None:
    """Raise NotPossible unless this person may give work to both."""
    if owner is not None and not people_for(by).filter(pk=owner.pk).exists():
        raise NotPossible("The work can only be given to somebody who may do it.")
    if team is not None and not teams_for(by).filter(pk=team.pk).exists():
        raise NotPossible("The work can only be given to a team that you know.")


def hand_over(
    plan: Plan,
    task_id: int | None,
    *,
    before: User | None,
    after: User | None,
    by: User,
    now: datetime,
) -> None:
    """Tell somebody that a plan or task is theirs now."""
    if after is not None and after != before and after != by:
        outbox.announce(
            Topic.PLAN_ASSIGNED,
            subject_type="plan",
            subject_id=plan.pk,
            by=by,
            at=now,
            detail={"to": [after.pk], "task": task_id},
        )


def facts(plan: Plan) -> dict[str, Any]:
    """What people said about a plan, for the audit log."""
    return {
        "title": plan.title,
        "goal": plan.goal,
        "owner": plan.owner_id,
        "team": plan.team_id,
        "due_at": plan.due_at.isoformat() if plan.due_at else None,
    }


def _said(wish: Wish) -> dict[str, Any]:
    return {
        "title": _kept(wish.title),
        "goal": _kept(wish.goal),
        "owner": wish.owner,
        "team": wish.team,
        "due_at": wish.due_at,
    }


def _kept(text: str) -> str:
    return text.replace("\x00", "").strip()


def _clean(plan: Plan) -> None:
    """Raise NotPossible for words that cannot be kept."""
    if not plan.title:
        raise NotPossible("A plan needs a title.")
    if len(plan.title) > LONGEST_TITLE or len(plan.goal) > LONGEST_TEXT:
        raise NotPossible(
            f"A title has {LONGEST_TITLE} letters at most, a goal {LONGEST_TEXT:,} of them."
        )
    if plan.grouping not in Plan.Grouping.values:
        raise NotPossible("Tasks are one per check or one per asset.")


def _save(plan: Plan) -> None:
    plan.version += 1
    plan.save()


def _refuse_closed(plan: Plan) -> None:
    if plan.status == Status.CLOSED:
        raise NotPossible("The plan is closed. Open it again to go on with it.")
