"""What somebody asks about the past in an address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from ui import asof


def moment_of(query: Mapping[str, str], *, now: datetime) -> tuple[datetime | None, str]:
    """The moment in the address and None for now; or None and what is wrong with it.

    A day means its end, or now when it is today. Moments are whole minutes, as addresses say them.
    """
    text = query.get(asof.PARAMETER, "").strip()
    try:
        if day := _day(text):
            end = datetime.combine(day, time(23, 59), tzinfo=UTC)
            return (None, "") if day == now.astimezone(UTC).date() else (_past(end, now), "")
        found = asof.asked(query, now=now)
    except ValueError as problem:
        return None, str(problem)
    if found is None or now - found < timedelta(minutes=1):
        return None, ""
    return found.replace(second=0, microsecond=0), ""


def _day(text: str) -> date | None:
    if len(text) != len("2026-01-31"):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _past(moment: datetime, now: datetime) -> datetime:
    if moment > now:
        raise ValueError("That moment is still to come.")
    return moment
