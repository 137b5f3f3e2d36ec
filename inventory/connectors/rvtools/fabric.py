"""Hosts and what ties them together, from the tabs about them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from inventory.connectors.rvtools import values
from inventory.connectors.rvtools.tabs import Cells, Tab
from inventory.records import (
    Cluster,
    Datastore,
    Host,
    HostPortGroup,
    HostSwitch,
    Network,
    PhysicalNic,
    Platform,
    Switch,
    VmkernelNic,
)

_PRODUCT: Final = re.compile(r"(?P<version>\d+\.\d+\.\d+)(?: build-(?P<build>\d+))?")
_NO_ID: Final = "The workbook does not say its object id."


class Names:
    """From names to object ids, where a name leads to one alone."""

    def __init__(self) -> None:
        self._refs: dict[tuple[str, ...], set[str]] = defaultdict(set)

    def add(self, ref: str | None, *name: str | None) -> None:
        if ref and all(name):
            self._refs[tuple(part or "" for part in name)].add(ref)

    def ref(self, *name: str | None) -> str | None:
        found = self._refs.get(tuple(part or "" for part in name), set())
        return next(iter(found)) if len(found) == 1 else None

    def refs(self, names: Iterable[str]) -> tuple[str, ...] | None:
        """All of them, or None when one is not known: a part of a list is no list."""
        found = [self.ref(name) for name in names]
        if None in found:
            return None
        return tuple(sorted(ref for ref in found if ref))


class OnHosts:
    """The rows of a tab by the host they are about; None of a host when there is no such tab."""

    def __init__(self, tab: Tab, rows: list[Cells]) -> None:
        self.is_there = tab.sheet is not None and "host" in tab.has
        self._rows: dict[str, list[Cells]] = defaultdict(list)
        for row in rows:
            self._rows[row.get("host", "")].append(row)

    def of(self, host: str) -> list[Cells] | None:
        return self._rows.get(host, []) if self.is_there else None


def identity(cells: Cells, name: str = "name") -> dict[str, Any]:
    """What every record says, or raise ValueError without an id: a name is none."""
    ref = values.text(cells, "id")
    if ref is None:
        raise ValueError(_NO_ID)
    return {
        "platform": Platform.VSPHERE,
        "uid": ref,
        "ref": ref,
        "name": values.text(cells, name) or ref,
    }


def host(
    cells: Cells,
    *,
    clusters: Names,
    port_groups: Names,
    nics: list[Cells] | None,
    switches: list[Cells] | None,
    groups: list[Cells] | None,
    vmkernel: list[Cells] | None,
) -> Host:
    said = identity(cells)
    product = values.text(cells, "product")
    version = _PRODUCT.search(product or "")
    cluster = values.text(cells, "cluster")
    return Host(
        **said | {"uid": values.text(cells, "uuid") or said["uid"]},
        cluster_ref=clusters.ref(cluster) if cluster else None,
        in_maintenance=values.flag(cells, "maintenance"),
        vendor=values.text(cells, "vendor"),
        model=values.text(cells, "model"),
        cpu_cores=values.number(cells, "cores"),
        memory_mib=values.number(cells, "memory"),
        product=product,
        version=version["version"] if version else None,
        build=version["build"] if version else None,
        time_servers=values.listed(cells, "ntp") if "ntp" in cells else None,
        pnics=None if nics is None else tuple(_pnic(row) for row in nics if "device" in row),
        switches=None if switches is None else tuple(_switch(row, nics) for row in switches),
        port_groups=None if groups is None else tuple(_group(row) for row in groups),
        vmkernel_nics=None
        if vmkernel is None
        else tuple(_vmk(row, groups, port_groups) for row in vmkernel if "device" in row),
    )


def _pnic(cells: Cells) -> PhysicalNic:
    speed = values.number(cells, "speed")
    return PhysicalNic(
        name=cells["device"],
        mac=values.mac(cells, "mac"),
        link_up=None if speed is None else speed > 0,
        speed_mbps=speed or None,
        driver=values.text(cells, "driver"),
    )


def _switch(cells: Cells, nics: list[Cells] | None) -> HostSwitch:
    name = cells.get("name", "")
    return HostSwitch(
        name=name,
        pnics=None
        if nics is None or not any("switch" in nic for nic in nics)
        else tuple(nic["device"] for nic in nics if nic.get("switch") == name and "device" in nic),
        security=values.security(cells),
    )


def _group(cells: Cells) -> HostPortGroup:
    return HostPortGroup(
        name=cells.get("name", ""),
        switch=cells.get("switch", ""),
        vlan_id=values.number(cells, "vlan"),
        security=values.security(cells),
    )


def _vmk(cells: Cells, groups: list[Cells] | None, port_groups: Names) -> VmkernelNic:
    group = values.text(cells, "port_group")
    own = groups is not None and any(row.get("name") == group for row in groups)
    return VmkernelNic(
        device=cells["device"],
        ip=values.text(cells, "ip"),
        mac=values.mac(cells, "mac"),
        port_group=group if own else None,
        dv_port_group_ref=None if own else port_groups.ref(group),
    )


def cluster(cells: Cells, hosts: tuple[str, ...] | None) -> Cluster:
    return Cluster(
        **identity(cells),
        drs_enabled=values.flag(cells, "drs"),
        drs_automation=values.text(cells, "automation"),
        ha_enabled=values.flag(cells, "ha"),
        host_refs=hosts,
    )


def network(cells: Cells, switches: Names) -> Network:
    return Network(
        **identity(cells),
        type="distributed",
        switch_ref=switches.ref(values.text(cells, "switch")),
        **_vlan(cells.get("vlan", "")),
        security=values.security(cells),
        active_uplinks=values.listed(cells, "active") if "active" in cells else None,
        standby_uplinks=values.listed(cells, "standby") if "active" in cells else None,
    )


def _vlan(written: str) -> dict[str, Any]:
    if re.fullmatch(r"[0-9]{1,4}", written):
        return {"vlan_type": "vlan" if int(written) else "none", "vlan_id": int(written)}
    ranges = re.findall(r"([0-9]{1,4}) ?- ?([0-9]{1,4})", written)
    if ranges and re.fullmatch(r"[0-9 ,;-]{1,1000}", written):
        return {"vlan_type": "trunk", "vlan_ranges": tuple((int(a), int(b)) for a, b in ranges)}
    return {}


def switch(cells: Cells, hosts: Names) -> Switch:
    protocol = values.text(cells, "protocol")
    stopped = cells.get("operation", "").lower() == "none"
    return Switch(
        **identity(cells),
        version=values.text(cells, "version"),
        discovery_protocol="none" if stopped else protocol and protocol.lower(),
        host_refs=hosts.refs(values.listed(cells, "members")) if "members" in cells else None,
    )


def datastore(cells: Cells, hosts: Names) -> Datastore:
    return Datastore(
        **identity(cells),
        url=values.text(cells, "url"),
        type=values.text(cells, "type"),
        capacity_bytes=values.size_in_bytes(cells, "capacity"),
        accessible=values.flag(cells, "accessible"),
        host_refs=hosts.refs(values.listed(cells, "hosts")) if "hosts" in cells else None,
    )
