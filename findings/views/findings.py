"""The list of findings, one finding, and the list as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.access import SignedInRequest, requires
from accounts.permissions import Permission
from audit import trail
from findings import catalogue
from findings.listing import ROWS, Listing
from findings.models import Finding
from findings.status import LABELS, status_of
from findings.triage import saved_views, showing, visits
from ui import exports, fragments

SHOWN_OF_GROUP = 10
HEADER = (
    "Severity",
    "State",
    "Status",
    "Priority",
    "Assignee",
    "Assigned team",
    "Labels",
    "Ticket",
    "Finding",
    "Asset",
    "Kind",
    "Source",
    "Team",
    "Classification",
    "Criticality",
    "Check",
    "Check title",
    "Seen",
    "Expected",
    "Opened at",
    "Due at",
    "Missed due date",
    "Said to be fixed at",
    "Excepted until",
    "Resolved at",
    "Resolution",
    "Not verifiable since",
    "Address",
)


@require_safe
@requires(Permission.FINDING_READ)
@vary_on_headers("HX-Request")
def finding_list(request: SignedInRequest) -> HttpResponse:
    """Findings as filtered; under htmx only the part that changes."""
    now = timezone.now()
    visit = visits.note(request.user, now=now)
    if not request.GET and visit.default_view_id is not None:
        view = saved_views.visible_to(request.user).filter(pk=visit.default_view_id).first()
        if view is not None and view.query:
            return HttpResponseRedirect(f"/findings/?{view.query}")
    listing = Listing(request.GET, user=request.user, now=now)
    if ROWS in request.GET and fragments.is_wanted(request):
        return _rows_of_group(request, listing)
    counts = listing.counts()
    is_part = fragments.is_wanted(request)
    context: dict[str, Any] = {
        "listing": listing,
        "as_of": listing.as_of,
        "is_part": is_part,
        "counts": counts,
        "chips": listing.chips(),
        "menus": listing.menus(),
        "views": _views(listing),
        "since": visit.previous_at,
        "new_count": listing.opened_since_visit(visit.previous_at),
        "may_export": request.user.may(Permission.FINDING_EXPORT),
        "may_sort": request.user.may(Permission.FINDING_TRIAGE),
        # What was open then may be over: one looks at the past, and acts on what is true now.
        "may_work": request.user.may(Permission.FINDING_WORK) and not listing.as_of,
        "may_except": request.user.may(Permission.WAIVER_REQUEST),
        "may_plan": request.user.may(Permission.PLAN_MANAGE),
    }
    if listing.group:
        context["groups"], context["more_groups"] = listing.groups()
    else:
        context["page"] = listing.page(counts)
    part = "findings/_findings.html" if is_part else "findings/finding_list.html"
    return render(request, part, context)


def _rows_of_group(request: SignedInRequest, listing: Listing) -> HttpResponse:
    """The first findings of a group, to stand below its line."""
    counts = listing.counts()
    page = listing.page(counts)
    context = {
        "listing": listing,
        "rows": page.rows[:SHOWN_OF_GROUP],
        "total": counts["total"],
        "more": counts["total"] > SHOWN_OF_GROUP,
    }
    return render(request, "findings/_group_rows.html", context)


def _views(listing: Listing) -> list[dict[str, Any]]:
    """The saved views that stand as tabs, and the others."""
    here = listing.address
    return [
        {
            "label": view.name,
            "address": f"?{view.query}",
            "is_here": view.query == here,
            "is_pinned": view.is_pinned,
        }
        for view in listing.offered.views
    ]


@require_safe
@requires(Permission.FINDING_READ)
@vary_on_headers("HX-Request")
def finding(request: SignedInRequest, finding_id: int) -> HttpResponse:
    """One finding: what was seen and expected, why it matters, how to fix it, what is decided."""
    now = timezone.now()
    found = showing.finding_for(request.user, finding_id, now=now)
    if found is None:
        raise Http404
    part = "findings/_finding.html" if fragments.is_wanted(request) else "findings/finding.html"
    origin = request.GET.get("in", "")
    return render(request, part, showing.context(found, request.user, origin=origin, now=now))


@require_safe
@requires(Permission.FINDING_EXPORT)
def export(request: SignedInRequest) -> HttpResponseBase:
    """What the list shows, all of it, as CSV. That it was taken is in the audit log."""
    now = timezone.now()
    listing = Listing(request.GET, user=request.user, now=now)
    with transaction.atomic():
        trail.record(
            request.user, Permission.FINDING_EXPORT, after={"filters": listing.address}, at=now
        )
    origin = request.build_absolute_uri("/findings/")
    findings: Any = listing.in_order()
    rows = (
        findings.with_exception(now=now)
        .select_related("asset__source", "asset__team", "assignee", "assigned_team")
        .prefetch_related("labels")
        .defer("asset__record", "evidence")
    )
    lines = _rows(rows.iterator(chunk_size=2_000), origin)
    return exports.as_csv("vmgov-findings", HEADER, lines, now=now)


def _rows(findings: Iterator[Finding], origin: str) -> Iterator[tuple[object, ...]]:
    for found in findings:
        asset = found.asset
        yield (
            found.severity,
            found.state,
            LABELS[status_of(found)],
            found.get_priority_display(),
            found.assignee.username if found.assignee else "",
            found.assigned_team.name if found.assigned_team else "",
            ", ".join(label.name for label in found.labels.all()),
            found.ticket,
            found.message,
            asset.name,
            asset.kind,
            asset.source.name,
            asset.team.name if asset.team else "",
            asset.classification,
            asset.criticality,
            found.check_id,
            catalogue.title_of(found.check_id),
            found.seen,
            found.expected,
            found.opened_at,
            found.due_at,
            found.breached_at,
            found.claimed_at,
            found.excepted_until,
            found.resolved_at,
            found.resolution,
            found.stale_since,
            f"{origin}{found.pk}/",
        )
