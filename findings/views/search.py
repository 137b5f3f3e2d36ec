"""One box for everything: assets by what they are known by, findings by text, checks by title."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, requires
from accounts.permissions import Permission
from findings import catalogue
from findings.filters import saying
from findings.models import Finding
from inventory import history, listings, matching
from inventory import search as looking
from inventory.models import Asset
from inventory.records import Kind
from policies import registry

SHOWN = 20
SHOWN_OF_KIND = 10
LONGEST = 200


@require_safe
@requires(Permission.FINDING_READ)
def search(request: SignedInRequest) -> HttpResponse:
    """The first matches of each sort, and where the rest is."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST]
    context: dict[str, Any] = {"text": text, "groups": [], "findings": [], "checks": []}
    if text:
        present = Asset.objects.visible_to(request.user).present()
        groups, are_more = looking.by_kind(present, text, most=SHOWN_OF_KIND)
        findings = Finding.objects.visible_to(request.user).open().filter(saying(text))
        names = set(catalogue.names_matching(text))
        context |= {
            "groups": [_group(each, text) for each in groups],
            "are_more": are_more,
            "findings": findings.select_related("asset__source")
            .defer("asset__record")
            .order_by("severity_rank", "-opened_at", "id")[:SHOWN],
            "checks": [check for check in registry.all_checks() if check.id in names][:SHOWN],
        }
    return render(request, "findings/search.html", context)


def _group(found: looking.Found, text: str) -> dict[str, Any]:
    """Assets of one kind with what of each was meant, and the list of all of them."""
    wanted = looking.read(text)
    place, listing = listings.place_of(found.kind)
    query = urlencode({"q": text} | ({"show": "roles"} if found.kind is Kind.ROLE else {}))
    return {
        "kind": found.kind,
        "title": listing.many.capitalize() if listing else "Platforms",
        "rows": [
            (asset, matching.matches(history.typed(asset.record), wanted)) for asset in found.assets
        ],
        "count": found.count,
        "address": f"{reverse('inventory:assets', args=[place])}?{query}" if listing else "",
    }
