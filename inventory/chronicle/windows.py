"""From when to when a question is asked, also as an address says it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

import msgspec

from inventory import history

LONGEST = timedelta(days=366)


class Window(msgspec.Struct, frozen=True):
    """From when to when somebody asks."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        return self.until - self.since


class Asked(msgspec.Struct, frozen=True):
    """A window, what the form shows of it, and a sentence when it was not understood."""

    window: Window
    since: str
    until: str
    problem: str = ""


def asked(query: Mapping[str, str], *, now: datetime, usual: timedelta) -> Asked:
    """`from` and `to`; without them the time until now of the usual length. A day counts whole."""
    until, bad_until = _read(query.get("to", ""), default=now, is_end=True)
    until = min(until, now)
    since, bad_since = _read(query.get("from", ""), default=until - usual, is_end=False)
    problem = ""
    if bad_since or bad_until:
        problem = "This is not a moment such as 2026-01-31T12:00."
    elif since >= until:
        problem = "The beginning has to lie before the end, and both in the past."
    elif until - since > LONGEST:
        problem = "A year at most can be asked for at once."
    if problem:
        since, until = now - usual, now
    return Asked(Window(since, until), _shown(since), _shown(until), problem)


def of_day(query: Mapping[str, str], *, now: datetime) -> Asked:
    """`day`, in UTC; without it today so far."""
    text = query.get("day", "")
    moment = history.moment(text)
    problem = "This is not a day such as 2026-01-31." if text and moment is None else ""
    day = (moment or now).astimezone(UTC).date()
    begin = datetime.combine(day, time(), UTC)
    if begin > now:
        problem, begin = "That day is still to come.", datetime.combine(now.date(), time(), UTC)
    until = min(begin + timedelta(days=1), now)
    return Asked(Window(begin, until), f"{begin:%Y-%m-%d}", _shown(until), problem)


def _read(text: str, *, default: datetime, is_end: bool) -> tuple[datetime, bool]:
    if not text.strip():
        return default, False
    moment = history.moment(text)
    if moment is None:
        return default, True
    is_day = len(text.strip()) <= len("2026-01-31")
    return (moment.replace(hour=0, minute=0, second=0) if is_day and not is_end else moment), False


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}"
