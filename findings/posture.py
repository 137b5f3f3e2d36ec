"""How the estate stands: what the overview says, from what one person may see."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Count, Min, Prefetch, Q, QuerySet
from django.db.models.functions import TruncDate
from django.http import QueryDict

from accounts.models import User
from findings import catalogue
from findings.models import Finding
from inventory.models import Asset, Source, SyncRun
from policies import coverage
from policies.configuration import configured_checks
from policies.coverage import CheckLine, Tally
from policies.models import Area, SeverityChoices
from policies.spec import Check, Outcome
from ui.clock import is_stale

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
CHART_DAYS = 30
WORST = 8
SERIOUS_RANK = 1  # critical and high
RUNS_SHOWN = 12


class Counts(msgspec.Struct, kw_only=True):
    """Findings of one check, or of several."""

    open: int = 0
    serious: int = 0
    overdue: int = 0
    week: int = 0
    later: int = 0
    undue: int = 0
    opened: int = 0
    resolved: int = 0
    stale: int = 0
    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    info: int = 0
    fresh: int = 0
    weeks: int = 0
    months: int = 0
    old: int = 0

    def add(self, other: Counts) -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Moments(msgspec.Struct, frozen=True):
    """The moments the overview counts from, whole minutes, so that an address can say them."""

    now: datetime

    @property
    def yesterday(self) -> datetime:
        return self.now - DAY

    @property
    def week_ago(self) -> datetime:
        return self.now - WEEK

    @property
    def month_ago(self) -> datetime:
        return self.now - 4 * WEEK

    @property
    def quarter_ago(self) -> datetime:
        return self.now - 13 * WEEK


class AreaLine(msgspec.Struct, frozen=True):
    """One of the four areas: what its checks answer, and what its findings did."""

    area: Area
    checks: list[CheckLine]
    counts: Counts

    @property
    def tally(self) -> Tally:
        return coverage.add(line.tally for line in self.checks)

    @property
    def not_known(self) -> int:
        return self.tally.unknown + self.tally.error


class Number(msgspec.Struct, frozen=True):
    """A number on the page, and the list that counts it."""

    label: str
    count: int
    address: str
    tone: str = ""


class SourceLine(msgspec.Struct, frozen=True):
    source: Source
    runs: list[SyncRun]  # oldest first
    is_stale: bool

    @property
    def last(self) -> SyncRun | None:
        return self.runs[-1] if self.runs else None


def address(**values: Any) -> str:
    """The list of findings that these filters give. Moments are written in whole minutes, UTC."""
    query = QueryDict(mutable=True)
    for name, value in values.items():
        query[name] = (
            f"{value.astimezone(UTC):%Y-%m-%dT%H:%MZ}" if isinstance(value, datetime) else value
        )
    return f"/findings/?{query.urlencode()}"


def counts_by_check(user: User, *, now: datetime) -> dict[str, Counts]:
    """Check id → counts, in one query."""
    at = Moments(now)
    is_open = Q(state=Finding.State.OPEN)
    rules = {
        "open": is_open,
        "serious": is_open & Q(severity_rank__lte=SERIOUS_RANK),
        "overdue": is_open & Q(due_at__lt=now),
        "week": is_open & Q(due_at__gte=now, due_at__lt=now + WEEK),
        "later": is_open & Q(due_at__gte=now + WEEK),
        "undue": is_open & Q(due_at__isnull=True),
        "opened": Q(opened_at__gte=at.yesterday),
        "resolved": Q(resolved_at__gte=at.yesterday),
        "stale": is_open & Q(stale_since__isnull=False),
        "fresh": is_open & Q(opened_at__gte=at.week_ago),
        "weeks": is_open & Q(opened_at__lt=at.week_ago, opened_at__gte=at.month_ago),
        "months": is_open & Q(opened_at__lt=at.month_ago, opened_at__gte=at.quarter_ago),
        "old": is_open & Q(opened_at__lt=at.quarter_ago),
        **{
            severity: is_open & Q(severity_rank=rank)
            for rank, severity in enumerate(SeverityChoices.values)
        },
    }
    rows: Any = (
        Finding.objects.visible_to(user)
        # What was resolved before yesterday counts nowhere: leave it in the table.
        .filter(is_open | Q(resolved_at__gte=at.yesterday) | Q(opened_at__gte=at.yesterday))
        .order_by()
        .values("check_id")
        .annotate(**{f"n_{name}": Count("pk", filter=rule) for name, rule in rules.items()})
    )
    return {
        row["check_id"]: Counts(**{name: row[f"n_{name}"] for name in Counts.__struct_fields__})
        for row in rows
    }


def total(counts: Iterable[Counts]) -> Counts:
    result = Counts()
    for each in counts:
        result.add(each)
    return result


def area_lines(lines: dict[str, CheckLine], counts: dict[str, Counts]) -> list[AreaLine]:
    """The four areas with their checks that are in use."""
    by_area = catalogue.checks_by_area()
    found = []
    for area in catalogue.AREAS:
        checks = by_area.get(area, [])
        live = [lines[check.id] for check in checks if lines[check.id].configured.enabled]
        found.append(AreaLine(area, live, total(_counts_of(checks, counts))))
    return found


def _counts_of(checks: Iterable[Check], counts: dict[str, Counts]) -> list[Counts]:
    return [counts[n] for check in checks for n in catalogue.names_of(check) if n in counts]


def worst_checks(
    lines: dict[str, CheckLine], counts: dict[str, Counts]
) -> list[tuple[CheckLine, Counts]]:
    """The checks with the most serious, then the most open findings."""
    found = [(line, total(_counts_of([line.check], counts))) for line in lines.values()]
    found = [(line, each) for line, each in found if each.open]
    found.sort(key=lambda pair: (-pair[1].serious, -pair[1].open, pair[0].check.id))
    return found[:WORST]


def worst_assets(user: User) -> list[dict[str, Any]]:
    """The assets with the gravest finding, then the most of them. Two queries."""
    rows = list(
        Finding.objects.visible_to(user)
        .open()
        .order_by()
        .values("asset_id")
        .annotate(
            count=Count("pk"),
            serious=Count("pk", filter=Q(severity_rank__lte=SERIOUS_RANK)),
            rank=Min("severity_rank"),
        )
        .order_by("rank", "-serious", "-count", "asset_id")[:WORST]
    )
    assets = Asset.objects.select_related("source").in_bulk([row["asset_id"] for row in rows])
    severities = list(SeverityChoices.values)
    return [
        {
            "asset": assets[row["asset_id"]],
            "count": row["count"],
            "serious": row["serious"],
            "severity": severities[row["rank"]],
        }
        for row in rows
    ]


def by_day(user: User, field: str, *, now: datetime) -> dict[Any, int]:
    """Day → how many findings have that moment on it, for the days of the chart."""
    first = first_day(now)
    rows = (
        Finding.objects.visible_to(user)
        .filter(**{f"{field}__gte": first})
        .order_by()
        .annotate(day=TruncDate(field, tzinfo=UTC))
        .values("day")
        .annotate(n=Count("pk"))
    )
    return {row["day"]: row["n"] for row in rows}


def first_day(now: datetime) -> datetime:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - (CHART_DAYS - 1) * DAY


def source_lines(user: User, *, now: datetime) -> list[SourceLine]:
    """Sources with their last runs and whether their facts are stale. Two queries."""
    runs = Prefetch("runs", queryset=SyncRun.objects.order_by("-id")[:RUNS_SHOWN], to_attr="recent")
    sources: Any = Source.objects.visible_to(user).prefetch_related(runs)
    return [
        SourceLine(
            source,
            source.recent[::-1],
            source.is_enabled and is_stale(source.published_at, source.interval_minutes, now=now),
        )
        for source in sources
    ]


# --- answers: what the bars count -------------------------------------------------------------


def checks_asked(area: str, check_id: str) -> list[Check]:
    """The checks in use that an area or an id means; all of them when neither is given."""
    live = [one.check for one in configured_checks() if one.enabled]
    if check_id:
        found = catalogue.check_or_none(check_id)
        return [check for check in live if found is not None and check.id == found.id]
    if area:
        ids = {check.id for check in catalogue.checks_by_area().get(area, [])}
        return [check for check in live if check.id in ids]
    return live


def answers(user: User, checks: list[Check], outcomes: list[str]) -> QuerySet[Any]:
    """Stored answers of these checks: what is not a pass."""
    return coverage.stored(user).filter(
        check_id__in=[name for check in checks for name in catalogue.names_of(check)],
        outcome__in=outcomes,
    )


def passing(user: User, check: Check) -> QuerySet[Asset]:
    """Assets about which a check has nothing to say: evaluated, and no stored answer."""
    spoilt = Q(pk__in=answers(user, [check], [o.value for o in Outcome]).values("asset_id"))
    present = Asset.objects.visible_to(user).present()
    return present.filter(kind=check.kind, evaluated_at__isnull=False).exclude(spoilt)
