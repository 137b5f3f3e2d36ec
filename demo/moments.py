"""When the demo estate was looked at. Everything in it is dated back from the last look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

RECORDED_AT = datetime(2026, 2, 3, 7, 0, tzinfo=UTC)  # any moment: a replay moves it to its own

TUESDAY_EVENING = timedelta(days=5, hours=10)  # the replay puts these two on a Tuesday
TUESDAY_NIGHT = timedelta(days=5, hours=4)
YESTERDAY = timedelta(hours=26)
TODAY = timedelta()


def day(number: int) -> timedelta:
    """So many days before the last collection."""
    return timedelta(days=number)


FIRST = day(35)
COLLECTIONS = (
    FIRST,
    day(28),
    day(24),
    day(21),
    day(17),
    day(14),
    day(12),
    day(10),
    TUESDAY_EVENING,
    TUESDAY_NIGHT,
    YESTERDAY,
    TODAY,
)

# Since the Tuesday is moved, so little time may lie between its looks and those around them: what
# happens between them has to fit into that.
WITHIN = {TUESDAY_EVENING: timedelta(hours=20), YESTERDAY: timedelta(hours=15)}


def before(collection: timedelta = TODAY, *, days: float = 0, hours: float = 0) -> str:
    """So long before a collection, as the simulator reads it."""
    moment = RECORDED_AT - collection - timedelta(days=days, hours=hours)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
