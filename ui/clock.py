"""Times as people say them: how long ago, how long until, and exactly when."""

from datetime import UTC, datetime, timedelta

_UNITS = (
    (timedelta(days=730), 365, "years"),
    (timedelta(days=60), 30, "months"),
    (timedelta(days=14), 7, "weeks"),
    (timedelta(days=2), 1, "days"),
)


def exactly(moment: datetime) -> str:
    """“2026-03-10 12:00 UTC”: what stands in the title of every relative time."""
    try:
        return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except OverflowError:  # the first or the last day there is, in another zone
        return moment.isoformat(" ", "minutes")


def span(length: timedelta) -> str:
    """“40 s”, “5 min”, “3 h”, “9 days”, “4 months”: the largest unit that says enough."""
    for least, days, name in _UNITS:
        if length >= least:
            return f"{length.days // days} {name}"
    seconds = int(length.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h"


_PACES = ((24 * 60, "day"), (60, "hour"), (1, "minute"))


def often(minutes: int) -> str:
    """“hour”, “day”, “6 hours”, “90 minutes”: what follows “every”."""
    size, name = next(each for each in _PACES if minutes % each[0] == 0)
    count = minutes // size
    return name if count == 1 else f"{count:,} {name}s"


def relative(moment: datetime, *, now: datetime) -> str:
    """“3 h ago”, “in 2 days” or “just now”."""
    length = now - moment
    if timedelta(seconds=-5) < length < timedelta(seconds=5):
        return "just now"
    return f"{span(length)} ago" if length > timedelta() else f"in {span(-length)}"


def is_stale(moment: datetime | None, interval_minutes: int | None, *, now: datetime) -> bool:
    """Whether facts from that moment are older than two intervals, or were never read."""
    if moment is None:
        return True
    return bool(interval_minutes) and now - moment > timedelta(minutes=2 * (interval_minutes or 0))
