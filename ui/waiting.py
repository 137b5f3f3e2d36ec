"""What waits for a person: the only counts that stand beside the names of places.

A room says once, in `ready()` of its app, what somebody has to act on:

    waiting.register("exceptions", lambda user, now: Waiver.objects.awaiting(user))

All rooms together are asked in one query, and no more than the first hundred rows of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import CharField, QuerySet, Value
from django.http import HttpRequest
from django.utils import timezone

# What a person has to act on; None where that person never has to.
Finder = Callable[[Any, datetime], "QuerySet[Any] | None"]
MOST = 100
_finders: dict[str, Finder] = {}


def register(key: str, finder: Finder) -> None:
    """Count what `finder` gives beside the place of this key (see `Place.counts` in `ui.nav`)."""
    _finders[key] = finder


def counts(user: Any, *, now: datetime) -> dict[str, int]:
    """How much waits, by key; what is zero is left out. `MOST` stands for "that many or more"."""
    parts = []
    for key, finder in sorted(_finders.items()):
        rows = finder(user, now)
        if rows is not None:
            named = rows.order_by().annotate(waits_for=Value(key, output_field=CharField()))
            parts.append(named.values_list("waits_for", flat=True)[:MOST])
    if not parts:
        return {}
    return dict(Counter(parts[0].union(*parts[1:], all=True) if parts[1:] else parts[0]))


def for_request(request: HttpRequest) -> dict[str, int]:
    """The counts of the person who asks, read once however often a page shows them."""
    found: dict[str, int] | None = getattr(request, "_waiting", None)
    if found is None:
        found = counts(request.user, now=timezone.now())
        request._waiting = found  # type: ignore[attr-defined]
    return found


def words(count: int) -> str:
    """“7”, or “99+” where there are more than are counted."""
    return str(count) if count < MOST else f"{MOST - 1}+"
