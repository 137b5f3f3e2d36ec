"""The pictures of findings over time."""

from __future__ import annotations

from datetime import datetime

from accounts.models import User
from findings import posture
from ui import charts


def movement(user: User, *, now: datetime) -> charts.Columns:
    """Findings opened and resolved per day; every column is a link to what it counts."""
    opened = posture.by_day(user, "opened_at", now=now)
    resolved = posture.by_day(user, "resolved_at", now=now)
    first = posture.first_day(now)
    rows = [_day(first + n * posture.DAY, opened, resolved) for n in range(posture.CHART_DAYS)]
    description = (
        f"{sum(row.first for row in rows):,} opened and {sum(row.second for row in rows):,} "
        f"resolved in the last {len(rows)} days."
    )
    return charts.columns(
        rows,
        title="Findings opened and resolved per day",
        description=description,
        first_name="Opened",
        second_name="Resolved",
    )


def _day(start: datetime, opened: dict[object, int], resolved: dict[object, int]) -> charts.Column:
    end, day = start + posture.DAY, start.date()
    return charts.Column(
        label=f"{day.day} {day:%b}",
        title=f"{day:%A} {day.day} {day:%B %Y}",
        first=opened.get(day, 0),
        second=resolved.get(day, 0),
        first_address=posture.address(state="any", opened_since=start, opened_before=end),
        second_address=posture.address(state="any", resolved_since=start, resolved_before=end),
    )
