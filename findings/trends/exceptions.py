"""Exceptions over time: how many counted at each moment, and how those that count now run out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from accounts.models import User
from findings.models import Waiver


def ever_effective(user: User) -> list[Waiver]:
    """Those that the person may see and that were approved once. One query."""
    rows = Waiver.objects.visible_to(user).filter(
        status__in=[Waiver.Status.APPROVED, Waiver.Status.REVOKED], decided_at__isnull=False
    )
    names = ("decided_at", "starts_at", "expires_at", "ended_at", "lapsed_since")
    return list(rows.only("id", *names))


def counted_at(waiver: Waiver, moment: datetime) -> bool:
    """Whether it counted then. That its control failed meanwhile is known of the last time only."""
    return (
        waiver.decided_at is not None
        and waiver.decided_at <= moment
        and waiver.starts_at <= moment < waiver.expires_at
        and (waiver.ended_at is None or moment < waiver.ended_at)
        and (waiver.lapsed_since is None or moment < waiver.lapsed_since)
    )


def over(waivers: Sequence[Waiver], moments: Iterable[datetime]) -> list[int]:
    """How many counted at each of these moments."""
    return [sum(counted_at(waiver, at) for waiver in waivers) for at in moments]


def left(waivers: Sequence[Waiver], moments: Iterable[datetime], *, now: datetime) -> list[int]:
    """How many of those that count now will still count at each of these, if nobody extends any."""
    present = [waiver for waiver in waivers if counted_at(waiver, now)]
    return [sum(waiver.expires_at > at for waiver in present) for at in moments]
