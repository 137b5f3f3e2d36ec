"""The browsers in which a person is signed in: which there are, ending them, sweeping up."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import Session, User
from audit import trail


def of(user: User, *, now: datetime) -> QuerySet[Session]:
    """The sessions that still open something for this person, the one last seen first."""
    return Session.objects.filter(
        user=user,
        seal=user.get_session_auth_hash(),
        expire_date__gt=now,
        seen_at__gt=now - timedelta(seconds=settings.SESSION_IDLE_SECONDS),
    ).order_by("-seen_at", "handle")


@transaction.atomic
def end(*, handle: str, user: User) -> None:
    """End one of one's own sessions at once, or raise Session.DoesNotExist."""
    session = Session.objects.select_for_update().get(handle=handle, user=user)
    trail.record(user, "accounts:session:end", user, before=_facts(session))
    session.delete()


@transaction.atomic
def end_others(*, handle: str, user: User) -> int:
    """End all of one's own sessions but this one; returns how many there were."""
    others = Session.objects.select_for_update().filter(user=user).exclude(handle=handle)
    ended = [_facts(session) for session in others]
    if ended:
        others.delete()
        trail.record(user, "accounts:session:end-others", user, before={"sessions": ended})
    return len(ended)


def purge(*, now: datetime) -> int:
    """Forget sessions that open nothing any more; returns how many. No act of anybody."""
    idle = now - timedelta(seconds=settings.SESSION_IDLE_SECONDS)
    over = Q(expire_date__lte=now) | Q(user__isnull=False, seen_at__lte=idle)
    count, _ = Session.objects.filter(over).delete()
    return count


def _facts(session: Session) -> dict[str, str]:
    return {"address": session.address or "", "user_agent": session.user_agent}
