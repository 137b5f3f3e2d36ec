"""How posture changed: one page, looked at in one way at a time, and the same as a file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, requires
from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from findings.trends import counting, dimensions, drawing, exceptions, mending, series
from findings.trends.dimensions import Dimension, Part
from findings.trends.reading import Cell, grain_for
from findings.trends.series import Point
from inventory.models import Source
from ui import exports


class Asked(msgspec.Struct, frozen=True):
    """What somebody wants to see of the past."""

    period: str
    dimension: Dimension | None
    part: Part | None
    sources: list[Source]
    spans: list[series.Stretch]

    def points(self, user: User) -> list[Point]:
        rows = self.dimension.rows(user) if self.dimension and self.part else grain_for(user)
        return series.points(
            user,
            dimension=self.dimension,
            part=self.part,
            sources=self.sources,
            spans=self.spans,
            rows=rows,
        )

    def changes(self, user: User) -> list[series.Change]:
        if self.dimension is None or self.part is not None:
            return []
        return series.changes(
            user,
            dimension=self.dimension,
            sources=self.sources,
            spans=self.spans,
            rows=self.dimension.rows(user),
        )


def asked(query: Any, user: User, *, now: datetime) -> Asked:
    """What a query string asks for, or raise Http404 when there is no such thing."""
    period = query.get("period", "") or series.DEFAULT
    by, value = query.get("by", ""), query.get("value", "")
    if period not in series.PERIODS or (by and by not in dimensions.LABELS):
        raise Http404
    sources = list(Source.objects.visible_to(user))
    dimension = dimensions.dimension(by, user, sources=sources) if by else None
    part = dimension.part(value) if dimension and value else None
    if value and part is None:
        raise Http404
    return Asked(period, dimension, part, sources, series.stretches(period, now=now))


@require_safe
@requires(Permission.FINDING_READ)
def trends(request: SignedInRequest) -> HttpResponse:
    """Everything, one dimension's parts side by side, or one part, over a period."""
    now = timezone.now()
    wanted = asked(request.GET, request.user, now=now)
    points = wanted.points(request.user)
    waivers = None
    if wanted.part is None and request.user.may(Permission.WAIVER_READ):
        waivers = exceptions.ever_effective(request.user)
    context = {
        "asked": wanted,
        "points": [(point, drawing.named(point), _links(point, wanted, now)) for point in points],
        "first": points[0],
        "last": points[-1],
        "is_counted": any(point.is_counted for point in points),
        "unseen": sum(not point.is_seen for point in points),
        "charts": [
            (chart, hasattr(chart, "lines"))
            for chart in drawing.all_of(points, wanted.part, waivers, now)
        ],
        "changes": wanted.changes(request.user),
        "mended": _mended(request, wanted) if request.GET.get("mended") else None,
        "query": _query(wanted),
        "dimensions": dimensions.LABELS.items(),
        "periods": [(name, label) for name, (label, _, _) in series.PERIODS.items()],
        "may_export": request.user.may(Permission.FINDING_EXPORT),
    }
    return render(request, "findings/trends/trends.html", context)


def _mended(request: SignedInRequest, wanted: Asked) -> list[mending.Mended]:
    """Reads every spell that ended in the period, so only who looks that far waits for it."""
    return mending.by_severity(
        request.user,
        since=wanted.spans[0].start,
        before=wanted.spans[-1].end,
        dimension=wanted.dimension,
        part=wanted.part,
    )


def _query(wanted: Asked) -> str:
    said = {"period": wanted.period}
    if wanted.dimension:
        said["by"] = wanted.dimension.name
    if wanted.part:
        said["value"] = wanted.part.value
    return urlencode(said)


def _links(point: Point, wanted: Asked, now: datetime) -> dict[str, str]:
    return {
        "open": drawing.open_at(point, wanted.part, now),
        "opened": drawing.began_in(point, wanted.part),
        "resolved": drawing.ended_in(point, wanted.part),
    }


@require_safe
@requires(Permission.FINDING_EXPORT)
def export(request: SignedInRequest) -> HttpResponseBase:
    """The numbers of the page as CSV. That they were taken is in the audit log."""
    now = timezone.now()
    wanted = asked(request.GET, request.user, now=now)
    with transaction.atomic():
        trail.record(
            request.user,
            Permission.FINDING_EXPORT,
            after={"trends": wanted.period, "of": wanted.part.value if wanted.part else ""},
            at=now,
        )
    header = ("From", "To", "Seen", *(name.replace("_", " ") for name in counting.COUNTS))
    rows = [
        (
            point.stretch.first.isoformat(),
            point.stretch.last.isoformat(),
            "yes" if point.is_seen else "no",
            *_numbers(point.cell),
        )
        for point in wanted.points(request.user)
    ]
    return exports.as_csv("vmgov-trends", header, rows, now=now.astimezone(UTC))


def _numbers(cell: Cell) -> list[int]:
    return [getattr(cell, name) for name in counting.COUNTS]
