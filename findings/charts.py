"""The pictures of findings over time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from django.db.models import Sum

from accounts.models import User
from findings import posture
from findings.trends import counting, reading
from ui import charts

DAYS = 30


def movement(user: User, *, now: datetime) -> charts.Columns:
    """Findings opened and resolved per day; every column is a link to what it counts. One query."""
    last = counting.day_of(now)
    days = [last - n * counting.DAY for n in reversed(range(DAYS))]
    moved = _moves(user, days[0], last)
    rows = [_day(day, moved.get(day, (0, 0)), now) for day in days]
    description = (
        f"{sum(row.first for row in rows):,} opened and {sum(row.second for row in rows):,} "
        f"resolved in {len(rows)} days."
    )
    return charts.columns(
        rows,
        title="Findings opened and resolved per day",
        description=description,
        first_name="Opened",
        second_name="Resolved",
    )


def _moves(user: User, first: date, last: date) -> Mapping[date, tuple[int, int]]:
    """Day → findings opened, or again, and resolved, as each evaluation counted them."""
    rows = reading.grain_for(user).filter(day__gte=first, day__lte=last).order_by().values("day")
    found = rows.annotate(began=Sum("opened"), ended=Sum("resolved"))
    return {row["day"]: (row["began"], row["ended"]) for row in found}


def _day(day: date, counts: tuple[int, int], now: datetime) -> charts.Column:
    start = counting.start_of(day)
    end = start + counting.DAY
    return charts.Column(
        label=f"{day.day} {day:%b}",
        title=f"{day:%A} {day.day} {day:%B %Y}",
        first=counts[0],
        second=counts[1],
        first_address=posture.address(state="any", began_since=start, began_before=end),
        second_address=posture.address(state="any", ended_since=start, ended_before=end),
    )
