"""How well the past of a source is known: when nobody looked, and how far its events are told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import islice

import msgspec
from django.db.models import Q

from inventory.chronicle.models import BlindInterval, MacHolding, Stay
from inventory.chronicle.windows import Window
from inventory.models import Source
from inventory.records import Kind

MOST = 100  # of a window, and of one stay or holding


def blind(sources: Sequence[int], window: Window, *, what: str = "") -> list[BlindInterval]:
    """The times in the window in which these sources were not observed, or only their events."""
    found = BlindInterval.objects.filter(source__in=sources, began_at__lt=window.until)
    if what:
        found = found.filter(what=what)
    open_or_later = Q(ended_at__isnull=True) | Q(ended_at__gt=window.since)
    return list(found.filter(open_or_later).select_related("source").order_by("began_at")[:MOST])


def blind_during(rows: Sequence[Stay] | Sequence[MacHolding]) -> dict[int, list[BlindInterval]]:
    """By row, the latest times in which its source was not observed and it held, or may have. It
    may have begun or ended at any moment of these, and what came and went then is not known at all.
    One question.
    """
    by_source: defaultdict[int, list[BlindInterval]] = defaultdict(list)
    if rows:
        earliest = min(row.possibly_since for row in rows)
        found = BlindInterval.objects.filter(source__in={row.source_id for row in rows})
        for one in found.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=earliest)):
            by_source[one.source_id].append(one)
    return {row.pk: _during(row, by_source[row.source_id]) for row in rows}


def _during(row: Stay | MacHolding, blind: Sequence[BlindInterval]) -> list[BlindInterval]:
    touching = (
        one
        for one in blind
        if (row.valid_to is None or one.began_at < row.valid_to)
        and (one.ended_at is None or one.ended_at > row.possibly_since)
    )
    return list(islice(touching, MOST))


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """How well the events of a source are known."""

    newest_at: datetime | None
    kept_days: int | None  # for how long the platform keeps its events; None: it did not say
    is_told: bool  # whether events of this source were ever read
    blind: list[BlindInterval]


def watched(source: Source) -> Watched:
    """For who sees the whole estate: how new the newest event is, and what was not observed."""
    platform = source.assets.filter(kind=Kind.PLATFORM, gone_at=None).values_list(
        "record__settings", flat=True
    )
    settings = next(iter(platform[:1]), None) or {}
    days = str(settings.get("event.maxAge", ""))
    is_kept = str(settings.get("event.maxAgeEnabled", "true")).lower() == "true"
    return Watched(
        newest_at=source.events_at,
        kept_days=int(days) if is_kept and days.isdigit() and len(days) < 6 else None,
        is_told=source.events_at is not None,
        blind=list(source.blind_intervals.select_related("source")[:10]),
    )
