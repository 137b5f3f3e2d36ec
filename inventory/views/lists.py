"""Lists of assets, one a kind: narrowed, sorted, paged by key, exported as they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.vary import vary_on_headers

from accounts.access import SignedInRequest, requires
from accounts.models import User
from accounts.permissions import Permission
from inventory import facts, listings, past
from inventory.filters import AssetFilter
from inventory.history import Names
from inventory.listings import Listing
from inventory.models import Asset, Source
from inventory.records import Kind, decode
from inventory.views import narrowing, rows
from ui import asof, fragments, pages
from ui.clock import is_stale
from ui.exports import as_csv

PAGE = 50

OF_TEAMS = "You see what belongs to your teams, and nothing of this kind does."


@requires(Permission.ASSET_READ)
@vary_on_headers("HX-Request")
def assets(request: SignedInRequest, name: str) -> HttpResponse:
    """The assets of one kind that the person may see, narrowed by the address."""
    listing = _listing(request, name)
    then = _moment(request)
    narrowed = _narrowed(request, listing, then)
    sort = request.GET.get("sort", "name")
    sources = list(Source.objects.visible_to(request.user))
    is_narrowed = any(request.GET.get(key) for key in narrowing.NARROWING)
    found = narrowed.qs
    counts = _counts(
        request.user, listing, then, found if is_narrowed and not narrowed.are_many else None
    )
    if then and counts["known"] <= past.FEW and not request.GET.get("q"):
        found = past.of_few(found, then, user=request.user, kind=listing.kind)
    shown: pages.Page[Any] = pages.page(
        found.select_related(f"{narrowed.way}source", f"{narrowed.way}team"),
        order=narrowing.order_of(sort, past=then is not None),
        query=request.GET,
        total=None if narrowed.are_many else counts["total"],
        one=listing.one,
        many=listing.many,
        size=PAGE,
    )
    assets_shown = [past.as_then(version, then) for version in shown.rows] if then else shown.rows
    fields = narrowing.fields(request, listing, sources)
    context = {
        "name": name,
        "listing": listing,
        "as_of": then,
        **narrowing.ways(then, show=listing.show),
        "rows": rows.build(listing.kind, assets_shown, request.user, then=then),
        "row_template": f"inventory/rows/_{listing.kind.value}.html",
        "page": shown,
        "problems": _problems(narrowed),
        "columns": narrowing.heads(request, listing, sort, past=then is not None),
        "fields": fields,
        "is_folded": not any(field["chosen"] for field in fields),
        "chips": narrowing.chips(request),
        "is_narrowed": is_narrowed,
        **counts,
        **_answer(listing, [source for source in sources if source.is_enabled]),
        "may_export": request.user.may(Permission.ASSET_EXPORT),
        "export_address": f"{reverse('inventory:export', args=[name])}?{request.GET.urlencode()}",
        "address": request.path,
        "kept": narrowing.kept(request, listing),
        "show_source": len(sources) > 1,
        "empty_title": f"There are no {listing.many}",
        "empty_text": listing.empty if request.user.sees_everything else OF_TEAMS,
        **_way_out(request.user),
    }
    context["is_part"] = fragments.is_wanted(request)
    page = "inventory/_asset_table.html" if context["is_part"] else "inventory/asset_list.html"
    return render(request, page, context)


def _moment(request: SignedInRequest) -> datetime | None:
    """The moment in the address; None for now and for what is no moment, which the page says."""
    try:
        return asof.asked(request.GET, now=timezone.now())
    except ValueError:
        return None


def _narrowed(request: SignedInRequest, listing: Listing, then: datetime | None) -> AssetFilter:
    user = request.user
    if then is None:
        return AssetFilter(request.GET, queryset=_of_kind(user, listing), user=user)
    versions = past.at(then, user=user).filter(kind=listing.kind)
    return past.PastFilter(request.GET, queryset=versions, user=user, moment=then)


@requires(Permission.ASSET_EXPORT)
def export(request: SignedInRequest, name: str) -> HttpResponseBase:
    """The same list, whole, as CSV."""
    listing = _listing(request, name)
    then = _moment(request)
    narrowed = _narrowed(request, listing, then)
    found = narrowed.qs.select_related(f"{narrowed.way}source", f"{narrowed.way}team")
    header = [
        "Id",
        "Name",
        "Source",
        "Team",
        *(facts.label(field) for field in listing.exported),
        "First seen",
        *(("As of", "Unchanged since") if then else ("Missing since", "Gone")),
        "Stable id",
    ]
    lines = _lines(found.order_by("sort_name", "pk"), listing, request.user, then)
    return as_csv(listing.many.replace(" ", "-"), header, lines, now=timezone.now())


def _lines(
    found: QuerySet[Any], listing: Listing, user: User, then: datetime | None
) -> Iterator[Sequence[object]]:
    names = _names_by_source(listing, user, then)
    # As text: 40,000 records need not become dictionaries on their way to their type.
    encoded = found.annotate(encoded=Cast("record", TextField())).defer(
        "record", *(["asset__record"] if then else [])
    )
    for row in encoded.iterator(chunk_size=1000):
        record = decode(row.encoded)
        asset = row.asset if then else row
        name_of = names.get(asset.source_id, facts.unnamed)
        yield (
            asset.pk,
            record.name,
            asset.source.name,
            asset.team.name if asset.team else "",
            *(facts.words(f, getattr(record, f), name_of) for f in listing.exported),
            asset.first_seen_at,
            *((then, row.valid_from) if then else (asset.missing_since, asset.gone_at)),
            asset.uid,
        )


def _names_by_source(
    listing: Listing, user: User, then: datetime | None
) -> dict[int, facts.NameOf]:
    """Names of the hosts, clusters and switches that lines point at, if the person may see them."""
    kinds = {facts.POINTS_AT[f] for f in listing.exported if f in facts.POINTS_AT}
    found: Iterable[Asset] = Asset.objects.visible_to(user).filter(kind__in=kinds).defer("record")
    if then:
        versions = past.at(then, user=user).filter(kind__in=kinds).defer("asset__record")
        found = [past.as_then(version, then) for version in versions]
    by_source: dict[int, list[Asset]] = {}
    for each in found:
        by_source.setdefault(each.source_id, []).append(each)
    return {source: Names(each) for source, each in by_source.items()}


def _counts(
    user: User, listing: Listing, then: datetime | None, narrowed: QuerySet[Any] | None
) -> dict[str, int]:
    """The numbers of the first sentence and of the list, `narrowed` or whole. One query.

    What is not as usual is little, and each kind of it is counted from an index of its own.
    """
    present = _of_kind(user, listing).filter(gone_at__isnull=True)
    if then:
        known, away = past.known(then, user=user, kind=listing.kind)
        rows: dict[str, QuerySet[Any]] = {"known": known, "away": away}
    else:
        rows = {
            "known": present,
            "missing": present.filter(missing_since__isnull=False),
            "unjudged": present.filter(evaluated_at__isnull=True),
        }
        if _is_owned(listing):
            rows["unowned"] = present.filter(owner="")
            rows["unclear"] = present.filter(owner__isnull=True)
    if narrowed is not None:
        rows["total"] = narrowed
    parts: list[Any] = [
        found.order_by().values(what=Value(name)).annotate(n=Count("*")).values_list("what", "n")
        for name, found in rows.items()
    ]
    counts = dict.fromkeys((*rows, "away", "missing", "unjudged", "unowned", "unclear"), 0)
    counts.update(dict(parts[0].union(*parts[1:], all=True)))
    counts["known"] -= counts["away"]
    return {**counts, "total": counts["known" if narrowed is None else "total"]}


def _is_owned(listing: Listing) -> bool:
    return listing.kind in (Kind.VM, Kind.IMAGE)


def _answer(listing: Listing, sources: list[Source]) -> dict[str, Any]:
    """What the first sentence says beside its numbers: how old they are."""
    published = [source.published_at for source in sources]
    return {
        "is_owned": _is_owned(listing),
        "sources": sources,
        "oldest": min((p for p in published if p), default=None),
        "stale": [s for s in sources if s.published_at and _is_stale(s)],
        "never": [source for source in sources if source.published_at is None],
        "incomplete": [s for s in sources if s.published_at and s.complete_at != s.published_at],
    }


def _is_stale(source: Source) -> bool:
    return is_stale(source.published_at, source.interval_minutes, now=timezone.now())


def _way_out(user: User) -> dict[str, str]:
    """What somebody who sees nothing at all can do about it."""
    if user.may(Permission.SOURCE_MANAGE) and user.sees_everything:
        return {"add_label": "Add a source", "add_address": reverse("inventory:add-source")}
    return {"add_label": "", "add_address": ""}


def _of_kind(user: User, listing: Listing) -> QuerySet[Asset]:
    return Asset.objects.visible_to(user).filter(kind=listing.kind)


def _problems(narrowed: AssetFilter) -> list[str]:
    """What in the address was not understood: such a list is empty, and says why."""
    return [
        f"{name.replace('_', ' ').capitalize()}: {error}"
        for name, errors in narrowed.form.errors.items()
        for error in errors
    ]


def _listing(request: SignedInRequest, name: str) -> Listing:
    found = listings.named(name, show=request.GET.get("show", ""))
    if found is None:
        raise Http404
    return found
