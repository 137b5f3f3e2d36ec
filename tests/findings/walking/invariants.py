"""What has to be true after every step, asked of the tables themselves and not of the code."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection

from findings.models import Finding

LEGAL = {
    ("requested", "in_review"),
    ("requested", "approved"),
    ("requested", "rejected"),
    ("requested", "withdrawn"),
    ("in_review", "requested"),
    ("in_review", "approved"),
    ("in_review", "rejected"),
    ("in_review", "withdrawn"),
    ("approved", "revoked"),
}
DECIDED = frozenset({"approved", "rejected", "revoked"})

# Rows of what must not be: its name and the exception.
WRONG = """
SELECT 'decided by who asked', w.id FROM findings_waiver w
JOIN accounts_user asker ON asker.id = w.requested_by_id
JOIN accounts_user other ON other.id IN (w.decided_by_id, w.reviewer_id)
WHERE other.id = asker.id OR asker.email <> '' AND lower(asker.email) = lower(other.email)
UNION ALL
SELECT 'decided without a decider', w.id FROM findings_waiver w
WHERE w.status IN ('approved', 'rejected', 'revoked') AND w.decided_by_id IS NULL
UNION ALL
SELECT 'covers more than was approved', w.id FROM findings_waiver w
WHERE coalesce(w.at_most, 0)
    < (SELECT count(*) FROM findings_waivercover c WHERE c.waiver_id = w.id)
UNION ALL
SELECT 'covers another''s machine', w.id FROM findings_waiver w
JOIN findings_waivercover c ON c.waiver_id = w.id JOIN findings_finding f ON f.id = c.finding_id
WHERE w.teams IS NOT NULL AND NOT coalesce(f.team_id = ANY (w.teams), FALSE)
UNION ALL
SELECT 'longer than allowed', w.id FROM findings_waiver w
WHERE w.gravest IS NOT NULL AND w.expires_at - w.starts_at
    > make_interval(days => (ARRAY[30, 90, 180, 365, 365])[w.gravest + 1])
UNION ALL
SELECT 'acts and versions differ', w.id FROM findings_waiver w
WHERE w.version <> (SELECT count(*) FROM findings_waiverevent e WHERE e.waiver_id = w.id
    AND e.kind IN ('reviewed', 'approved', 'rejected', 'withdrawn', 'revoked', 'extended'))
UNION ALL
SELECT 'extended twice at once', extends_id FROM findings_waiver
WHERE extends_id IS NOT NULL AND status IN ('requested', 'in_review', 'approved')
GROUP BY extends_id HAVING count(*) > 1
"""

# All that is looked at, in one question. What is hidden is said by hand, so that it does not follow
# the code where that goes wrong.
EVERYTHING = f"""
SELECT
(SELECT json_agg(wrong) FROM ({WRONG}) AS wrong),
(SELECT array_agg(DISTINCT c.finding_id) FROM findings_waivercover c
    JOIN findings_waiver w ON w.id = c.waiver_id JOIN findings_finding f ON f.id = c.finding_id
    WHERE f.state = 'open' AND w.status = 'approved' AND w.lapsed_since IS NULL
    AND w.starts_at <= %(now)s AND %(now)s < w.expires_at),
(SELECT json_agg(json_build_array(id, status, version, expires_at, requested_by_id, finding_id,
    asset_id, teams, starts_at, lapsed_since, extends_id,
    md5(concat_ws('|', requested_by_id, requested_at, scope, finding_id, asset_id, check_id, query,
        teams::text, extends_id, starts_at)),
    md5(concat_ws('|', ground, reason, controls, control_check_id, evidence, due_after,
        decided_by_id, decided_at, decision, reviewer_id, expires_at, approved_count, at_most,
        gravest))) ORDER BY id) FROM findings_waiver),
(SELECT count(*) FROM audit_entry WHERE action LIKE 'findings:waiver:%%')
"""  # noqa: S608


class Broken(AssertionError):
    """Something that always holds does not."""


class Row(NamedTuple):
    """An exception as it was when it was last looked at."""

    id: int
    status: str
    version: int
    expires_at: datetime
    requested_by_id: int
    finding_id: int | None
    asset_id: int | None
    teams: list[int] | None
    starts_at: datetime
    lapsed_since: str | None
    extends_id: int | None
    asked: str
    decided: str


class Watch:
    """Remembers how each exception was, to see what became of it."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.accepted: Counter[int] = Counter()  # acts by exception
        self.recorded = 0  # acts altogether, requests too

    def look(self) -> None:
        """Raise Broken unless everything holds that always has to."""
        now = datetime.now(UTC)
        with connection.cursor() as cursor:
            cursor.execute(EVERYTHING, {"now": now})
            [(wrong, covered, rows, recorded)] = cursor.fetchall()
        if wrong:
            raise Broken(f"{wrong}")
        hidden = set(covered or ())
        told = set(Finding.objects.excepted(now=now).order_by().values_list("pk", flat=True))
        if told != hidden:
            raise Broken(f"hidden though nothing effective covers them: {told ^ hidden}")
        if recorded != self.recorded:
            raise Broken(f"{self.recorded} acts were accepted and {recorded} are in the audit log")
        for values in rows or ():
            row = Row(*values)
            starts, ends = (datetime.fromisoformat(at) for at in (values[8], values[3]))
            self._compare(row._replace(starts_at=starts, expires_at=ends))

    def _compare(self, row: Row) -> None:
        if row.version != self.accepted[row.id]:
            accepted = self.accepted[row.id]
            raise Broken(f"exception {row.id}: {accepted} acts accepted, version {row.version}")
        before = self.rows.get(row.id)
        self.rows[row.id] = row
        if before is None:
            if row.status != "requested":
                raise Broken(f"exception {row.id} began as {row.status}")
            return
        if before.status != row.status and (before.status, row.status) not in LEGAL:
            raise Broken(f"exception {row.id} went from {before.status} to {row.status}")
        if before.asked != row.asked or row.expires_at > before.expires_at:
            raise Broken(f"exception {row.id}: what was asked for has changed")
        if before.status in DECIDED and before.decided != row.decided:
            raise Broken(f"exception {row.id}: what was decided has changed")
