"""What an exception does to due dates, where the rules say that they start anew after it.

They are put off when a finding is covered and brought back when it returns before the end. A date
never becomes earlier than it was before the exception; one that somebody changed meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from findings.models import Waiver
from findings.priority import LOWEST
from findings.rules import RuleSet

# In a SELECT of findings `f`: the date before any exception put it off, and the date after; see
# `parameters`.
WAS = """CASE WHEN %s THEN coalesce((
    SELECT min(c.due_was) FROM findings_waivercover c
    WHERE c.finding_id = f.id AND c.due_set = f.due_at), f.due_at) END"""
_DAYS = "make_interval(days => (%s::int[])[f.priority])"
SET = (
    f"CASE WHEN %s AND f.due_at IS NOT NULL AND (%s::int[])[f.priority] IS NOT NULL "
    f"THEN greatest(f.due_at, %s::timestamptz + {_DAYS}) END"
)


def parameters(waiver: Waiver, rules: RuleSet) -> list[Any]:
    """For WAS and SET, in their order."""
    restarts = waiver.due_after == Waiver.Due.RESTART
    return [restarts, restarts, _days(rules), waiver.expires_at, _days(rules)]


def _days(rules: RuleSet) -> list[int | None]:
    """Days until due by priority, the first at index 1 as PostgreSQL counts."""
    return [rules.due_days.get(str(level)) for level in range(1, LOWEST + 1)]


def put_off(waiver: Waiver, finding_ids: Sequence[int]) -> None:
    """Give the findings the dates that their covers say."""
    if waiver.due_after == Waiver.Due.RESTART and finding_ids:
        with connection.cursor() as cursor:
            cursor.execute(PUT_OFF, {"waiver": waiver.pk, "ids": list(finding_ids)})


def bring_back(
    waiver: Waiver, finding_ids: Sequence[int], rules: RuleSet, *, now: datetime
) -> None:
    """Start the dates of findings that return before the end from now."""
    if waiver.due_after == Waiver.Due.RESTART and finding_ids:
        with connection.cursor() as cursor:
            cursor.execute(
                BRING_BACK,
                {
                    "waiver": waiver.pk,
                    "ids": list(finding_ids),
                    "now": now,
                    "days": _days(rules),
                },
            )


def keep(source_id: int, *, now: datetime) -> None:
    """Put off again what a judgement dated anew, as when a priority changed."""
    with connection.cursor() as cursor:
        cursor.execute(KEEP, {"source": source_id, "now": now})


PUT_OFF = """
UPDATE findings_finding f SET due_at = c.due_set, warned_at = NULL, updated_at = clock_timestamp()
FROM findings_waivercover c
WHERE c.waiver_id = %(waiver)s AND c.finding_id = f.id AND f.id = ANY (%(ids)s)
AND c.due_set > f.due_at
"""

BRING_BACK = """
UPDATE findings_finding f
SET due_at = greatest(c.due_was, %(now)s::timestamptz
        + make_interval(days => (%(days)s::int[])[f.priority])),
    warned_at = NULL, updated_at = clock_timestamp()
FROM findings_waivercover c
WHERE c.waiver_id = %(waiver)s AND c.finding_id = f.id AND f.id = ANY (%(ids)s)
AND f.state = 'open' AND f.due_at = c.due_set AND c.due_set > c.due_was
AND NOT EXISTS (
    SELECT FROM findings_waivercover also JOIN findings_waiver other ON other.id = also.waiver_id
    WHERE also.finding_id = f.id AND other.id <> c.waiver_id AND other.status = 'approved'
    AND other.due_after = 'restart' AND other.lapsed_since IS NULL
    AND other.starts_at <= %(now)s AND other.expires_at > %(now)s)
"""

KEEP = """
UPDATE findings_finding f SET due_at = c.due_set, warned_at = NULL, updated_at = clock_timestamp()
FROM findings_waivercover c JOIN findings_waiver w ON w.id = c.waiver_id
WHERE c.finding_id = f.id AND f.source_id = %(source)s AND f.state = 'open'
AND NOT f.due_by_hand AND c.due_set > f.due_at
AND w.status = 'approved' AND w.lapsed_since IS NULL AND w.expires_at > %(now)s
"""
