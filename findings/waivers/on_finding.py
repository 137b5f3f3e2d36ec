"""What a finding's page says of exceptions.

Whoever sees a finding learns that it is covered, until when and why; who sees only their teams'
machines learns nothing else of an exception that is about other teams' machines too.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Q

from accounts.models import User
from accounts.permissions import Permission
from findings.models import Finding, Waiver
from findings.waivers import states
from findings.waivers.requesting import PENDING
from findings.waivers.states import State

SHOWN = (State.EFFECTIVE, State.SCHEDULED, State.LAPSED, State.REQUESTED, State.IN_REVIEW)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One exception: where it stands, and whether the person may open it."""

    waiver: Waiver
    state: str
    is_open: bool


def context(finding: Finding, *, user: User, now: datetime) -> dict[str, Any]:
    """For `findings/_finding_waivers.html`. Two queries."""
    is_open = finding.state == Finding.State.OPEN
    return {
        "finding": finding,
        "shown": exceptions_of(finding, user=user, now=now) if is_open else [],
        "may_ask": is_open and user.may(Permission.WAIVER_REQUEST),
    }


def exceptions_of(finding: Finding, *, user: User, now: datetime) -> list[Shown]:
    """What covers it now or will, and requests that name it or its asset."""
    covering = Q(covers__finding=finding, status=Waiver.Status.APPROVED, expires_at__gt=now)
    about = Q(finding=finding) | Q(asset=finding.asset_id, check_id__in=["", finding.check_id])
    about |= Q(query__regex=rf"(^|&)finding={finding.pk}(&|$)")
    pending = Q(status__in=PENDING) & about
    found = (
        Waiver.objects.filter(covering | pending)
        .select_related("requested_by")
        .distinct()
        .order_by("-expires_at", "-pk")
    )
    visible = set(
        Waiver.objects.visible_to(user)
        .filter(pk__in=[one.pk for one in found])
        .values_list("pk", flat=True)
    )
    may_read = user.may(Permission.WAIVER_READ)
    return [
        Shown(
            waiver=one,
            state=states.state_of(one, now=now),
            is_open=may_read and one.pk in visible,
        )
        for one in found
        if one.status == Waiver.Status.APPROVED or one.pk in visible
    ]
