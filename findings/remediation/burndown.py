"""How much of a plan was open at the end of each day, and whether it gets done in time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec
from django.db.models import Count, F, Q, Value
from django.db.models.functions import Greatest, Least, TruncDate

from accounts.models import User
from findings.models import Plan, TaskFinding
from ui import charts

DAY = timedelta(days=1)
MOST_POINTS = 60


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a day, or now. What is still to come has no count."""

    on: date
    open: int | None
    target: float | None = None  # of an even pace from the start to the due date


class BurnDown(msgspec.Struct, frozen=True, kw_only=True):
    days: tuple[Day, ...] = ()
    start: int = 0  # what was open on the first day: where the even pace begins
    has_target: bool = False

    @property
    def open(self) -> int:
        return next((day.open for day in reversed(self.days) if day.open is not None), 0)


def burn_down(plan: Plan, user: User, now: datetime) -> BurnDown:
    """Open findings of a plan per day, over what the reader may see."""
    return burn_downs([plan], user, now)[plan.pk]


def burn_downs(plans: Sequence[Plan], user: User, now: datetime) -> dict[int, BurnDown]:
    """The same for several plans at once, in one query."""
    moves = _moves([plan.pk for plan in plans], user)
    return {plan.pk: _drawn(plan, moves[plan.pk], now) for plan in plans}


def _moves(plan_ids: Iterable[int], user: User) -> dict[int, dict[date, int]]:
    """Plan → day → by how much its open findings became more.

    A finding counts while it is in the plan and one of its spells lasts: from the later of the two
    beginnings to the earlier of the two ends.
    """
    spells = (
        TaskFinding.objects.visible_to(user)
        .filter(plan__in=plan_ids, finding__spells__isnull=False)
        .annotate(
            began_at=Greatest("joined_at", "finding__spells__opened_at"),
            ended_at=Least("left_at", "finding__spells__closed_at"),
        )
        .filter(Q(ended_at=None) | Q(ended_at__gt=F("began_at")))
        .order_by()
    )
    begun, ended = (
        spells.filter(**{f"{moment}__isnull": False})
        .annotate(day=TruncDate(moment, tzinfo=UTC), sign=Value(sign))
        .values_list("plan_id", "day", "sign")
        .annotate(n=Count("*"))
        for moment, sign in (("began_at", 1), ("ended_at", -1))
    )
    moves: defaultdict[int, dict[date, int]] = defaultdict(dict)
    for plan_id, day, sign, n in begun.union(ended, all=True):
        moves[plan_id][day] = moves[plan_id].get(day, 0) + sign * n
    return moves


def _drawn(plan: Plan, moves: dict[date, int], now: datetime) -> BurnDown:
    first, today = plan.created_at.astimezone(UTC).date(), now.astimezone(UTC).date()
    until = plan.closed_at.astimezone(UTC).date() if plan.closed_at else today
    due = plan.due_at.astimezone(UTC).date() if plan.due_at and plan.due_at > now else None
    last = max(until, due) if due and not plan.closed_at else until
    shown = _spread(first, until, last)
    running, counts = 0, {}
    for day in _days(first, until):
        running += moves.get(day, 0)
        counts[day] = running
    start = counts[first]
    target = plan.due_at.astimezone(UTC).date() if plan.due_at else None
    return BurnDown(
        days=tuple(
            Day(on=day, open=counts.get(day), target=_pace(start, first, target, day))
            for day in shown
        ),
        start=start,
        has_target=due is not None,
    )


def _days(first: date, last: date) -> list[date]:
    return [first + n * DAY for n in range((last - first).days + 1)]


def _spread(first: date, until: date, last: date) -> list[date]:
    """The days that are drawn: evenly apart, few enough, the newest known among them."""
    step = max(1, -(-((last - first).days + 1) // MOST_POINTS))
    back = range((until - first).days // step, -1, -1)
    known = [until - n * step * DAY for n in back]
    ahead = range(1, (last - until).days // step + 1)
    return [*known, *(until + n * step * DAY for n in ahead)]


def _pace(start: int, first: date, due: date | None, day: date) -> float | None:
    if due is None:
        return None
    whole = max((due - first).days, 1)
    return round(max(start * (1 - (day - first).days / whole), 0), 1)


def chart(plan: Plan, drawn: BurnDown) -> charts.Lines:
    """The picture of it, with the even pace to the due date as a guide."""
    points = [
        charts.Point(
            label=f"{day.on:%-d %b}",
            title=f"{day.on:%A %-d %B %Y}",
            first=day.open,
            is_ahead=day.open is None,
        )
        for day in drawn.days
    ]
    known = [day for day in drawn.days if day.open is not None]
    words = (
        f"{drawn.start:,} open on {known[0].on:%-d %B}, {drawn.open:,} open now." if known else ""
    )
    return charts.lines(
        points,
        title="Findings still open",
        description=words,
        first_name="Open",
        guide=(drawn.start, 0) if drawn.has_target and drawn.start else None,
    )


# --- beside the name of a plan in a list ------------------------------------------------------

SPARK_WIDTH, SPARK_HEIGHT = 96, 24


class Spark(msgspec.Struct, frozen=True):
    """A small line without axes, and what it says in words."""

    path: str
    title: str
    width: int = SPARK_WIDTH
    height: int = SPARK_HEIGHT


def spark(drawn: BurnDown) -> Spark | None:
    """The line as far as it is known; None while there is no line to draw."""
    known = [day.open for day in drawn.days if day.open is not None]
    if len(known) < 2:
        return None
    top, step = max(1, *known), (SPARK_WIDTH - 4) / (len(known) - 1)
    inner = SPARK_HEIGHT - 4
    points = [
        f"{round(2 + step * at, 1)} {round(2 + inner * (1 - count / top), 1)}"
        for at, count in enumerate(known)
    ]
    return Spark("M" + "L".join(points), f"{known[0]:,} open at the start, {known[-1]:,} now")
