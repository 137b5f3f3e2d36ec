"""How the estate stands: what the overview says, from what one person may see."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Count, F, Prefetch, Q, QuerySet, Value
from django.http import QueryDict

from accounts.models import User
from findings import catalogue
from findings.models import Finding, PostureDay
from findings.trends import counting, reading
from findings.trends.reading import Cell
from inventory.models import Asset, Source, SyncRun
from policies import coverage
from policies.configuration import configured_checks
from policies.coverage import CheckLine, Tally
from policies.evaluate import Configured
from policies.models import Area
from policies.spec import Check, Outcome
from ui.clock import is_stale

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
WORST = 8
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
    """A source with its last runs, as far as they had begun at the moment that is shown."""

    source: Source
    runs: list[SyncRun]  # oldest first
    is_stale: bool
    published_at: datetime | None
    day: PostureDay | None  # the newest that was counted

    @property
    def last(self) -> SyncRun | None:
        return self.runs[-1] if self.runs else None


def address(*pairs: tuple[str, Any], **values: Any) -> str:
    """The list of findings that these filters give; pairs where a name comes more than once.
    Moments are written in whole minutes, UTC.
    """
    query = QueryDict(mutable=True)
    for name, value in (*pairs, *values.items()):
        said = f"{value.astimezone(UTC):%Y-%m-%dT%H:%MZ}" if isinstance(value, datetime) else value
        query.appendlist(name, said)
    return f"/findings/?{query.urlencode()}"


def counts_by_check(user: User, cells: dict[str, Cell], *, now: datetime) -> dict[str, Counts]:
    """Check id → counts: what was counted, and what the clock alone decides. One query.

    Due dates and ages are of all checks together, under the id "".
    """
    found = {
        check_id: Counts(
            open=cell.open,
            serious=cell.critical + cell.high,
            **{severity: getattr(cell, severity) for severity in counting.SEVERITIES},
        )
        for check_id, cell in cells.items()
    }
    whole = found[""] = Counts()
    everything = sum(cell.open for cell in cells.values())
    # Not everything that is open is read: the larger part is what the others leave.
    were_late = 2 * sum(cell.overdue for cell in cells.values()) > everything
    derived, counted = ("overdue", "later") if were_late else ("later", "overdue")
    for label, check_id, n in _clocked(user, now, counted):
        setattr(found.setdefault(check_id, Counts()), label, n)
    setattr(whole, derived, everything - getattr(whole, counted) - whole.week - whole.undue)
    whole.old = everything - whole.fresh - whole.weeks - whole.months
    return found


def _clocked(user: User, now: datetime, far: str) -> Any:
    """(what, check, how many), each read from the narrow index of its moment. `far` is which of
    "overdue" and "later" to count.
    """
    at = Moments(now)
    seen = Finding.objects.visible_to(user).order_by()
    is_open = seen.open()
    ranges = {
        far: is_open.filter(Q(due_at__lt=now) if far == "overdue" else Q(due_at__gte=now + WEEK)),
        "week": is_open.filter(due_at__gte=now, due_at__lt=now + WEEK),
        "undue": is_open.filter(due_at__isnull=True),
        "fresh": is_open.filter(opened_at__gte=at.week_ago),
        "weeks": is_open.filter(opened_at__lt=at.week_ago, opened_at__gte=at.month_ago),
        "months": is_open.filter(opened_at__lt=at.month_ago, opened_at__gte=at.quarter_ago),
    }
    parts = [
        rows.values(what=Value(label), check=Value("")).annotate(n=Count("*"))
        for label, rows in ranges.items()
    ]
    parts += [
        rows.values(what=Value(label), check=F("check_id")).annotate(n=Count("*"))
        for label, rows in (
            ("opened", seen.filter(opened_at__gte=at.yesterday)),
            ("resolved", seen.filter(resolved_at__gte=at.yesterday)),
        )
    ]
    return parts[0].union(*parts[1:], all=True).values_list("what", "check", "n")


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


def source_lines(user: User, *, now: datetime) -> list[SourceLine]:
    """Sources with their last runs, whether their facts are stale, and the day that was counted
    last. Three queries.
    """
    newest = SyncRun.objects.collections().order_by("-id")[:RUNS_SHOWN]
    runs = Prefetch("runs", queryset=newest, to_attr="recent")
    sources: Any = list(
        Source.objects.visible_to(user).select_related("watch").prefetch_related(runs)
    )
    days = reading.newest(sources)
    return [
        SourceLine(
            source,
            source.recent[::-1],
            source.is_enabled and is_stale(source.published_at, source.interval_minutes, now=now),
            source.published_at,
            days.get(source.pk),
        )
        for source in sources
    ]


# --- answers: what the bars count -------------------------------------------------------------


def checks_asked(
    area: str, check_id: str, *, live: Iterable[Configured] | None = None
) -> list[Check]:
    """The checks in use that an area or an id means; all of them when neither is given."""
    configured = configured_checks() if live is None else live
    used = [one.check for one in configured if one.enabled]
    if check_id:
        found = catalogue.check_or_none(check_id)
        return [check for check in used if found is not None and check.id == found.id]
    if area:
        ids = {check.id for check in catalogue.checks_by_area().get(area, [])}
        return [check for check in used if check.id in ids]
    return used


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
