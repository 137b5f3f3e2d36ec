"""What changed between two moments: of the whole estate, and of one asset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone

from accounts.access import SignedInRequest, requires
from accounts.models import User
from accounts.permissions import Permission
from inventory import changes, history, listings, spans
from inventory.changes import Difference, What
from inventory.models import Asset, AssetVersion, Source
from inventory.records import Kind
from inventory.spans import Span
from inventory.views import narrowing
from ui import pages
from ui.exports import as_csv

SIZE = 25
BATCH = 200
WORDS = {What.CHANGED: "changed", What.APPEARED: "appeared", What.DISAPPEARED: "disappeared"}


@requires(Permission.ASSET_READ)
def change_list(request: SignedInRequest) -> HttpResponse:
    """What of the estate differs between two moments, newest first."""
    asked = Asked(request.GET, user=request.user, now=timezone.now())
    counts = {what: changes.counted(asked.found(what)) for what in What}
    context: dict[str, Any] = {
        "asked": asked,
        "what": asked.what,
        "tabs": [_tab(asked, what, counts[what]) for what in What],
        "counted": changes.COUNTED,
        "kinds": [(kind.value, _title(kind)) for kind in Kind],
        "sources": Source.objects.visible_to(request.user),
        "teams": narrowing.teams(request.user),
        "may_export": request.user.may(Permission.ASSET_EXPORT),
        "export_address": f"{reverse('inventory:changes-export')}?{request.GET.urlencode()}",
    }
    if asked.span:
        page: pages.Page[AssetVersion] = pages.page(
            asked.found(asked.what),
            order=changes.order_of(asked.what, asked.span),
            query=request.GET,
            total=_exact(counts[asked.what]),
            one="asset",
            many="assets",
            size=SIZE,
        )
        context["page"] = page
        context["rows"] = changes.of(page.rows, asked.span, user=request.user)
    return render(request, "inventory/change_list.html", context)


class Asked:
    """What somebody asks for in an address."""

    def __init__(self, query: QueryDict, *, user: User, now: datetime) -> None:
        self.query, self.user = query, user
        self.span: Span | None = None
        self.problem = ""
        try:
            self.span = spans.read(query, now=now)
        except ValueError as problem:
            self.problem = str(problem)
        what = str(query.get("what", ""))
        self.what = What(what) if what in set(What) else What.CHANGED

    def found(self, what: What) -> QuerySet[AssetVersion]:
        """The versions that say it, as far as the person may see them and the address wants."""
        if self.span is None:
            return AssetVersion.objects.none()
        return changes.narrowed(self.query, self.span, what, user=self.user)

    @property
    def is_narrowed(self) -> bool:
        return any(self.query.get(name) for name in ("kind", "source", "team", "q"))

    def address(self, **values: str) -> str:
        """This page with other values."""
        data = self.query.copy()
        data.pop("after", None)
        for name, value in values.items():
            data[name] = value
        return f"?{data.urlencode()}"


def _tab(asked: Asked, what: What, count: int) -> dict[str, Any]:
    return {
        "word": WORDS[what],
        "label": WORDS[what].capitalize(),
        "address": asked.address(what=what.value),
        "is_here": what is asked.what,
        "number": count,
    }


def _exact(count: int) -> int | None:
    return count if count <= changes.COUNTED else None


def _title(kind: Kind) -> str:
    listing = listings.place_of(kind)[1]
    return listing.many.capitalize() if listing else "Platforms"


@requires(Permission.ASSET_EXPORT)
def export(request: SignedInRequest) -> HttpResponseBase:
    """The same list, whole: a line for each fact that changed."""
    now = timezone.now()
    asked = Asked(request.GET, user=request.user, now=now)
    header = ["Id", "Name", "Kind", "Source", "Team", "What", "When"]
    header += ["Fact", "From", "To", "By"]
    return as_csv("changes", header, _lines(asked, asked.span) if asked.span else (), now=now)


def _lines(asked: Asked, span: Span) -> Iterator[Sequence[object]]:
    found = asked.found(asked.what)
    ordered = pages.ordered(found, changes.order_of(asked.what, span))
    rows = ordered.iterator(chunk_size=BATCH)
    while some := list(islice(rows, BATCH)):
        for each in changes.of(some, span, user=asked.user):
            yield from _lines_of(each)


def _lines_of(difference: Difference) -> Iterator[Sequence[object]]:
    asset = difference.asset
    team = asset.team.name if asset.team else ""
    head = (asset.pk, asset.name, asset.kind, asset.source.name, team, difference.what.value)
    if not difference.changes:
        yield (*head, difference.at, "", "", "", difference.by)
    for change in difference.changes:
        yield (*head, change.at, change.label, change.before, change.after, change.by)


@requires(Permission.ASSET_READ)
def difference(request: SignedInRequest, pk: int) -> HttpResponse:
    """One asset at two moments of its history, and what differs."""
    visible = Asset.objects.visible_to(request.user).select_related("source", "team")
    asset = get_object_or_404(visible, pk=pk)
    context: dict[str, Any] = {"asset": asset, "problem": ""}
    try:
        span = spans.read(request.GET, now=timezone.now())
    except ValueError as problem:
        return render(request, "inventory/difference.html", context | {"problem": str(problem)})
    ends = (history.version_at(asset, span.begin), history.version_at(asset, span.end))
    context |= {"span": span, "before": ends[0], "after": ends[1]}
    if any(ends):
        [found] = changes.between([asset], {asset.pk: ends}, span, user=request.user)
        context["found"] = found
    return render(request, "inventory/difference.html", context)
