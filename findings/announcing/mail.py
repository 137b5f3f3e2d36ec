"""Notices by mail: plain text, one letter for all that is due to one person.

A letter is put together when it is sent, from what its reader may see then. If a worker dies
between handing it over and noting that, it goes out a second time under the same Message-ID.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import models, transaction
from django.db.models import F
from django.template.loader import render_to_string

from accounts.models import User
from findings.announcing.words import Told, told
from findings.models import Notice

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 8
MOST_IN_A_LETTER = 100
_LONGEST_SUBJECT = 120


def is_anything_due(*, now: datetime) -> bool:
    return bool(settings.MAIL_IS_SET_UP) and _due(now).exists()


def post(*, now: datetime, most: int = 200) -> int:
    """Send what is due, one letter a person. Returns how many letters were handed over."""
    if not settings.MAIL_IS_SET_UP:
        return 0
    people = _due(now).order_by("user_id").values_list("user_id", flat=True).distinct()[:most]
    return sum(_post_to(user_id, now=now) for user_id in list(people))


def _due(now: datetime) -> models.QuerySet[Notice]:
    return Notice.objects.filter(
        mail_due_at__lte=now, mailed_at__isnull=True, mail_attempts__lt=MOST_ATTEMPTS
    )


@transaction.atomic
def _post_to(user_id: int, *, now: datetime) -> int:
    rows = list(
        _due(now)
        .filter(user_id=user_id)
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("announcement__by")
        .order_by("pk")[:MOST_IN_A_LETTER]
    )
    if not rows:
        return 0
    mine = Notice.objects.filter(pk__in=[row.pk for row in rows])
    user = User.objects.get(pk=user_id)
    lines = told(rows, user=user) if user.is_active and user.email else []
    if not lines:  # nothing they may still see, or nobody to write to
        mine.update(mailed_at=now)
        return 0
    try:
        letter(user, lines).send()
    except Exception as error:
        log.warning("Mail to user %s was not handed over: %s", user_id, type(error).__name__)
        delay = timedelta(minutes=2 ** (rows[0].mail_attempts + 1))
        mine.update(
            mail_attempts=F("mail_attempts") + 1,
            mail_due_at=now + delay,
            mail_problem=type(error).__name__,
        )
        return 0
    mine.update(mailed_at=now)
    return 1


def letter(user: User, lines: list[Told]) -> EmailMessage:
    """The letter as text. Nothing in a header comes from a platform unless it was made harmless."""
    if len(lines) == 1:
        subject = lines[0].sentence[:_LONGEST_SUBJECT]
    else:
        subject = f"{len(lines)} things for you in vmgov"
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    seal = hashlib.sha256(",".join(str(one.notice.pk) for one in lines).encode()).hexdigest()[:32]
    body = render_to_string(
        "findings/notices/mail.txt",
        {"person": user, "lines": lines, "origin": settings.PUBLIC_URL.rstrip("/")},
    )
    return EmailMessage(
        subject=f"[vmgov] {subject}",
        body=body,
        to=[user.email],
        headers={"Message-ID": f"<{seal}@{host}>", "Auto-Submitted": "auto-generated"},
    )
