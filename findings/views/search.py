"""One box for everything: assets by name, findings by text, checks by title."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, requires
from accounts.permissions import Permission
from findings import catalogue
from findings.filters import saying
from findings.models import Finding
from inventory.filters import AssetFilter
from inventory.models import Asset
from policies import registry

SHOWN = 20
LONGEST = 200


@require_safe
@requires(Permission.FINDING_READ)
def search(request: SignedInRequest) -> HttpResponse:
    """The first matches of each sort, and where the rest is."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST]
    context: dict[str, Any] = {"text": text, "assets": [], "findings": [], "checks": []}
    if text:
        present = Asset.objects.visible_to(request.user).present()
        named = AssetFilter({"q": text}, queryset=present, user=request.user).qs
        findings = Finding.objects.visible_to(request.user).open().filter(saying(text))
        names = set(catalogue.names_matching(text))
        context |= {
            "assets": named.select_related("source", "team")
            .defer("record")
            .order_by("sort_name", "id")[:SHOWN],
            "findings": findings.select_related("asset__source")
            .defer("asset__record")
            .order_by("severity_rank", "-opened_at", "id")[:SHOWN],
            "checks": [check for check in registry.all_checks() if check.id in names][:SHOWN],
        }
    return render(request, "findings/search.html", context)
