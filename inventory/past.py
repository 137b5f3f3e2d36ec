"""The estate as it was at a moment: its assets, each with its record of then.

Which team an asset belongs to, and so who may see it, is what it is now; so are its verdicts.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT

from accounts.models import User
from inventory import search
from inventory.filters import AssetFilter, in_range
from inventory.models import Asset, AssetVersion
from inventory.records import Kind

FEW = 5_000
_FACTS = ("classification", "criticality", "owner", "power_state", "host_ref")


class PastFilter(AssetFilter):
    """Narrows the versions of one moment by what was true then."""

    way = "asset__"
    leaves_out_gone = False

    class Meta:
        model = AssetVersion
        fields = ()

    def __init__(self, *args: Any, moment: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.moment = moment

    def search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if not value.strip():
            return queryset
        narrowed, self.are_many = search.narrow_past(queryset, value)
        return narrowed

    def seen(self, kind: Kind, value: Any) -> Asset | None:
        found = at(self.moment, user=self.user).filter(kind=kind, asset=in_range(value)).first()
        return as_then(found, self.moment) if found else None

    def by_presence(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Whether the last complete collection by then had found it; what was gone is not here."""
        is_missing = Q(missing_since__lte=self.moment)
        if value == "missing":
            return queryset.filter(is_missing)
        if value == "present":
            return queryset.filter(Q(missing_since__isnull=True) | ~is_missing)
        return queryset.none() if value == "gone" else queryset

    def hosts_in(self, cluster: Asset) -> list[str]:
        hosts = at(self.moment, user=self.user).filter(
            kind=Kind.HOST, asset__source=cluster.source_id, record__cluster_ref=cluster.ref
        )
        return list(hosts.values_list(KT("record__ref"), flat=True))


def at(moment: datetime, *, user: User) -> QuerySet[AssetVersion]:
    """The versions of a moment that the person may see, with their assets of now."""
    return AssetVersion.objects.visible_to(user).at(moment).select_related("asset")


def of_few(
    versions: QuerySet[AssetVersion], moment: datetime, *, user: User, kind: Kind
) -> QuerySet[AssetVersion]:
    """The same versions, found by their assets: quicker where few were known."""
    assets, _ = known(moment, user=user, kind=kind)
    return versions.filter(asset__in=list(assets.values_list("pk", flat=True)))


def as_then(version: AssetVersion, moment: datetime) -> Asset:
    """The asset with everything its record says as it was; not to be saved."""
    asset = version.asset
    asset.record, asset.digest = version.record, version.digest
    asset.name, asset.ref = version.record["name"], version.record["ref"]
    asset.changed_at = version.valid_from
    missing = version.missing_since
    asset.missing_since = missing if missing is not None and missing <= moment else None
    asset.gone_at = None
    for field in _FACTS:
        setattr(asset, field, getattr(version, field))
    return asset


def by_ref(
    wanted: Collection[tuple[int, str]], kinds: Collection[Kind], moment: datetime, *, user: User
) -> list[Asset]:
    """What records of a moment point at by source and reference, as it was then. One question, and
    one more where something is not found.

    Most things have their reference for ever and are found by it from an index. One that was taken
    out of a platform and brought back has another since, and has changed since.
    """
    versions = at(moment, user=user).filter(kind__in=kinds).order_by("asset")
    found = [as_then(one, moment) for one in versions.filter(_in("asset__ref", wanted))]
    left = set(wanted) - {(one.source_id, one.ref) for one in found}
    if left:
        moved = versions.filter(_in("record__ref", left), asset__changed_at__gt=moment)
        found += [as_then(one, moment) for one in moved]
    return found


def _in(field: str, wanted: Collection[tuple[int, str]]) -> Q:
    sources, refs = {source for source, _ in wanted}, {ref for _, ref in wanted}
    return Q(**{"asset__source__in": sources, f"{field}__in": refs})


def known(moment: datetime, *, user: User, kind: Kind) -> tuple[QuerySet[Any], QuerySet[Any]]:
    """Assets first seen by a moment and not gone by then; and those of them that were away then.

    Counted from indexes, while to count versions is to look at every one there has been.
    """
    assets = Asset.objects.visible_to(user).filter(kind=kind, first_seen_at__lte=moment)
    away = AssetVersion.objects.visible_to(user).filter(
        kind=kind, away_since__lte=moment, valid_from__gt=moment
    )
    return assets.filter(Q(gone_at__isnull=True) | Q(gone_at__gt=moment)), away
