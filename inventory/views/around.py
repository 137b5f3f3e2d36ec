"""What stands around an asset now: neighbours, members, the drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, QuerySet, Window
from django.db.models.functions import Lower

from accounts.models import User
from inventory import drawing, history
from inventory.chronicle import lanes, lineage
from inventory.chronicle.items import Items
from inventory.facts import refs_of
from inventory.history import Names, typed
from inventory.models import Asset, AssetVersion
from inventory.records import (
    AnyRecord,
    Cluster,
    Datastore,
    Host,
    Kind,
    Machine,
    Network,
    PlacementGroup,
    PlacementRule,
    Role,
    Switch,
    VirtualMachine,
)
from inventory.views import rows

MOST = 100
MOST_NEIGHBOURS = 12


class Subject(msgspec.Struct, frozen=True):
    """The asset a page is about, and who looks."""

    asset: Asset
    record: AnyRecord
    names: Names
    user: User
    newest: Sequence[AssetVersion] = ()  # its last versions, newest first, as far as they are read

    def visible(self, kind: Kind) -> QuerySet[Asset]:
        """Assets of a kind in the same source that exist and the person may see."""
        return (
            Asset.objects.visible_to(self.user)
            .present()
            .filter(source_id=self.asset.source_id, kind=kind)
            .select_related("source", "team")
            .order_by("sort_name", "pk")
        )


def machine(subject: Subject) -> dict[str, Any]:
    vm = subject.record
    if not isinstance(vm, VirtualMachine):
        return {}
    host_asset = subject.names.get(Kind.HOST, vm.host_ref)
    neighbours: list[Asset] = []
    total = 0
    classes: list[str] = []
    if vm.host_ref and not subject.asset.gone_at:
        others = subject.visible(Kind.VM).filter(host_ref=vm.host_ref).exclude(pk=subject.asset.pk)
        neighbours, total, classes = _neighbours(vm, others)
    arrival = lanes.arrival(subject.asset, subject.user) if vm.host_ref else None
    since = arrival.stay.valid_from if arrival else None
    if vm.host_ref and (arrival is None or arrival.stay.place_ref != vm.host_ref):
        arrival, since = None, history.since(subject.asset, "host_ref", newest=subject.newest)
    return {
        "host": host_asset,
        "host_since": since,
        "arrival": arrival,
        "neighbours": neighbours,
        "neighbour_count": total,
        "other_classes": classes,
        **cards(subject),
    }


def cards(subject: Subject) -> dict[str, Any]:
    """The network cards of a machine or a template, and the networks they are on."""
    record = subject.record
    found = record.nics if isinstance(record, Machine) else None
    nics = [(nic, subject.names.get(Kind.NETWORK, nic.network_ref)) for nic in found or ()]
    return {"nics": nics}


def _neighbours(vm: VirtualMachine, others: QuerySet[Asset]) -> tuple[list[Asset], int, list[str]]:
    """The first machines on the same host, how many there are, and their classifications other
    than the machine's own. One query.
    """
    named = others.order_by().annotate(word=Lower("classification")).values("word").distinct()
    counted: Any = others.annotate(of=Window(Count("*")), named=ArraySubquery(named))
    first = list(counted[:MOST_NEIGHBOURS])
    if not first:
        return [], 0, []
    own = (vm.classification or "").casefold()
    classes = {each.casefold() for each in first[0].named if each} - {own}
    return first, first[0].of, sorted(classes) if own else []


def host(subject: Subject) -> dict[str, Any]:
    record = subject.record
    if not isinstance(record, Host):
        return {}
    placed = [] if subject.asset.gone_at else _machines(subject, host_ref=subject.asset.ref)
    machines = [(row.asset, row.record) for row in placed]
    used = {ref for row in placed for kind, ref in refs_of(row.record) if kind is Kind.NETWORK}
    used |= {nic.dv_port_group_ref or "" for nic in record.vmkernel_nics or ()}
    estate = drawing.Estate(
        machines=[(a, vm) for a, vm in machines if isinstance(vm, VirtualMachine)],
        networks={
            a.ref: (a, network)
            for a, network in _typed(subject.visible(Kind.NETWORK).filter(ref__in=used))
            if isinstance(network, Network)
        },
        switches={
            a.ref: switch
            for a, switch in _typed(subject.visible(Kind.SWITCH))
            if isinstance(switch, Switch)
        },
    )
    drawn = drawing.draw(record, estate)
    return {
        "cluster": subject.names.get(Kind.CLUSTER, record.cluster_ref),
        "machines": placed,
        "machine_count": len(placed),
        "drawing": drawn,
        "wiring": drawing.table(record, drawn) if drawn else [],
        "options": _options_of_interest(record),
    }


def _machines(subject: Subject, **where: Any) -> list[rows.Row]:
    found = list(subject.visible(Kind.VM).filter(**where))
    return rows.build(Kind.VM, found, subject.user, parent=subject.asset)


def _first(found: QuerySet[Asset]) -> tuple[list[Asset], int]:
    """The first of them, and how many there are. One query."""
    counted: Any = found.annotate(of=Window(Count("*")))
    first = list(counted[:MOST])
    return first, first[0].of if first else 0


def _there(subject: Subject) -> Asset | None:
    """The asset itself, unless it is gone: then nothing belongs to it."""
    return None if subject.asset.gone_at else subject.asset


def _typed(assets: QuerySet[Asset]) -> list[tuple[Asset, AnyRecord]]:
    return [(asset, typed(asset.record)) for asset in assets]


_INTERESTING = (
    "Syslog.",
    "Security.",
    "UserVars.",
    "Net.BMC",
    "DCUI.",
    "Config.HostAgent.",
    "Mem.",
)


def _options_of_interest(record: Host) -> list[tuple[str, str, bool]] | None:
    """The options a reviewer looks for first, then all others."""
    if record.options is None:
        return None
    pairs = [(k, v, k.startswith(_INTERESTING)) for k, v in record.options.items()]
    return sorted(pairs, key=lambda each: (not each[2], each[0].lower()))


def switch(subject: Subject) -> dict[str, Any]:
    """How many hosts use a switch, of those that the person may see."""
    record = subject.record
    if not isinstance(record, Switch):
        return {}
    found = [subject.names.get(Kind.HOST, ref) for ref in record.host_refs or ()]
    return {"hosts_seen": sum(host is not None and host.gone_at is None for host in found)}


def cluster(subject: Subject) -> dict[str, Any]:
    record = subject.record
    if not isinstance(record, Cluster):
        return {}
    hosts = list(subject.visible(Kind.HOST).filter(record__cluster_ref=subject.asset.ref))
    return {
        "hosts": rows.build(Kind.HOST, hosts, subject.user, parent=_there(subject)),
        "rules": _with_members(subject, record.rules),
        "groups": _with_members(subject, record.groups),
        "overrides": None
        if record.overrides is None
        else [(each, subject.names.get(Kind.VM, each.vm_ref)) for each in record.overrides],
    }


def _with_members(
    subject: Subject, found: Sequence[PlacementRule | PlacementGroup] | None
) -> list[dict[str, Any]] | None:
    """Rules or groups with those of their members that the person may see."""
    if found is None:
        return None

    def seen(kind: Kind, refs: Sequence[str]) -> list[Asset]:
        return [asset for ref in refs if (asset := subject.names.get(kind, ref)) is not None]

    return [
        {
            "it": each,
            "machines": seen(Kind.VM, each.vm_refs),
            "hosts": seen(Kind.HOST, each.host_refs),
        }
        for each in found
    ]


def carrier(subject: Subject) -> dict[str, Any]:
    """Machines on a network or a datastore."""
    record = subject.record
    if not isinstance(record, Network | Datastore):
        return {}
    first, count = _first(subject.visible(Kind.VM).filter(ref__in=record.vm_refs or ()))
    return {
        "carried_count": count,
        "machines": rows.build(Kind.VM, first, subject.user),
        "carrier": subject.asset.kind,
        **_ports_or_mounts(subject, record),
    }


def _ports_or_mounts(subject: Subject, record: Network | Datastore) -> dict[str, Any]:
    if isinstance(record, Datastore):
        mounts = record.mounts
        found = [(each, subject.names.get(Kind.HOST, each.host_ref)) for each in mounts or ()]
        return {"mounts": None if mounts is None else found}
    ports = record.port_overrides
    own = [(each, subject.names.get(Kind.VM, each.vm_ref)) for each in ports or ()]
    return {"ports": None if ports is None else own}


def image(subject: Subject) -> dict[str, Any]:
    """What was made from a template or an item of a library, and from what machine the item was."""
    asset, user = subject.asset, subject.user
    return {
        "descent": lineage.descent_of(asset, user, Items(asset.source_id, user)),
        "most_made": lineage.MOST,
        "sees_everything": user.sees_everything,
    }


def role(subject: Subject) -> dict[str, Any]:
    record = subject.record
    if not isinstance(record, Role):
        return {}
    first, count = _first(subject.visible(Kind.GRANT).filter(record__role_id=int(record.uid)))
    groups: dict[str, list[str]] = {}
    for privilege in record.privileges or ():
        groups.setdefault(privilege.partition(".")[0], []).append(privilege)
    return {
        "grants": rows.build(Kind.GRANT, first, subject.user, parent=_there(subject)),
        "grant_count": count,
        "privileges": None if record.privileges is None else sorted(groups.items()),
    }
