"""Questions about the past that only intervals and events answer, as pages."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, requires
from accounts.permissions import Permission
from inventory import facts, history
from inventory.chronicle import lanes, lineage, observed, passing, questions, timeline, windows
from inventory.chronicle.filters import EventFilter
from inventory.chronicle.models import PlatformEvent
from inventory.chronicle.words import CHOICES
from inventory.models import Asset, Source
from inventory.records import Kind
from inventory.views import administrators
from ui import pages

MONTH = timedelta(days=30)
WAYS = {
    "host": "Same host",
    "datastore": "Same datastore",
    "network": "Same network",
    "template": "Same template",
    "administrator": "Same administrator",
}
PLACE_KINDS = (Kind.HOST, Kind.DATASTORE, Kind.NETWORK)


@require_safe
@requires(Permission.ASSET_READ)
def neighbours(request: SignedInRequest, pk: int) -> HttpResponse:
    """Who was with a machine between two moments, how long, and how that is known."""
    vm = _asset(request, pk, Kind.VM)
    now = timezone.now()
    asked = windows.asked(request.GET, now=now, usual=MONTH)
    by = request.GET.get("by", "host")
    if by not in WAYS:
        raise Http404
    context: dict[str, Any] = {
        "asset": vm,
        "asked": asked,
        "sees_everything": request.user.sees_everything,
        "timeline_address": reverse("inventory:asset-timeline", args=[vm.pk]),
        "without_proof": _address(request),
        "by": by,
        "ways": [(value, label, _address(request, by=value)) for value, label in WAYS.items()],
        "blind": observed.blind([vm.source_id], asked.window),
    }
    if by == "administrator":
        start = _number(request.GET.get("start", ""))
        context |= administrators.administering(
            request, vm, asked, start=start, other=_other(request), now=now
        )
        context |= _administrators_links(request, context)
        return render(request, "inventory/chronicle/administrators.html", context)
    if by == "template":
        trace = lineage.Trace(vm, request.user)
        context["lineage"] = told = trace.lineage()
        context["relatives"] = lineage.relatives(vm, told, request.user, trace.items)
    else:
        start = _number(request.GET.get("start", ""))
        found = questions.neighbours(
            vm, request.user, window=asked.window, place=by, now=now, start=start
        )
        end = start + len(found.rows)
        context |= {
            "lanes": lanes.of(vm, request.user, window=asked.window, place=by),
            "unseen": lanes.blind(context["blind"], asked.window),
            "others": _of_another_class(vm, found),
            "rows": [(row, _address(request, **{"with": str(row.vm.pk)})) for row in found.rows],
            "found": found,
            "span": (start + 1, end),
            "next_address": _address(request, start=str(end)) if end < found.total else "",
            "first_address": _address(request, start="0") if start else "",
        }
        if by == "host":
            context["passing"] = passing.near(vm, request.user, window=asked.window)
        context |= _proof(request, vm, asked, by)
    return render(request, "inventory/chronicle/neighbours.html", context)


def _administrators_links(request: SignedInRequest, found: dict[str, Any]) -> dict[str, Any]:
    """Where one administrator's machines are, where the proof of each is, and the next page."""
    more = found.get("more")
    return {
        "all_address": _address(request, who="", start="0"),
        "theirs_address": _address(request, start="0"),
        "next_address": _address(request, start=str(more)) if more else "",
        "first_address": _address(request, start="0") if found.get("span", (1,))[0] > 1 else "",
        "lines": [
            (line, _address(request, who=line.one.uid, start="0"))
            for line in found.get("lines", ())
        ],
        "rows": [
            (row, _address(request, **{"with": str(row.vm.pk)})) for row in found.get("rows", ())
        ],
    }


def _of_another_class(vm: Asset, found: questions.Neighbours) -> int | None:
    """How many of the machines are classified otherwise; None when they are not all on this page,
    or when this one is not classified.
    """
    own = (vm.classification or "").casefold()
    if not own or found.total != len(found.rows):
        return None
    named = {row.vm.pk: (row.vm.classification or "").casefold() for row in found.rows}
    return sum(name not in ("", own) for name in named.values())


def _number(text: str) -> int:
    """A place in a list; the beginning where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _proof(request: SignedInRequest, vm: Asset, asked: windows.Asked, by: str) -> dict[str, Any]:
    """The stays of the two machines that overlap, when the address names another."""
    other = _other(request)
    if other is None:
        return {}
    met = questions.meetings(vm, other, window=asked.window, place=by, now=timezone.now())
    return {"other": other, "meetings": met}


def _other(request: SignedInRequest) -> Asset | None:
    """The machine that the address names, or raise Http404."""
    text = request.GET.get("with", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404
    return _asset(request, int(text), Kind.VM)


def _address(request: SignedInRequest, **changes: str) -> str:
    query = request.GET.copy()
    query.pop("with", None)
    for name, value in changes.items():
        query[name] = value
    return f"?{query.urlencode()}"


@require_safe
@requires(Permission.ASSET_READ)
def ran(request: SignedInRequest, pk: int) -> HttpResponse:
    """What a host ran, or what lay on a datastore or network, on a given day."""
    place = _asset(request, pk, *PLACE_KINDS)
    asked = windows.of_day(request.GET, now=timezone.now())
    stays = questions.ran(place, request.user, window=asked.window)
    page = pages.page(
        stays,
        order=("vm__sort_name", "vm_id", "valid_from", "id"),
        query=request.GET,
        total=None,
        one="stay",
        many="stays",
        size=200,
    )
    context = {
        "asset": place,
        "asked": asked,
        "page": page,
        "machines": stays.order_by().values("vm").distinct().count(),
        "groups": [list(rows) for _, rows in groupby(page.rows, key=lambda stay: stay.vm_id)],
        "day_before": f"{asked.window.since - timedelta(days=1):%Y-%m-%d}",
        "day_after": _day_after(asked),
        "passing": passing.on(place, request.user, window=asked.window),
        "blind": observed.blind([place.source_id], asked.window),
    }
    return render(request, "inventory/chronicle/ran.html", context)


def _day_after(asked: windows.Asked) -> str:
    after = asked.window.since + timedelta(days=1)
    return f"{after:%Y-%m-%d}" if after <= timezone.now() else ""


@require_safe
@requires(Permission.ASSET_READ)
def macs(request: SignedInRequest) -> HttpResponse:
    """Who holds or held a MAC address, at a moment or ever: on which host, on which network."""
    text = request.GET.get("mac", "").strip()[:100]
    mac = questions.as_mac(text)
    moment_text = request.GET.get("at", "").strip()
    at = history.moment(moment_text)
    problems = []
    if text and not mac:
        problems.append("A MAC address has twelve hexadecimal digits, as in 00:50:56:9a:00:01.")
    if moment_text and at is None:
        problems.append("This is not a moment such as 2026-01-31T12:00.")
    found = questions.holders(mac, request.user, at=at) if mac and not problems else []
    sources = {one.holding.source_id for one in found}
    if mac and not problems and not found:  # whoever had it may not have been seen, anywhere
        sources = set(Source.objects.visible_to(request.user).values_list("pk", flat=True))
    now = timezone.now()
    context = {
        "text": text,
        "mac": mac,
        "at": at,
        "at_text": moment_text,
        "problems": problems,
        "holders": found,
        "on_now": [one for one in found if one.holding.valid_to is None],
        "shared": [] if text else questions.shared_addresses(request.user),
        "has_sources": text or Source.objects.visible_to(request.user).exists(),
        "sees_everything": request.user.sees_everything,
        "open_now": sum(one.holding.valid_to is None for one in found),
        "blind": observed.blind(list(sources), windows.Window(at or now - MONTH, at or now)),
    }
    return render(request, "inventory/chronicle/macs.html", context)


@require_safe
@requires(Permission.ASSET_READ)
def asset_timeline(request: SignedInRequest, pk: int) -> HttpResponse:
    """Everything that happened to an asset, latest first."""
    asset = _asset(request, pk)
    before = history.moment(request.GET.get("before"))
    entries, earlier = timeline.page(
        asset, request.user, before=before, name_of=_Names(request, asset)
    )
    context = {"asset": asset, "entries": entries, "earlier": earlier, "before": before}
    return render(request, "inventory/chronicle/timeline.html", context)


class _Names:
    """Names of what an asset's versions point at, asked for once, when the first is needed."""

    def __init__(self, request: SignedInRequest, asset: Asset) -> None:
        self._visible = Asset.objects.visible_to(request.user).filter(source_id=asset.source_id)
        self._found: dict[tuple[Kind, str], str] | None = None

    def __call__(self, kind: Kind, ref: str) -> str | None:
        if self._found is None:
            kinds = set(facts.POINTS_AT.values())
            rows = self._visible.filter(kind__in=kinds).exclude(kind=Kind.VM)
            self._found = {
                (Kind(kind), ref): name
                for kind, ref, name in rows.values_list("kind", "ref", "name")
            }
        return self._found.get((kind, ref))


@require_safe
@requires(Permission.ASSET_READ)
def events(request: SignedInRequest) -> HttpResponse:
    """The platforms' own log, narrowed by the address."""
    visible = PlatformEvent.objects.visible_to(request.user)
    filters = EventFilter(request.GET, visible)
    is_valid = filters.is_valid()
    shown = filters.qs if is_valid else visible.none()
    page = pages.page(
        shown.select_related("source", "vm").defer("vm__record"),
        order=("-happened_at", "-id"),
        query=request.GET,
        total=None,
        one="event",
        many="events",
    )
    now = timezone.now()
    sources = list(Source.objects.visible_to(request.user))
    context = {
        "page": page,
        "sees_everything": request.user.sees_everything,
        "problems": [str(error) for errors in filters.form.errors.values() for error in errors],
        "types": list(CHOICES),
        "sources": sources,
        "is_narrowed": any(request.GET.get(name) for name in filters.filters),
        "blind": observed.blind(
            [source.pk for source in sources], windows.Window(now - MONTH, now), what="events"
        ),
    }
    return render(request, "inventory/chronicle/events.html", context)


def _asset(request: SignedInRequest, pk: int, *kinds: Kind) -> Asset:
    visible = Asset.objects.visible_to(request.user).select_related("source__watch", "team")
    if kinds:
        visible = visible.filter(kind__in=kinds)
    return get_object_or_404(visible.defer("record"), pk=pk)
