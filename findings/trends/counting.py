"""Counting one source's posture, set by set, in the database.

The same statement fills a day's rows and, for a source that changed since it was last counted,
answers the overview directly: what is kept and what is counted live cannot differ in meaning.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from policies.spec import Check

DAY = timedelta(days=1)
WORST_KEPT = 8  # of each team and source; no page shows more

# In the order of the statement's columns after team, classification and check.
ANSWERS = ("passed", "failed", "unknown", "error", "not_applicable")
SEVERITIES = ("critical", "high", "medium", "low", "info")
STANDING = ("overdue", "excepted", "fresh", "weeks", "months", "old")
MOVES = ("opened", "resolved", "fixed", "fixed_in_time", "fix_seconds")
COUNTS = (*ANSWERS, *SEVERITIES, *STANDING, *MOVES)


def day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def names(sources: list[int], *, checks: Iterable[Check], now: datetime) -> dict[str, Any]:
    """What the statements need to know: the sources, the checks in use, the clock and its marks."""
    live = [(name, one.id, one.kind.value) for one in checks for name in (one.id, *one.aliases)]
    start = start_of(day_of(now))
    return {
        "sources": sources,
        "names": [name for name, _, _ in live],
        "ids": [check_id for _, check_id, _ in live],
        "kinds": [kind for _, _, kind in live],
        "now": now,
        "day": day_of(now),
        "week_ago": now - 7 * DAY,
        "month_ago": now - 28 * DAY,
        "quarter_ago": now - 91 * DAY,
        "start": start,
        "end": start + DAY,
        "worst": WORST_KEPT,
    }


# One row per team, classification and check. A pass is not stored: it is an evaluated asset of the
# check's kind about which the check said nothing else. What is not evaluated yet is unknown.
CELLS = """
asked AS MATERIALIZED (
    SELECT * FROM unnest(%(names)s::text[], %(ids)s::text[], %(kinds)s::text[])
        AS t (name, check_id, kind)
),
subject AS (
    SELECT team_id, classification, kind,
        count(*) FILTER (WHERE evaluated_at IS NOT NULL) AS evaluated,
        count(*) FILTER (WHERE evaluated_at IS NULL) AS waiting
    FROM inventory_asset WHERE source_id = ANY(%(sources)s) AND gone_at IS NULL
    GROUP BY 1, 2, 3
),
said AS (
    SELECT a.team_id, a.classification, q.check_id,
        count(*) FILTER (WHERE v.outcome = 'fail') AS failed,
        count(*) FILTER (WHERE v.outcome = 'unknown') AS unknown,
        count(*) FILTER (WHERE v.outcome = 'error') AS error,
        count(*) FILTER (WHERE v.outcome = 'not_applicable') AS not_applicable
    FROM policies_verdict v
    JOIN inventory_asset a ON a.id = v.asset_id
    JOIN asked q ON q.name = v.check_id
    WHERE a.source_id = ANY(%(sources)s) AND a.gone_at IS NULL AND a.evaluated_at IS NOT NULL
    GROUP BY 1, 2, 3
),
standing AS (
    SELECT f.team_id, a.classification, coalesce(q.check_id, f.check_id) AS check_id,
        count(*) FILTER (WHERE f.severity_rank = 0) AS critical,
        count(*) FILTER (WHERE f.severity_rank = 1) AS high,
        count(*) FILTER (WHERE f.severity_rank = 2) AS medium,
        count(*) FILTER (WHERE f.severity_rank = 3) AS low,
        count(*) FILTER (WHERE f.severity_rank = 4) AS info,
        count(*) FILTER (WHERE f.due_at < %(now)s) AS overdue,
        count(covered.finding_id) AS excepted,
        count(*) FILTER (WHERE f.opened_at >= %(week_ago)s) AS fresh,
        count(*) FILTER (WHERE f.opened_at < %(week_ago)s AND f.opened_at >= %(month_ago)s)
            AS weeks,
        count(*) FILTER (WHERE f.opened_at < %(month_ago)s AND f.opened_at >= %(quarter_ago)s)
            AS months,
        count(*) FILTER (WHERE f.opened_at < %(quarter_ago)s) AS old
    FROM findings_finding f
    JOIN inventory_asset a ON a.id = f.asset_id
    LEFT JOIN asked q ON q.name = f.check_id
    LEFT JOIN (
        SELECT DISTINCT c.finding_id FROM findings_waivercover c
        JOIN findings_waiver w ON w.id = c.waiver_id
        WHERE w.status = 'approved' AND w.lapsed_since IS NULL
            AND w.starts_at <= %(now)s AND w.expires_at > %(now)s
    ) covered ON covered.finding_id = f.id
    WHERE f.source_id = ANY(%(sources)s) AND f.state = 'open'
    GROUP BY 1, 2, 3
),
spell AS (
    SELECT id, finding_id, opened_at, closed_at FROM findings_findingspell
    WHERE opened_at >= %(start)s AND opened_at < %(end)s
    UNION
    SELECT id, finding_id, opened_at, closed_at FROM findings_findingspell
    WHERE closed_at >= %(start)s AND closed_at < %(end)s
),
moved AS (
    SELECT f.team_id, a.classification, coalesce(q.check_id, f.check_id) AS check_id,
        count(DISTINCT f.id) FILTER (WHERE s.opened_at >= %(start)s) AS opened,
        count(DISTINCT f.id) FILTER (WHERE s.closed_at < %(end)s) AS resolved,
        count(*) FILTER (WHERE s.closed_at < %(end)s AND f.resolution = 'fixed') AS fixed,
        count(*) FILTER (WHERE s.closed_at < %(end)s AND f.resolution = 'fixed'
            AND (f.due_at IS NULL OR s.closed_at <= f.due_at)) AS fixed_in_time,
        coalesce(sum(extract(epoch FROM s.closed_at - s.opened_at)) FILTER (
            WHERE s.closed_at < %(end)s AND f.resolution = 'fixed'), 0)::bigint AS fix_seconds
    FROM spell s
    JOIN findings_finding f ON f.id = s.finding_id
    JOIN inventory_asset a ON a.id = f.asset_id
    LEFT JOIN asked q ON q.name = f.check_id
    WHERE f.source_id = ANY(%(sources)s)
    GROUP BY 1, 2, 3
),
cell AS (
    SELECT s.team_id, s.classification, q.check_id,
        s.evaluated AS passed, 0 AS failed, s.waiting AS unknown, 0 AS error, 0 AS not_applicable,
        0 AS critical, 0 AS high, 0 AS medium, 0 AS low, 0 AS info,
        0 AS overdue, 0 AS excepted, 0 AS fresh, 0 AS weeks, 0 AS months, 0 AS old,
        0 AS opened, 0 AS resolved, 0 AS fixed, 0 AS fixed_in_time, 0 AS fix_seconds
    FROM subject s JOIN asked q ON q.kind = s.kind AND q.name = q.check_id
    UNION ALL
    SELECT team_id, classification, check_id,
        -(failed + unknown + error + not_applicable), failed, unknown, error, not_applicable,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    FROM said
    UNION ALL
    SELECT team_id, classification, check_id, 0, 0, 0, 0, 0,
        critical, high, medium, low, info, overdue, excepted, fresh, weeks, months, old,
        0, 0, 0, 0, 0
    FROM standing
    UNION ALL
    SELECT team_id, classification, check_id, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        opened, resolved, fixed, fixed_in_time, fix_seconds
    FROM moved
)
"""
_SUMS = ", ".join(
    "greatest(0, sum(passed))" if name == "passed" else f"sum({name})" for name in COUNTS
)

FORGET_DAY = """
DELETE FROM findings_dailyposture WHERE source_id = %(source)s AND day = %(day)s
"""
FILL_DAY = f"""
WITH {CELLS}
INSERT INTO findings_dailyposture
    (day, source_id, grain, team_id, classification, check_id, {", ".join(COUNTS)})
SELECT %(day)s, %(source)s,
    CASE WHEN GROUPING(check_id) = 1 THEN 'class'
        WHEN GROUPING(team_id) = 0 THEN 'team' ELSE 'check' END,
    team_id, classification, coalesce(check_id, ''), {_SUMS}
FROM cell
GROUP BY GROUPING SETS ((check_id), (team_id, check_id), (team_id, classification))
"""  # noqa: S608 - column names of ours
# The same, of several sources and some teams, without keeping it.
LIVE = f"""
WITH {CELLS}
SELECT check_id, {_SUMS} FROM cell
WHERE %(teams)s::bigint[] IS NULL OR team_id = ANY(%(teams)s)
GROUP BY check_id
"""  # noqa: S608 - column names of ours
MARK_DAY = """
INSERT INTO findings_postureday (source_id, day, counted_at, published_at, evaluated_at)
SELECT id, %(day)s, %(now)s, published_at, evaluated_at
FROM inventory_source WHERE id = %(source)s
ON CONFLICT (source_id, day) DO UPDATE SET counted_at = excluded.counted_at,
    published_at = excluded.published_at, evaluated_at = excluded.evaluated_at
"""

# The gravest first, then who has most that is serious, then who has most.
RANKED = """
SELECT source_id, team_id, asset_id, rank, serious, open FROM (
    SELECT %(source)s::bigint AS source_id, team_id, asset_id, rank, serious, open,
        row_number() OVER (
            PARTITION BY team_id ORDER BY rank, serious DESC, open DESC, asset_id) AS place
    FROM (
        SELECT team_id, asset_id, min(severity_rank) AS rank, count(*) AS open,
            count(*) FILTER (WHERE severity_rank <= 1) AS serious
        FROM findings_finding WHERE source_id = %(source)s AND state = 'open'
        GROUP BY 1, 2
    ) each_asset
) ranked WHERE place <= %(worst)s
"""
FORGET_WORST = "DELETE FROM findings_burden WHERE source_id = %(source)s"
FILL_WORST = f"""
INSERT INTO findings_burden (source_id, team_id, asset_id, rank, serious, open) {RANKED}
"""
