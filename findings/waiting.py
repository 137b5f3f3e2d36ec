"""What waits for a person in each room: the counts beside the places of the frame."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from accounts.permissions import Permission
from findings.models import Finding, Notice, Waiver
from findings.remediation.querysets import sent_back_to
from ui import waiting


def register_all() -> None:
    """Once, when the app is ready."""
    waiting.register("notices", _unread_notices)
    waiting.register("work", _overdue_findings)
    waiting.register("exceptions", _requests_to_decide)
    waiting.register("plans", _tasks_sent_back)


def _unread_notices(user: User, now: datetime) -> QuerySet[Any] | None:
    if not user.may(Permission.FINDING_READ):
        return None
    return Notice.objects.visible_to(user).unread()


def _overdue_findings(user: User, now: datetime) -> QuerySet[Any] | None:
    if not user.may(Permission.FINDING_WORK):
        return None
    mine = Finding.objects.visible_to(user).filter(assignee=user, due_at__lt=now)
    return mine.to_do(now=now)


def _requests_to_decide(user: User, now: datetime) -> QuerySet[Any] | None:
    if not user.may(Permission.WAIVER_APPROVE):
        return None
    waits = [Waiver.Status.REQUESTED, Waiver.Status.IN_REVIEW]
    return Waiver.objects.visible_to(user).filter(status__in=waits).exclude(requested_by=user)


def _tasks_sent_back(user: User, now: datetime) -> QuerySet[Any] | None:
    if not user.may(Permission.FINDING_WORK):
        return None
    return sent_back_to(user, now=now)
