"""What a person does with their notices: read one, read all."""

from __future__ import annotations

from datetime import datetime

from accounts.models import User
from findings.models import Notice


def read(*, user: User, notice_id: int | None = None, now: datetime) -> int:
    """Mark one of one's own notices as read, or all of them. Returns how many were unread."""
    unread = Notice.objects.filter(user=user, read_at__isnull=True)
    if notice_id is not None:
        unread = unread.filter(pk=notice_id)
    return unread.update(read_at=now)
