"""How posture changed: one page, looked at in one way at a time, and the same as a file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, requires
from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from findings import paper as findings_paper
from findings.trends import counting, dimensions, drawing, exceptions, mending, paper, series
from findings.trends.dimensions import Dimension, Part
from findings.trends.reading import Cell, grain_for
from findings.trends.series import Point
from inventory.models import Source
from ui import exports, pdf


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
    mended = time_to_fix(request.user, wanted) if request.GET.get("mended") else None
    context = look(request.user, wanted, now=now) | {"mended": mended}
    return render(request, "findings/trends/trends.html", context)


def look(user: User, wanted: Asked, *, now: datetime) -> dict[str, Any]:
    """What the page is drawn from, and the same on paper."""
    points = wanted.points(user)
    waivers = None
    if wanted.part is None and user.may(Permission.WAIVER_READ):
        waivers = exceptions.ever_effective(user)
    return {
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
        "changes": wanted.changes(user),
        "query": _query(wanted),
        "dimensions": dimensions.LABELS.items(),
        "periods": [(name, label) for name, (label, _, _) in series.PERIODS.items()],
        "may_export": user.may(Permission.FINDING_EXPORT),
        "may_print": pdf.is_available() and user.may(Permission.FINDING_EXPORT),
    }


def time_to_fix(user: User, wanted: Asked) -> list[mending.Mended]:
    """Reads every spell that ended in the period: only who looks that far, or takes the paper,
    waits for it.
    """
    return mending.by_severity(
        user,
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


@require_safe
@requires(Permission.FINDING_EXPORT)
def as_pdf(request: SignedInRequest) -> HttpResponse:
    """The page as a PDF. That it was taken is in the audit log."""
    now = timezone.now()
    wanted = asked(request.GET, request.user, now=now)
    context = look(request.user, wanted, now=now)
    mended = time_to_fix(request.user, wanted)
    origin = request.build_absolute_uri(reverse("findings:trends"))
    head = findings_paper.head(
        request.user, title="Trends", at=now, now=now, address=f"{origin}?{_query(wanted)}"
    )
    data = paper.contents(context, mended, now=now) | head
    taken = {
        "trends": wanted.period,
        "of": wanted.part.value if wanted.part else "",
        "as": "pdf",
    }
    return findings_paper.hand_out(
        request, "vmgov-trends", "trends.typ", data, taken=taken, now=now
    )


def _numbers(cell: Cell) -> list[int]:
    return [getattr(cell, name) for name in counting.COUNTS]
