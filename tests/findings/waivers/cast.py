"""People who ask and decide, and exceptions as they come about: through the verbs alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from accounts.models import User
from findings.models import Finding, Waiver
from findings.waivers import deciding, requesting, scopes
from findings.waivers.scopes import Scope
from tests.factories import NOW, UserFactory

DAY = timedelta(days=1)
MONTH = timedelta(days=30)


def analyst(**fields: Any) -> User:
    """Somebody who asks."""
    return UserFactory(roles=["analyst"], **fields)


def approver(**fields: Any) -> User:
    """Somebody who decides."""
    return UserFactory(roles=["approver"], **fields)


def asked(
    about: Finding | Scope,
    *,
    by: User | None = None,
    now: datetime = NOW,
    expires_at: datetime | None = None,
    **said: Any,
) -> Waiver:
    """A request that waits for a decision."""
    person = by or analyst()
    scope = scopes.of_finding(about.pk, user=person) if isinstance(about, Finding) else about
    return requesting.ask(
        by=person,
        scope=scope,
        now=now,
        expires_at=expires_at or now + MONTH,
        **{"ground": "accepted", "reason": "The vendor's fix comes in June.", **said},
    )


def approved(
    about: Finding | Scope,
    *,
    now: datetime = NOW,
    decided_by: User | None = None,
    **said: Any,
) -> Waiver:
    """An exception that somebody else accepted."""
    waiver = asked(about, now=now, **said)
    return deciding.approve(
        waiver_id=waiver.pk,
        version=waiver.version,
        by=decided_by or approver(),
        reason="Accepted.",
        now=now,
    )


def kinds(events: Any) -> list[str]:
    """What was told, oldest first."""
    return [event.kind for event in events.order_by("id")]
