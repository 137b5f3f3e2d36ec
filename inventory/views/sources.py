"""Sources: how fresh and how whole their facts are, and the form that adds or changes one."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.contrib import messages
from django.db.models import Count, Min, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import SignedInRequest, requires
from accounts.models import User
from accounts.permissions import Permission
from inventory import ledger, listings, panels, sources
from inventory.chronicle import observed
from inventory.connecting import connect
from inventory.connectors.base import CollectionFailed, Identity
from inventory.connectors.vsphere import tls
from inventory.errors import NotPossible
from inventory.forms import SourceForm
from inventory.models import Asset, KindChoices, Quarantine, Source, SyncRun
from inventory.records import Kind
from inventory.views import uploads
from ui.clock import is_stale

TICKS = 24
CERTIFICATE_TIMEOUT = 10.0


class Card(msgspec.Struct):
    """A source as its card shows it."""

    source: Source
    runs: list[SyncRun]  # oldest first
    live: SyncRun | None
    assets: int
    quarantined: int
    spots: list[tuple[Any, list[panels.Blinded]]]

    @property
    def last(self) -> SyncRun | None:
        over = [run for run in self.runs if run.is_over]
        return over[-1] if over else None

    @property
    def held(self) -> SyncRun | None:
        return next((run for run in reversed(self.runs) if run.state == SyncRun.State.HELD), None)

    @property
    def blinding(self) -> list[tuple[Any, list[panels.Blinded]]]:
        """What may not be read and some check needs."""
        return [(spot, blinded) for spot, blinded in self.spots if blinded]

    @property
    def harmless(self) -> list[Any]:
        """What may not be read and no check needs."""
        return [spot for spot, blinded in self.spots if not blinded]


@requires(Permission.SOURCE_READ)
def source_list(request: SignedInRequest) -> HttpResponse:
    cards = _cards(Source.objects.visible_to(request.user), request.user)
    context = {
        "cards": cards,
        "stale": [c for c in cards if c.source.is_enabled and _is_stale(c.source)],
        "held": [card for card in cards if card.held],
        "quarantined": sum(card.quarantined for card in cards),
        **_abilities(request.user),
    }
    return render(request, "inventory/source_list.html", context)


@requires(Permission.SOURCE_READ)
def source(request: SignedInRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(_visible(request.user), pk=pk)
    [card] = _cards(_visible(request.user).filter(pk=found.pk), request.user)
    runs = found.runs.collections().order_by("-id")
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        runs = runs.filter(pk__lt=int(before))
    shown = list(runs[:51])
    context = {
        "card": card,
        "source": found,
        "runs": shown[:50],
        "older": shown[49].pk if len(shown) > 50 else None,
        "is_stale": _is_stale(found),
        "counts": _counts(found, request.user),
        "quarantine": list(found.quarantine.order_by("kind", "name")[:200])
        if request.user.sees_everything
        else [],
        "fingerprint": _fingerprint(found),
        "watched": observed.watched(found) if request.user.sees_everything else None,
        "key": uploads.key_of(found),
        **_abilities(request.user),
    }
    return render(request, "inventory/source.html", context)


@requires(Permission.SOURCE_MANAGE)
def add(request: SignedInRequest) -> HttpResponse:
    _whole_estate(request.user)
    form = SourceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = sources.add(
                by=request.user,
                password=form.cleaned_data["password"],
                now=timezone.now(),
                **form.fields_of_source,
            )
        except NotPossible as problem:
            form.add_error(None, str(problem))
        else:
            return _first_run(request, made)
    return render(request, "inventory/source_form.html", {"form": form})


def _first_run(request: SignedInRequest, made: Source) -> HttpResponse:
    """Somebody who may collect wants to see the first collection; others see the source."""
    if not request.user.may(Permission.RUN_START):
        messages.success(request, f"{made.name} was added.")
        return redirect("inventory:source", pk=made.pk)
    run = ledger.request_run(source=made, by=request.user, now=timezone.now())
    messages.success(request, f"{made.name} was added. Its first collection has been queued.")
    return redirect("inventory:run", pk=run.pk)


@requires(Permission.SOURCE_MANAGE)
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    _whole_estate(request.user)
    found = get_object_or_404(_visible(request.user), pk=pk)
    if found.takes_files:
        return uploads.edit(request, found)
    if found.connector != Source.Connector.VSPHERE:
        raise Http404
    form = SourceForm(request.POST or None, source=found)
    if request.method == "POST" and form.is_valid():
        try:
            changed = sources.change(
                source_id=found.pk,
                by=request.user,
                now=timezone.now(),
                password=form.cleaned_data["password"],
                **form.fields_of_source,
            )
        except NotPossible as problem:
            form.add_error("password" if "password" in str(problem) else None, str(problem))
        else:
            messages.success(request, f"{changed.name} was changed.")
            return redirect("inventory:source", pk=changed.pk)
    context = {"form": form, "source": found, "fingerprint": _fingerprint(found)}
    return render(request, "inventory/source_form.html", context)


@requires(Permission.SOURCE_MANAGE)
@require_POST
def try_connection(request: SignedInRequest, pk: int | None = None) -> HttpResponse:
    """Log in with what was typed, or with what is stored, and say what came of it."""
    _whole_estate(request.user)
    found = get_object_or_404(_visible(request.user), pk=pk) if pk is not None else None
    context: dict[str, Any] = {"source": found}
    try:
        identity = _probe(found, request)
    except CollectionFailed as failure:
        context["failure"] = failure
    except NotPossible as problem:
        context["problem"] = str(problem)
    else:
        context["identity"] = identity
    page = "inventory/_test_result.html" if request.htmx else "inventory/test_result.html"
    return render(request, page, context)


def _probe(found: Source | None, request: SignedInRequest) -> Identity:
    """Ask the platform who it is; or raise CollectionFailed or NotPossible."""
    typed = request.POST
    if found is not None and not typed.get("password"):
        if "url" in typed and not _same_destination(found, typed):
            raise NotPossible(
                "The address or the trust differs from what is stored, so the test needs the "
                "password."
            )
        return connect(found).probe()
    if not typed.get("password"):
        raise NotPossible("Type the password first: the test logs in with it.")
    try:
        return sources.test_connection(
            url=typed.get("url", ""),
            username=typed.get("username", ""),
            password=typed.get("password", ""),
            trust=typed.get("trust", Source.Trust.SYSTEM),
            trust_pem=typed.get("trust_pem", ""),
        )
    except ValueError as problem:
        raise NotPossible(str(problem)) from None


def _same_destination(found: Source, typed: Any) -> bool:
    pem = typed.get("trust_pem", "").strip() if typed.get("trust") != Source.Trust.SYSTEM else ""
    return (
        sources.checked_url(typed.get("url", "")) == found.url
        and typed.get("trust") == found.trust
        and pem.split() == found.trust_pem.split()
        and typed.get("username") == found.username
    )


@requires(Permission.SOURCE_MANAGE)
@require_POST
def certificate(request: SignedInRequest) -> HttpResponse:
    """Fetch the certificate an address shows, for a person to compare and pin."""
    _whole_estate(request.user)
    context: dict[str, Any] = {}
    try:
        parts = urlsplit(sources.checked_url(request.POST.get("url", "")))
    except NotPossible as problem:
        context["problem"] = str(problem)
    else:
        host, port = parts.hostname or "", parts.port or 443
        shown = tls.presented_certificate(host, port, timeout=CERTIFICATE_TIMEOUT)
        context.update(host=host, port=port)
        if shown:
            context["fingerprint"] = tls.fingerprint(shown)
            context["pem"] = ssl.DER_cert_to_PEM_cert(shown)
    page = "inventory/_certificate.html" if request.htmx else "inventory/certificate.html"
    return render(request, page, context)


@requires(Permission.SOURCE_MANAGE)
@require_POST
def switch(request: SignedInRequest, pk: int) -> HttpResponse:
    """Switch a source on or off."""
    _whole_estate(request.user)
    found = get_object_or_404(_visible(request.user), pk=pk)
    act = sources.disable if found.is_enabled else sources.enable
    changed = act(source_id=found.pk, by=request.user, now=timezone.now())
    word = "on" if changed.is_enabled else "off"
    messages.success(request, f"{changed.name} was switched {word}.")
    return redirect("inventory:source", pk=found.pk)


# --- reads ------------------------------------------------------------------------------------


def _visible(user: User) -> QuerySet[Source]:
    return Source.objects.visible_to(user)


def _whole_estate(user: User) -> None:
    """A source belongs to the whole estate: whoever sees a part of it does not change it."""
    if not user.sees_everything:
        raise Http404


def _abilities(user: User) -> dict[str, bool]:
    whole = user.sees_everything
    return {
        "may_manage": whole and user.may(Permission.SOURCE_MANAGE),
        "may_start": user.may(Permission.RUN_START),
        "sees_everything": whole,
    }


def _cards(sources: QuerySet[Source], user: User) -> list[Card]:
    """What a person who sees only a part is told is how old the facts are, not what they are."""
    newest = SyncRun.objects.collections().order_by("-id")[:TICKS]
    found: Any = sources.select_related("watch").prefetch_related(
        Prefetch("runs", queryset=newest, to_attr="newest")
    )
    whole = user.sees_everything
    if whole:
        found = found.prefetch_related("blind_spots").annotate(
            held_back=_count_of(Quarantine.objects.all())
        )
    assets = _count_of(Asset.objects.visible_to(user).present())
    return [_card(source, whole=whole) for source in found.annotate(assets_seen=assets)]


def _count_of(rows: QuerySet[Any]) -> Coalesce:
    """How many of these belong to the source."""
    own = rows.filter(source=OuterRef("pk")).order_by().values("source")
    return Coalesce(Subquery(own.annotate(n=Count("*")).values("n")), 0)


def _card(found: Any, *, whole: bool) -> Card:
    runs = found.newest[::-1]
    live = [run for run in runs if run.state in (SyncRun.State.QUEUED, SyncRun.State.RUNNING)]
    return Card(
        source=found,
        runs=runs,
        live=live[-1] if live else None,
        assets=found.assets_seen,
        quarantined=found.held_back if whole else 0,
        spots=[(spot, panels.blinded(spot)) for spot in found.blind_spots.all()] if whole else [],
    )


def _is_stale(found: Source) -> bool:
    return is_stale(found.published_at, found.interval_minutes, now=timezone.now())


def _counts(found: Source, user: User) -> list[tuple[str, str, int]]:
    """How many assets of each kind, with what leads to them."""
    kinds = Asset.objects.visible_to(user).present().filter(source=found)
    rows = kinds.order_by().values("kind").annotate(n=Count("*"), one=Min("pk"))
    counted = {row["kind"]: row for row in rows}
    return [
        (*_way_to(Kind(kind), found, counted[kind]["one"]), counted[kind]["n"])
        for kind in KindChoices.values
        if kind in counted
    ]


def _way_to(kind: Kind, found: Source, one: int) -> tuple[str, str]:
    """What the assets of a kind are called and the list of them; a platform is on no list."""
    name, listing = listings.place_of(kind)
    if listing is None:
        return KindChoices(kind).label, reverse("inventory:asset", args=[one])
    show = f"&show={listing.show}" if listing.show else ""
    address = reverse("inventory:assets", args=[name])
    return listing.many.capitalize(), f"{address}?source={found.pk}{show}"


def _fingerprint(found: Source) -> str:
    """The SHA-256 of a pinned certificate."""
    if found.trust != Source.Trust.PIN:
        return ""
    try:
        return tls.fingerprint(tls.single_certificate(found.trust_pem))
    except ValueError:
        return ""
