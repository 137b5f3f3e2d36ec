"""The rows of a list: each asset with its record and what stands around it, in a few queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import User
from inventory import panels, past
from inventory.history import typed
from inventory.models import Asset
from inventory.records import AnyRecord, Datastore, Kind, Network, Switch

_WORST = ("fail", "error", "unknown")


class Row(msgspec.Struct):
    asset: Asset
    record: AnyRecord
    verdict: str = "not_applicable"
    findings: int = 0
    parent: Asset | None = None  # host of a machine, cluster of a host, switch of a network
    machines: int | None = 0  # None: not counted here
    hosts: int | None = 0
    grants: int | None = 0


def build(
    kind: Kind,
    assets: Sequence[Asset],
    user: User,
    *,
    then: datetime | None = None,
    parent: Asset | None = None,
) -> list[Row]:
    """Rows for a page of assets. Whatever stands around them is only what the person may see.

    `parent` is what all of them belong to, where that is known.
    As of a moment what belongs to them is not counted: the list it leads to counts it.
    """
    rows = [Row(asset, typed(asset.record)) for asset in assets]
    if not rows:
        return rows
    if panels.is_judged(kind):
        _judge(rows)
    if parent is None:
        _attach_parents(kind, rows, user, then)
    for row in rows if parent is not None else ():
        row.parent = parent
    if then is None:
        _count_around(kind, rows, user)
    else:
        for row in rows:
            row.machines = row.hosts = row.grants = None
    return rows


def _count_around(kind: Kind, rows: Sequence[Row], user: User) -> None:
    """What belongs to each, as far as the person may see it."""
    if kind in (Kind.NETWORK, Kind.DATASTORE):
        _count_listed(rows, user)
    elif kind is Kind.HOST:
        _count_on_hosts(rows, user)
    elif kind is Kind.CLUSTER:
        _count_in_clusters(rows, user)
    elif kind is Kind.SWITCH:
        _count_hosts_of_switches(rows, user)
    elif kind is Kind.ROLE:
        _count_grants(rows, user)


def _judge(rows: Iterable[Row]) -> None:
    """The worst answer about each, and its open findings: by related name, kept further up."""
    by_pk = {row.asset.pk: row for row in rows}
    answers = _related("verdicts").filter(outcome__in=_WORST).order_by().values("outcome")
    found = _related("findings").filter(state="open").order_by().values("asset")
    counted = Asset.objects.filter(pk__in=by_pk).annotate(
        said=ArraySubquery(answers.distinct()),
        n=Coalesce(Subquery(found.annotate(n=Count("*")).values("n")), 0),
    )
    for pk, said, n in counted.values_list("pk", "said", "n"):
        row = by_pk[pk]
        worst = next((each for each in _WORST if each in said), "pass")
        row.verdict = worst if row.asset.evaluated_at else "unknown"
        row.findings = n


def _related(name: str) -> QuerySet[Any]:
    """What apps above this one keep about an asset."""
    model: Any = Asset._meta.get_field(name).related_model
    rows: QuerySet[Any] = model._default_manager.filter(asset=OuterRef("pk"))
    return rows


def _attach_parents(kind: Kind, rows: Sequence[Row], user: User, then: datetime | None) -> None:
    field, parent_kind = {
        Kind.VM: ("host_ref", Kind.HOST),
        Kind.HOST: ("cluster_ref", Kind.CLUSTER),
        Kind.NETWORK: ("switch_ref", Kind.SWITCH),
        Kind.GRANT: ("role_id", Kind.ROLE),
    }.get(kind, ("", None))
    if parent_kind is None:
        return
    wanted = {(row.asset.source_id, str(getattr(row.record, field))) for row in rows}
    if then is None or not wanted:
        found = _by_ref(wanted, [parent_kind], user)
    else:
        parents = past.by_ref(wanted, [parent_kind], then, user=user)
        found = {(each.source_id, each.ref): each for each in parents}
    for row in rows:
        row.parent = found.get((row.asset.source_id, str(getattr(row.record, field))))


def _by_ref(
    wanted: set[tuple[int, str]], kinds: list[Kind], user: User
) -> dict[tuple[int, str], Asset]:
    """Assets by source and managed object id, those that exist and the person may see."""
    if not wanted:
        return {}
    candidates = (
        Asset.objects.visible_to(user)
        .present()
        .filter(
            kind__in=kinds,
            source_id__in={source for source, _ in wanted},
            ref__in={ref for _, ref in wanted},
        )
    )
    return {(each.source_id, each.ref): each for each in candidates.select_related("source")}


def _count_listed(rows: Sequence[Row], user: User) -> None:
    """Machines on networks and datastores, of those the person may see."""
    wanted = {
        (row.asset.source_id, ref)
        for row in rows
        if isinstance(row.record, Network | Datastore)
        for ref in row.record.vm_refs or ()
    }
    seen = _refs_seen(wanted, user)
    for row in rows:
        if isinstance(row.record, Network | Datastore):
            row.machines = sum(
                (row.asset.source_id, ref) in seen for ref in set(row.record.vm_refs or ())
            )


def _refs_seen(wanted: set[tuple[int, str]], user: User) -> set[tuple[int, str]]:
    if not wanted:
        return set()
    machines = (
        Asset.objects.visible_to(user)
        .present()
        .filter(
            kind=Kind.VM,
            source_id__in={source for source, _ in wanted},
            ref__in={ref for _, ref in wanted},
        )
    )
    return set(machines.values_list("source_id", "ref"))


def _machines_by_host(refs: set[tuple[int, str]], user: User) -> Counter[tuple[int, str]]:
    machines = (
        Asset.objects.visible_to(user)
        .present()
        .filter(
            kind=Kind.VM,
            source_id__in={source for source, _ in refs},
            host_ref__in={ref for _, ref in refs},
        )
        .order_by()
        .values("source_id", "host_ref")
        .annotate(n=Count("*"))
    )
    return Counter({(each["source_id"], each["host_ref"]): each["n"] for each in machines})


def _count_on_hosts(rows: Sequence[Row], user: User) -> None:
    counts = _machines_by_host({(row.asset.source_id, row.asset.ref) for row in rows}, user)
    for row in rows:
        row.machines = counts[row.asset.source_id, row.asset.ref]


def _count_in_clusters(rows: Sequence[Row], user: User) -> None:
    hosts = (
        Asset.objects.visible_to(user)
        .present()
        .filter(kind=Kind.HOST, source_id__in={row.asset.source_id for row in rows})
        .values_list("source_id", "ref", "record__cluster_ref")
    )
    members: dict[tuple[int, str], set[tuple[int, str]]] = {}
    for source, ref, cluster in hosts:
        members.setdefault((source, cluster), set()).add((source, ref))
    counts = _machines_by_host({each for group in members.values() for each in group}, user)
    for row in rows:
        mine = members.get((row.asset.source_id, row.asset.ref), set())
        row.hosts = len(mine)
        row.machines = sum(counts[each] for each in mine)


def _count_hosts_of_switches(rows: Sequence[Row], user: User) -> None:
    wanted = {
        (row.asset.source_id, ref)
        for row in rows
        if isinstance(row.record, Switch)
        for ref in row.record.host_refs or ()
    }
    seen = _by_ref(wanted, [Kind.HOST], user)
    for row in rows:
        if isinstance(row.record, Switch):
            row.hosts = sum(
                (row.asset.source_id, ref) in seen for ref in row.record.host_refs or ()
            )


def _count_grants(rows: Sequence[Row], user: User) -> None:
    grants = (
        Asset.objects.visible_to(user)
        .present()
        .filter(kind=Kind.GRANT, source_id__in={row.asset.source_id for row in rows})
        .order_by()
        .values("source_id", "record__role_id")
        .annotate(n=Count("*"))
    )
    counts: dict[Any, int] = {
        (each["source_id"], str(each["record__role_id"])): each["n"] for each in grants
    }
    for row in rows:
        row.grants = counts.get((row.asset.source_id, row.asset.uid), 0)
