"""What is told of exceptions: on them, on the findings they cover, and to people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from accounts.models import User
from findings.announcing import outbox
from findings.announcing.outbox import Topic
from findings.models import FindingEvent, Waiver, WaiverEvent
from ui.clock import exactly

Kind = WaiverEvent.Kind


def tell(
    waiver: Waiver,
    kind: WaiverEvent.Kind,
    *,
    at: datetime,
    by: User | None = None,
    why: str = "",
    **detail: Any,
) -> WaiverEvent:
    """Add to the exception's own history. `version` says which of its versions this made."""
    return WaiverEvent.objects.create(
        waiver=waiver, kind=kind, at=at, by=by, why=why, detail=detail | {"version": waiver.version}
    )


def announce(
    waiver: Waiver, topic: Topic, *, at: datetime, by: User | None = None, **detail: Any
) -> None:
    """Put it into the outbox."""
    outbox.announce(
        topic, subject_type="waiver", subject_id=waiver.pk, by=by, at=at, detail=detail or None
    )


def excepted(
    waiver: Waiver, finding_ids: Sequence[int], *, at: datetime, by: User | None = None
) -> None:
    """Tell each finding that it is excepted, from when until when."""
    begins = f"From {exactly(waiver.starts_at)} until" if waiver.starts_at > at else "Until"
    message = f"{begins} {exactly(waiver.expires_at)}: {waiver.reason}"
    _tell_findings(waiver, finding_ids, FindingEvent.Kind.EXCEPTED, message, at=at, by=by)


def returned(
    waiver: Waiver,
    finding_ids: Sequence[int],
    why: str,
    *,
    at: datetime,
    by: User | None = None,
) -> None:
    """Tell each finding that this exception covers it no more and it is to be dealt with again.

    What another exception still covers is not told, for it has not returned.
    """
    with connection.cursor() as cursor:
        cursor.execute(COVERED_OTHERWISE, {"waiver": waiver.pk, "ids": list(finding_ids), "at": at})
        covered = {pk for (pk,) in cursor.fetchall()}
    back = [pk for pk in finding_ids if pk not in covered]
    _tell_findings(waiver, back, FindingEvent.Kind.RETURNED, why, at=at, by=by)


def _tell_findings(
    waiver: Waiver,
    finding_ids: Sequence[int],
    kind: FindingEvent.Kind,
    message: str,
    *,
    at: datetime,
    by: User | None,
) -> None:
    if not finding_ids:
        return
    names: dict[str, Any] = {
        "ids": list(finding_ids),
        "kind": kind.value,
        "at": at,
        "by": by.pk if by else None,
        "message": message,
        "waiver": waiver.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(TELL_FINDINGS, names)
        cursor.execute(MARK_CHANGED, names)


COVERED_OTHERWISE = """
SELECT DISTINCT cover.finding_id FROM findings_waivercover cover
JOIN findings_waiver other ON other.id = cover.waiver_id
WHERE cover.finding_id = ANY (%(ids)s) AND other.id <> %(waiver)s AND other.status = 'approved'
AND other.lapsed_since IS NULL AND other.starts_at <= %(at)s AND other.expires_at > %(at)s
"""

TELL_FINDINGS = """
INSERT INTO findings_findingevent (finding_id, kind, at, by_id, message, detail)
SELECT id, %(kind)s, %(at)s, %(by)s, %(message)s, jsonb_build_object('waiver', %(waiver)s::bigint)
FROM findings_finding WHERE id = ANY (%(ids)s) AND state = 'open' ORDER BY id
"""

# Whoever follows findings by their last change is told that this one counts otherwise now.
MARK_CHANGED = """
UPDATE findings_finding SET updated_at = clock_timestamp()
WHERE id = ANY (%(ids)s) AND state = 'open'
"""
