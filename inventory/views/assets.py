"""One asset: what it is, what stands around it, what is said about it, what it has been."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone

from accounts.access import SignedInRequest, requires
from accounts.models import User
from accounts.permissions import Permission
from inventory import facts, history, listings, panels, past
from inventory.chronicle import lineage
from inventory.models import Asset, AssetVersion
from inventory.records import AnyRecord, Image, Kind, kind_of
from inventory.views import access, around
from inventory.views.sections import SECTIONS, sections_of

MOST_FINDINGS = 50


@requires(Permission.ASSET_READ)
def asset(request: SignedInRequest, pk: int) -> HttpResponse:
    """The page of an asset now, or its record as it was at the moment in `as_of`."""
    visible = Asset.objects.visible_to(request.user).select_related("source__watch", "team")
    found = get_object_or_404(visible, pk=pk)
    now = timezone.now()
    moment = history.moment(request.GET.get("as_of", ""))
    if moment is not None and moment < now:
        return _as_of(request, found, moment)
    older_than = history.moment(request.GET.get("before"))
    steps, more = history.steps(found, before=older_than)
    record = history.typed(found.record)
    trace = lineage.Trace(found, request.user) if found.kind == Kind.VM else None
    also = trace.refs if trace else ()
    names = _names(found, [record, *_records(steps)], request.user, also=also)
    context = {
        **_head(found, record, names),
        "history": history.timeline(found, steps, name_of=names, newest=older_than is None),
        "older": more,
        "older_than": older_than,
        "as_of": None,
        "panels": panels.panels_of(found, request.user, now),
        "lineage": trace.lineage(names.assets.values()) if trace else None,
        **_open_findings(found, request.user),
        "kind_template": f"inventory/kinds/_{found.kind}.html",
        "sentence_template": f"inventory/sentences/_{_sentence_of(found)}.html",
        **_around(around.Subject(found, record, names, request.user, _newest(steps, older_than))),
    }
    return render(request, "inventory/asset.html", context)


def _as_of(request: SignedInRequest, found: Asset, moment: datetime) -> HttpResponse:
    """The record as it was, with names of then. Verdicts and findings belong to now: left out."""
    version = history.version_at(found, moment)
    record = history.typed(version.record) if version else None
    names = _names_then(found, record, request.user, moment)
    context = {
        **(_head(found, record, names) if record else {"asset": found, **_place(found)}),
        "as_of": moment,
        "version": version,
        "everything": _everything(record, names) if record else [],
        "lists": _lists_then(found, record, names, moment) if record else [],
        "earliest": found.versions.order_by("valid_from").first(),
    }
    return render(request, "inventory/asset_as_of.html", context)


def _head(found: Asset, record: AnyRecord, names: history.Names) -> dict[str, Any]:
    return {
        "asset": found,
        "record": record,
        "sections": sections_of(record, names),
        "names": names,
        **_place(found),
    }


def _place(found: Asset) -> dict[str, Any]:
    """Where the asset is listed; a platform is no list's, it is a source."""
    if found.kind == Kind.PLATFORM:
        return {"list_title": "Sources", "list_address": reverse("inventory:sources")}
    name = listings.address_of(Kind(found.kind))
    listing = listings.of_kind(Kind(found.kind))
    return {
        "list_title": listing.title,
        "list_address": reverse("inventory:assets", args=[name]) + listing.shown_by,
    }


def _records(steps: Iterable[history.Step]) -> list[AnyRecord]:
    found = [step.record for step in steps]
    return found + [step.older_record for step in steps if step.older_record is not None]


def _names(
    found: Asset, records: list[AnyRecord], user: User, *, also: Collection[str]
) -> history.Names:
    """Names for everything the records point at, as far as the person may see it, and for other
    machines and images.
    """
    wanted = {pair for record in records for pair in facts.refs_of(record)}
    wanted |= {(kind, ref) for kind in (Kind.VM, Kind.IMAGE) for ref in also}
    rows = (
        Asset.objects.visible_to(user)
        .filter(
            source_id=found.source_id,
            kind__in={kind for kind, _ in wanted},
            ref__in={ref for _, ref in wanted},
        )
        .select_related("source")
    )
    # An id may have been used again: what exists now comes last and wins.
    return history.Names(sorted(rows, key=lambda row: (row.gone_at is None, row.pk)))


def _names_then(
    found: Asset, record: AnyRecord | None, user: User, moment: datetime
) -> history.Names:
    """What the record points at as it was called then, as far as the person may see it."""
    wanted = facts.refs_of(record) if record is not None else set()
    refs = {(found.source_id, ref) for _, ref in wanted}
    return history.Names(past.by_ref(refs, {kind for kind, _ in wanted}, moment, user=user))


# Which lists say what belonged to an asset: (what, the list, by which filter).
_LISTS: dict[Kind, tuple[tuple[str, str, str], ...]] = {
    Kind.HOST: (("machines on it", "vms", "host"),),
    Kind.CLUSTER: (("hosts in it", "hosts", "cluster"), ("machines in it", "vms", "cluster")),
    Kind.NETWORK: (("machines on it", "vms", "network"),),
    Kind.DATASTORE: (("machines on it", "vms", "datastore"),),
    Kind.ROLE: (("grants of it", "access", "role"),),
}


def _lists_then(
    found: Asset, record: AnyRecord, names: history.Names, moment: datetime
) -> list[tuple[str, str]]:
    """What stood around the asset at a moment, as lists of that moment."""
    host = names.get(Kind.HOST, getattr(record, "host_ref", None))
    wanted = [(*each, found.pk) for each in _LISTS.get(Kind(found.kind), ())]
    if host is not None:
        wanted.append(("machines on the same host", "vms", "host", host.pk))
    return [
        (label, f"{reverse('inventory:assets', args=[name])}?{key}={pk}&{_as_of_query(moment)}")
        for label, name, key, pk in wanted
    ]


def _as_of_query(moment: datetime) -> str:
    return urlencode({"as_of": f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"})


def _open_findings(found: Asset, user: User) -> dict[str, Any]:
    """Open findings about the asset, worst first. By related name: they are kept further up."""
    if not user.may(Permission.FINDING_READ):
        return {"findings": [], "finding_count": 0}
    rows: Any = found.findings.filter(state="open")
    first = list(rows.order_by("severity_rank", "-opened_at", "pk")[: MOST_FINDINGS + 1])
    count = len(first) if len(first) <= MOST_FINDINGS else rows.count()
    return {"findings": first[:MOST_FINDINGS], "finding_count": count}


def _sentence_of(found: Asset) -> str:
    return found.kind if found.kind in (Kind.VM, Kind.HOST) else "other"


def _everything(record: AnyRecord, names: history.Names) -> list[facts.Fact]:
    """Every fact of a record that has no place of its own under a heading."""
    told = {"platform", "uid", "ref", "name", "owner", "team", "classification", "criticality"}
    told.update(field for _, fields in SECTIONS[kind_of(record)] for field in fields)
    return [
        facts.fact(record, field, names) for field in record.__struct_fields__ if field not in told
    ]


def _is_item(record: AnyRecord) -> bool:
    """Whether it lies in a content library: grants on libraries are not collected."""
    return isinstance(record, Image) and record.library_ref is not None


_BUILDERS: dict[Kind, Callable[[around.Subject], dict[str, Any]]] = {
    Kind.VM: lambda subject: {**around.machine(subject), **access.on_machine(subject)},
    Kind.IMAGE: lambda subject: {
        **around.cards(subject),
        **around.image(subject),
        **({} if _is_item(subject.record) else access.on_machine(subject)),
    },
    Kind.HOST: around.host,
    Kind.CLUSTER: around.cluster,
    Kind.NETWORK: around.carrier,
    Kind.SWITCH: around.switch,
    Kind.DATASTORE: around.carrier,
    Kind.ROLE: around.role,
    Kind.GRANT: access.of_grant,
    Kind.PRINCIPAL: access.of_principal,
}


def _around(subject: around.Subject) -> dict[str, Any]:
    build = _BUILDERS.get(Kind(subject.asset.kind))
    return build(subject) if build else {}


def _newest(steps: Sequence[history.Step], older_than: datetime | None) -> list[AssetVersion]:
    """The versions of the first page of the history, with the one that the last step came from."""
    if older_than is not None or not steps:
        return []
    last = steps[-1].older
    return [*(step.version for step in steps), *([last] if last else [])]
