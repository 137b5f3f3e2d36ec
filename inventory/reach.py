"""The roles, grants and principals of a source as they are, or were, to ask who may do what.

They belong to the whole platform and to no team: whoever sees a part of the estate is told nothing
of them, not even about a machine of their own. A way to a machine names folders, groups and people
that are other teams'.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

import msgspec
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from accounts.models import User
from inventory.access.effective import Access
from inventory.access.objects import CONCERNING, Answer, who_may
from inventory.access.principals import PrincipalKey, uid_of
from inventory.models import Asset, AssetVersion
from inventory.records import (
    AnyRecord,
    Datastore,
    Grant,
    Host,
    Image,
    Kind,
    VirtualMachine,
    decode,
)

_TELL = (Kind.ROLE, Kind.GRANT, Kind.PRINCIPAL)


class Addresses(Protocol):
    """Where the pages of grants and principals are."""

    def grant(self, grant: Grant) -> int | None: ...

    def principal(self, who: PrincipalKey) -> int | None: ...


class Reach(msgspec.Struct, frozen=True):
    """What can be asked, with the assets that the answers are about."""

    access: Access
    assets: dict[tuple[str, str], int]  # kind and uid → its key

    def grant(self, grant: Grant) -> int | None:
        return self.assets.get((Kind.GRANT.value, grant.uid))

    def principal(self, who: PrincipalKey) -> int | None:
        return self.assets.get((Kind.PRINCIPAL.value, uid_of(who)))


def reach_of(source_id: int, *, by: User, at: datetime | None = None) -> Reach | None:
    """Now, or as of a moment; None for who does not see the whole estate. One query.

    A platform tells all of these at once: what a complete collection did not find was taken away.
    """
    if not by.sees_everything:
        return None
    rows = _records(source_id, _TELL, at, is_missing=False)
    return Reach(
        Access(record for _, _, record in rows),
        {(kind, record.uid): pk for pk, kind, record in rows},
    )


def _records(
    source_id: int,
    kinds: Iterable[Kind],
    at: datetime | None,
    *,
    is_missing: bool = True,
    **where: Any,
) -> list[tuple[int, str, AnyRecord]]:
    """Those there were; with `is_missing` also what the last complete collection did not find."""
    found: Any
    if at is None:
        assets = Asset.objects.present().filter(source_id=source_id, kind__in=kinds, **where)
        if not is_missing:
            assets = assets.filter(missing_since=None)
        found = assets.values_list("pk", "kind", Cast("record", TextField()))
    else:
        versions = AssetVersion.objects.filter(
            Q(valid_to__isnull=True) | Q(valid_to__gt=at),
            valid_from__lte=at,
            asset__source_id=source_id,
            asset__kind__in=kinds,
            **{f"record__{field}": value for field, value in where.items()},
        )
        if not is_missing:
            versions = versions.filter(Q(missing_since__isnull=True) | Q(missing_since__gt=at))
        found = versions.values_list("asset_id", "kind", Cast("record", TextField()))
    return [(pk, kind, decode(text)) for pk, kind, text in found.order_by("pk")]


def answer_for(
    record: AnyRecord,
    reach: Reach,
    source_id: int,
    *,
    at: datetime | None = None,
    around: Iterable[AnyRecord] | None = None,
) -> Answer:
    """Who may do what with an object of a kind in `CONCERNING`.

    One query for a machine or an image, unless its host and datastores are among what is `around`.
    """
    if not isinstance(record, VirtualMachine | Image):
        return who_may(record, reach.access)
    refs = set(record.datastore_refs or ())
    if around is None:
        wanted = {*refs, *([record.host_ref] if record.host_ref else ())}
        kinds = (Kind.HOST, Kind.DATASTORE)
        around = [each for _, _, each in _records(source_id, kinds, at, ref__in=wanted)]
    stores, cluster = [], None
    for each in around:
        if isinstance(each, Datastore) and each.ref in refs:
            stores.append(each)
        elif isinstance(each, Host) and each.ref == record.host_ref:
            cluster = each.cluster_ref
    answer = who_may(record, reach.access, cluster=cluster, datastores=stores)
    if record.datastore_refs is None or len(stores) < len(refs):
        return msgspec.structs.replace(answer, place_known=False)
    return answer


def is_reached(kind: Kind) -> bool:
    """Whether there is something to be said about who may do what with such an object."""
    return kind in CONCERNING
