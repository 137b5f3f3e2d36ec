"""From when to when somebody asks, as addresses say it: `from` and `to`, in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from inventory import history

USUAL = timedelta(days=1)


class Span(msgspec.Struct, frozen=True):
    """From one moment to a later one."""

    begin: datetime
    end: datetime
    ends_now: bool = False


def read(query: Mapping[str, str], *, now: datetime) -> Span:
    """The span in an address: to now and a day long unless it says otherwise.

    What is still to come ends now. Raises ValueError, in a sentence, when it is none.
    """
    end = min(_moment(query, "to") or now, now)
    begin = _moment(query, "from") or end - USUAL
    if begin >= end:
        raise ValueError("The first moment has to lie before the second.")
    return Span(begin, end, ends_now=end == now)


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name, "").strip()
    found = history.moment(text)
    if text and found is None:
        raise ValueError(f"“{name}” is not a moment such as 2026-01-31T12:00.")
    return found
