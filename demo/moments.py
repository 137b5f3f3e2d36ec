"""When the demo estate was looked at. Everything in it is dated back from the last look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

RECORDED_AT = datetime(2026, 2, 3, 7, 0, tzinfo=UTC)  # any moment: a replay moves it to its own

DAY_35 = timedelta(days=35)
DAY_28 = timedelta(days=28)
DAY_21 = timedelta(days=21)
DAY_14 = timedelta(days=14)
DAY_10 = timedelta(days=10)
TUESDAY_EVENING = timedelta(days=5, hours=10)  # the replay puts these two on a Tuesday
TUESDAY_NIGHT = timedelta(days=5, hours=4)
YESTERDAY = timedelta(hours=26)
TODAY = timedelta()

COLLECTIONS = (
    DAY_35,
    DAY_28,
    DAY_21,
    DAY_14,
    DAY_10,
    TUESDAY_EVENING,
    TUESDAY_NIGHT,
    YESTERDAY,
    TODAY,
)


def before(collection: timedelta = TODAY, *, days: float = 0, hours: float = 0) -> str:
    """So long before a collection, as the simulator reads it."""
    moment = RECORDED_AT - collection - timedelta(days=days, hours=hours)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
