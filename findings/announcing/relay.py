"""From the outbox to people: each announcement becomes a notice for everybody it concerns.

Several relays may run at once, and one may die at any point: an announcement is expanded and marked
in one transaction, and no person is told twice of the same.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import F, Q

from findings.announcing import preferences
from findings.announcing.recipients import recipients
from findings.models import Announcement, Notice

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 8
KEPT = timedelta(days=180)
_PURGED_AT_ONCE = 5_000


def is_anything_waiting(*, now: datetime) -> bool:
    return _waiting(now).exists()


def relay(*, now: datetime, most: int = 1_000) -> int:
    """Tell people of what waits in the outbox, oldest first. Returns how many were relayed."""
    done = 0
    for pk in list(_waiting(now).order_by("pk").values_list("pk", flat=True)[:most]):
        try:
            done += _relay_one(pk, now=now)
        except Exception as error:  # one that cannot be told blocks no other
            log.exception("Announcement %s could not be relayed", pk)
            _postpone(pk, problem=f"{type(error).__name__}: {error}"[:500], now=now)
    return done


def _waiting(now: datetime) -> models.QuerySet[Announcement]:
    due = Q(next_at__isnull=True) | Q(next_at__lte=now)
    return Announcement.objects.filter(due, relayed_at__isnull=True, attempts__lt=MOST_ATTEMPTS)


@transaction.atomic
def _relay_one(pk: int, *, now: datetime) -> int:
    announcement = (
        Announcement.objects.select_for_update(skip_locked=True)
        .filter(pk=pk, relayed_at__isnull=True)
        .first()
    )
    if announcement is None:  # another relay has it
        return 0
    told = recipients(announcement)
    wishes = preferences.wishes({one.user for one in told})
    notices = []
    for one in told:
        wish = wishes[one.user.pk, one.kind]
        mail_due_at = preferences.mail_due_at(wish, now=now) if one.user.email else None
        if wish.in_product or mail_due_at is not None:
            notices.append(
                Notice(
                    user=one.user,
                    announcement=announcement,
                    kind=one.kind,
                    finding_id=one.finding_id,
                    waiver_id=one.waiver_id,
                    plan_id=one.plan_id,
                    source_id=one.source_id,
                    detail=one.detail,
                    at=announcement.at,
                    in_product=wish.in_product,
                    mail_due_at=mail_due_at,
                )
            )
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    announcement.relayed_at = now
    announcement.save(update_fields=["relayed_at"])
    return 1


def _postpone(pk: int, *, problem: str, now: datetime) -> None:
    """Try again later, each time later still; after the last attempt it stays, with its problem."""
    row = Announcement.objects.filter(pk=pk)
    attempts = row.values_list("attempts", flat=True).first() or 0
    row.update(
        attempts=F("attempts") + 1,
        next_at=now + timedelta(seconds=10 * 4**attempts),
        problem=problem,
    )


def purge(*, now: datetime) -> None:
    """Forget what was told long ago."""
    old = Announcement.objects.filter(relayed_at__lt=now - KEPT).order_by("pk")
    Announcement.objects.filter(pk__in=old.values("pk")[:_PURGED_AT_ONCE]).delete()
