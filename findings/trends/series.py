"""Posture over time, point by point, from the days that were counted.

A point is a stretch of days: its state is that of the stretch's last evaluation, carried forward
from earlier where there was none. A stretch in which a source that was known already was not
collected is not *seen*: it has its last known numbers, and no line is drawn through it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Q, QuerySet, Sum

from accounts.models import User
from findings.models import DailyPosture, PostureDay
from findings.trends import counting
from findings.trends.dimensions import Dimension, Part
from findings.trends.reading import Cell, rows_of
from inventory.models import Source

# name → label, days, days a point
PERIODS = {
    "30d": ("30 days", 30, 1),
    "90d": ("90 days", 90, 3),
    "1y": ("A year", 364, 7),
}
DEFAULT = "90d"


class Stretch(msgspec.Struct, frozen=True):
    """The days of one point, first and last included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        return counting.start_of(self.first)

    @property
    def end(self) -> datetime:
        return counting.start_of(self.last) + counting.DAY


class Point(msgspec.Struct, frozen=True):
    """What was true at the end of a stretch, and what happened in it."""

    stretch: Stretch
    cell: Cell
    is_seen: bool  # every source that was known had been collected
    is_counted: bool  # anything had been counted by then

    def share(self, count: int, of: int) -> int | None:
        """Whole percent; None where nothing was seen or there is nothing to share."""
        return round(100 * count / of) if self.is_seen and of else None


def stretches(period: str, *, now: datetime) -> list[Stretch]:
    """Oldest first; the last one ends today."""
    _, days, step = PERIODS[period]
    today = counting.day_of(now)
    lasts = [today - timedelta(days=n) for n in reversed(range(0, days, step))]
    return [Stretch(last - timedelta(days=step - 1), last) for last in lasts]


class Calendar(msgspec.Struct, frozen=True):
    """Which day of each source stands for each stretch, and which stretches were seen."""

    standing: list[list[PostureDay]]  # for each stretch
    seen: list[bool]


def calendar(sources: Sequence[Source], spans: Sequence[Stretch]) -> Calendar:
    """One query."""
    days: defaultdict[int, list[PostureDay]] = defaultdict(list)
    rows = PostureDay.objects.filter(
        source__in=[source.pk for source in sources], day__lte=spans[-1].last
    )
    for row in rows.order_by("day"):
        days[row.source_id].append(row)
    watched = {source.pk for source in sources if source.is_enabled}
    standing, seen = [], []
    for span in spans:
        newest = {pk: _newest(own, span.last) for pk, own in days.items()}
        standing.append([day for day in newest.values() if day is not None])
        asked = [pk for pk, day in newest.items() if day is not None and pk in watched]
        seen.append(bool(asked) and all(_collected(days[pk], span) for pk in asked))
    return Calendar(standing, seen)


def _newest(days: list[PostureDay], last: date) -> PostureDay | None:
    return next((day for day in reversed(days) if day.day <= last), None)


def _collected(days: list[PostureDay], span: Stretch) -> bool:
    return any(span.first <= day.day <= span.last and day.is_collected for day in days)


def points(
    user: User,
    *,
    dimension: Dimension | None,
    part: Part | None,
    sources: Sequence[Source],
    spans: Sequence[Stretch],
    rows: QuerySet[DailyPosture],
) -> list[Point]:
    """The points of one part, or of everything. Three queries."""
    if dimension is not None and part is not None:
        rows = rows.filter(of_part(dimension, part))
    known = calendar(sources, spans)
    kept = {(day.source_id, day.day): day for days in known.standing for day in days}
    state = _sums(rows.filter(rows_of(list(kept.values()))), (*STATE,), ("source_id", "day"))
    moves = _sums(
        rows.filter(
            source__in=[source.pk for source in sources],
            day__gte=spans[0].first,
            day__lte=spans[-1].last,
        ),
        counting.MOVES,
        ("day",),
    )
    found = []
    for span, days, seen in zip(spans, known.standing, known.seen, strict=True):
        cell = Cell()
        for day in days:
            cell.add(state.get((day.source_id, day.day), Cell()))
        for (moved_on,), moved in moves.items():
            if span.first <= moved_on <= span.last:
                cell.add(moved)
        found.append(Point(span, cell, seen, bool(days)))
    return found


STATE = (*counting.ANSWERS, *counting.SEVERITIES, *counting.STANDING)


def of_part(dimension: Dimension, part: Part) -> Q:
    """The condition on rows for one part. A classification or team may be null."""
    members = dimension.members(part.value)
    wanted = Q(**{f"{dimension.column}__in": [each for each in members if each is not None]})
    return wanted | Q(**{f"{dimension.column}__isnull": True}) if None in members else wanted


def _sums(
    rows: QuerySet[DailyPosture], names: Sequence[str], by: tuple[str, ...]
) -> dict[tuple[Any, ...], Cell]:
    sums: Any = rows.order_by().values(*by).annotate(**{f"n_{name}": Sum(name) for name in names})
    return {
        tuple(row[key] for key in by): Cell(**{name: row[f"n_{name}"] for name in names})
        for row in sums
    }


class Change(msgspec.Struct, frozen=True):
    """One part of a dimension, at the beginning of the period and at its end."""

    part: Part
    before: Cell
    after: Cell

    @property
    def opened_more(self) -> int:
        return self.after.open - self.before.open


def changes(
    user: User,
    *,
    dimension: Dimension,
    sources: Sequence[Source],
    spans: Sequence[Stretch],
    rows: QuerySet[DailyPosture],
) -> list[Change]:
    """Every part with its first and last numbers, most open first. Two or three queries."""
    known = calendar(sources, [spans[0], spans[-1]])
    first, last = (_by_part(rows, dimension, days) for days in known.standing)
    found = [
        Change(part, first.get(value, Cell()), last.get(value, Cell()))
        for value, part in dimension.parts.items()
        if value in first or value in last
    ]
    return sorted(found, key=lambda each: (-each.after.open, each.part.label))


def parts_at(
    dimension: Dimension, days: list[PostureDay], *, rows: QuerySet[DailyPosture]
) -> list[tuple[Part, Cell]]:
    """Every part with what was counted on these days, in the dimension's order. One query."""
    found = _by_part(rows, dimension, days)
    return [(part, found[value]) for value, part in dimension.parts.items() if value in found]


def _by_part(
    rows: QuerySet[DailyPosture], dimension: Dimension, days: list[PostureDay]
) -> dict[str, Cell]:
    if not days:
        return {}
    found: dict[str, Cell] = {}
    for (member,), cell in _sums(rows.filter(rows_of(days)), STATE, (dimension.column,)).items():
        for value in dimension.of.get(member, ()):
            found.setdefault(value, Cell()).add(cell)
    return found
