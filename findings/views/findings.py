"""The list of findings, one finding, and the list as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.access import SignedInRequest, requires
from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from findings import catalogue
from findings.listing import Listing
from findings.models import Finding
from policies.models import Statement
from ui import exports, fragments

EVENTS_SHOWN = 100
HEADER = (
    "Severity",
    "State",
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
    listing = Listing(request.GET, user=request.user, now=timezone.now())
    counts = listing.counts()
    context = {
        "listing": listing,
        "counts": counts,
        "page": listing.page(counts["total"]),
        "chips": listing.chips(),
        "menus": listing.menus(),
        "titles": catalogue.title_of,
        "may_export": request.user.may(Permission.FINDING_EXPORT),
    }
    part = (
        "findings/_findings.html" if fragments.is_wanted(request) else "findings/finding_list.html"
    )
    return render(request, part, context)


@require_safe
@requires(Permission.FINDING_READ)
@vary_on_headers("HX-Request")
def finding(request: SignedInRequest, finding_id: int) -> HttpResponse:
    """One finding: what was seen, what was expected, why it matters, how to fix it here."""
    found = get_object_or_404(
        Finding.objects.visible_to(request.user).select_related("asset__source", "asset__team"),
        pk=finding_id,
    )
    part = "findings/_finding.html" if fragments.is_wanted(request) else "findings/finding.html"
    return render(request, part, _context(found, request.user))


def _context(found: Finding, user: User) -> dict[str, Any]:
    check = catalogue.check_or_none(found.check_id)
    codes = check.statements if check else ()
    platform = found.asset.source.platform
    return {
        "finding": found,
        "asset": found.asset,
        "source": found.asset.source,
        "check": check,
        "title": check.title if check else found.check_id,
        "fix": catalogue.fix_for(check, platform),
        "statements": Statement.objects.filter(code__in=codes),
        "evidence": sorted(found.evidence_for(user).items()),
        "events": found.events.select_related("run").order_by("-id")[:EVENTS_SHOWN],
        "now": timezone.now(),
    }


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
    rows = listing.in_order().select_related("asset__source", "asset__team").defer("asset__record")
    lines = _rows(rows.iterator(chunk_size=2_000), origin)
    return exports.as_csv("vmgov-findings", HEADER, lines, now=now)


def _rows(findings: Iterator[Finding], origin: str) -> Iterator[tuple[object, ...]]:
    for found in findings:
        asset = found.asset
        yield (
            found.severity,
            found.state,
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
            found.resolved_at,
            found.resolution,
            found.stale_since,
            f"{origin}{found.pk}/",
        )
