"""How the estate stands now, per check: from what was counted last where nothing moved since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from accounts.models import User
from findings.models import DailyPosture, PostureDay
from findings.trends import counting
from inventory.models import Source
from policies.configuration import configured_checks, fingerprint
from policies.coverage import CheckLine, Tally
from policies.evaluate import Configured


class Cell(msgspec.Struct, kw_only=True):
    """What was counted of one check, or of several. The names are those of `counting.COUNTS`."""

    passed: int = 0
    failed: int = 0
    unknown: int = 0
    error: int = 0
    not_applicable: int = 0
    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    info: int = 0
    overdue: int = 0
    excepted: int = 0
    fresh: int = 0
    weeks: int = 0
    months: int = 0
    old: int = 0
    opened: int = 0
    resolved: int = 0
    fixed: int = 0
    fixed_in_time: int = 0
    fix_seconds: int = 0

    def add(self, other: Cell) -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def open(self) -> int:
        return self.critical + self.high + self.medium + self.low + self.info

    @property
    def tally(self) -> Tally:
        return Tally(
            passed=self.passed,
            failed=self.failed,
            unknown=self.unknown,
            error=self.error,
            not_applicable=self.not_applicable,
        )

    @property
    def answers(self) -> int:
        return self.passed + self.failed + self.unknown + self.error

    @property
    def not_known(self) -> int:
        return self.unknown + self.error


class Settled(msgspec.Struct, frozen=True):
    """Which sources stand as they were counted, on which day, and which have moved since."""

    days: list[PostureDay]
    moving: list[int]

    @property
    def rows(self) -> Q:
        """The condition for the rows of those days."""
        return rows_of(self.days)


def rows_of(days: Sequence[PostureDay]) -> Q:
    wanted = Q(pk__in=[])
    for day in sorted({one.day for one in days}):
        wanted |= Q(day=day, source__in=[one.source_id for one in days if one.day == day])
    return wanted


def newest(sources: Sequence[Source], *, at: datetime | None = None) -> dict[int, PostureDay]:
    """Source → the day of it that was counted last, perhaps before a moment. One query."""
    days = PostureDay.objects.filter(source__in=[source.pk for source in sources])
    if at is not None:
        days = days.filter(counted_at__lte=at)
    rows = days.order_by("source_id", "-counted_at").distinct("source_id")
    return {day.source_id: day for day in rows}


def settle(
    sources: Sequence[Source], days: Mapping[int, PostureDay | None], *, asked: str
) -> Settled:
    """Part sources that stand as counted from those with newer facts or other checks."""
    kept, moving = [], []
    for source in sources:
        day = days.get(source.pk)
        if (
            day is not None
            and (day.published_at, day.evaluated_at) == (source.published_at, source.evaluated_at)
            and source.judged_as == asked
        ):
            kept.append(day)
        else:
            moving.append(source.pk)
    return Settled(kept, moving)


def grain_for(user: User) -> QuerySet[DailyPosture]:
    """The rows per check that this person may read: each thing is counted in exactly one."""
    if user.sees_everything:
        return DailyPosture.objects.filter(grain=DailyPosture.Grain.CHECK)
    return DailyPosture.objects.filter(grain=DailyPosture.Grain.TEAM, team__in=user.team_ids)


def by_check(
    user: User, *, settled: Settled, configured: Sequence[Configured], now: datetime
) -> dict[str, Cell]:
    """Check → what is true of it now, in what the person sees. At most two queries."""
    cells = kept(grain_for(user).filter(settled.rows)) if settled.days else {}
    if settled.moving:
        for check_id, cell in _live(user, settled.moving, configured, now).items():
            cells.setdefault(check_id, Cell()).add(cell)
    return cells


def kept(rows: QuerySet[DailyPosture]) -> dict[str, Cell]:
    """Check → the sums of these rows."""
    sums: Any = (
        rows.order_by()
        .values("check_id")
        .annotate(**{f"n_{name}": Sum(name) for name in counting.COUNTS})
    )
    return {
        row["check_id"]: Cell(**{name: row[f"n_{name}"] for name in counting.COUNTS})
        for row in sums
    }


def _live(
    user: User, sources: list[int], configured: Sequence[Configured], now: datetime
) -> dict[str, Cell]:
    checks = [one.check for one in configured if one.enabled]
    values = counting.names(sources, checks=checks, now=now)
    values["teams"] = None if user.sees_everything else list(user.team_ids)
    with connection.cursor() as cursor:
        cursor.execute(counting.LIVE, values)
        return {
            row[0]: Cell(**dict(zip(counting.COUNTS, map(int, row[1:]), strict=True)))
            for row in cursor.fetchall()
        }


def lines(configured: Sequence[Configured], cells: dict[str, Cell]) -> dict[str, CheckLine]:
    """Every registered check with its counts, as `policies.coverage.check_lines` has them."""
    found = {}
    for one in configured:
        cell = Cell()
        for name in (one.check.id, *one.check.aliases):
            cell.add(cells.get(name, Cell()))
        found[one.check.id] = CheckLine(one, cell.tally if one.enabled else Tally(), cell.open)
    return found


def standing(user: User, *, sources: Sequence[Source], now: datetime) -> dict[str, CheckLine]:
    """Every check with its counts now."""
    configured = configured_checks()
    settled = settle(sources, newest(sources), asked=fingerprint(configured))
    return lines(configured, by_check(user, settled=settled, configured=configured, now=now))


def check_lines(user: User) -> dict[str, CheckLine]:
    """`standing` for pages that know of no sources: what `policies.coverage` asks for."""
    return standing(user, sources=list(Source.objects.visible_to(user)), now=timezone.now())
