"""How a host is wired: which physical NICs and VLANs its port groups use.

A `Lane` is one port group as this host carries it. What could not be read is told in its `doubt`,
so that a caller can still report what the other lanes prove.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from inventory.records import Host, HostPortGroup, Network, VmkernelNic
from policies.spec import Estate, FactMissing, known

Vlans = tuple[tuple[int, int], ...]  # ranges, both ends included; (0, 0) is untagged
ALL_VLANS = 4095  # how a standard port group says "trunk"
UNTAGGED: Vlans = ((0, 0),)


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    pnics: frozenset[str] = frozenset()
    exact: bool = True  # False: the lane uses some of these NICs, perhaps not all
    vlans: Vlans | None = None
    doubt: str = ""  # what could not be read about it


def management_vmks(host: Host) -> list[VmkernelNic]:
    """The VMkernel NICs that carry management, or raise FactMissing: every host has one."""
    vmks = known(host.vmkernel_nics, "vmkernel_nics")
    for vmk in vmks:
        known(vmk.services, f"vmkernel_nics: the services of {vmk.device}")
    found = [vmk for vmk in vmks if "management" in (vmk.services or ())]
    if not found:
        raise FactMissing("vmkernel_nics: the one that carries management")
    return found


def port_group_of(vmk: VmkernelNic, host: Host, estate: Estate) -> HostPortGroup | Network:
    """The port group that a VMkernel NIC is on, or raise FactMissing."""
    if vmk.port_group:
        for port_group in known(host.port_groups, "port_groups"):
            if port_group.name == vmk.port_group:
                return port_group
    elif vmk.dv_port_group_ref and vmk.dv_port_group_ref in estate.networks:
        return estate.networks[vmk.dv_port_group_ref]
    raise FactMissing(f"the port group of {vmk.device}")


def vlans_of(vmk: VmkernelNic, host: Host, estate: Estate) -> Vlans:
    """The VLANs that a VMkernel NIC is on, or raise FactMissing."""
    match port_group_of(vmk, host, estate):
        case HostPortGroup() as port_group:
            vlans = standard_vlans(port_group)
        case network:
            vlans = distributed_vlans(network)
    return known(vlans, f"the VLAN of {vmk.device}")


def lane_of(vmk: VmkernelNic, host: Host, estate: Estate) -> Lane:
    """The lane that a VMkernel NIC is on, or raise FactMissing."""
    match port_group_of(vmk, host, estate):
        case HostPortGroup() as port_group:
            lane = standard_lane(port_group)
        case network:
            lane = distributed_lane(network, host, estate)
    if lane.doubt:
        raise FactMissing(lane.doubt)
    return lane


def machine_lanes(host: Host, estate: Estate) -> Iterator[Lane]:
    """The lanes of this host that machines use or are offered, or raise FactMissing."""
    vmks = known(host.vmkernel_nics, "vmkernel_nics")
    taken = {vmk.port_group for vmk in vmks}
    for port_group in known(host.port_groups, "port_groups"):
        if port_group.name not in taken:
            yield standard_lane(port_group)
    taken_refs = {vmk.dv_port_group_ref for vmk in vmks}
    for ref in known(host.network_refs, "network_refs"):
        network = estate.networks.get(ref)
        if network is None:
            yield Lane(name=ref, doubt=f"the network {ref}")
        elif network.type != "standard":
            yield from _offered(network, host, estate, has_vmk=ref in taken_refs)


def _offered(network: Network, host: Host, estate: Estate, *, has_vmk: bool) -> Iterator[Lane]:
    if network.uplink is None and network.type == "distributed":
        yield Lane(name=network.name, doubt=f"whether {network.name} is an uplink port group")
    elif has_vmk and network.vm_refs is None:
        yield Lane(name=network.name, doubt=f"the machines on {network.name}")
    elif not network.uplink and (network.vm_refs or not has_vmk):
        yield distributed_lane(network, host, estate)


def standard_lane(port_group: HostPortGroup) -> Lane:
    if port_group.active_nics is None or port_group.standby_nics is None:
        return Lane(name=port_group.name, doubt=f"the physical NICs of {port_group.name}")
    return Lane(
        name=port_group.name,
        pnics=frozenset(port_group.active_nics + port_group.standby_nics),
        vlans=standard_vlans(port_group),
    )


def standard_vlans(port_group: HostPortGroup) -> Vlans | None:
    if port_group.vlan_id is None:
        return None
    if port_group.vlan_id == ALL_VLANS:
        return ((0, ALL_VLANS - 1),)
    return ((port_group.vlan_id, port_group.vlan_id),)


def distributed_lane(network: Network, host: Host, estate: Estate) -> Lane:
    switch = estate.switches.get(network.switch_ref or "")
    named = (switch.uplinks or {}).get(host.ref) if switch is not None else None
    if named is None or network.active_uplinks is None or network.standby_uplinks is None:
        return Lane(name=network.name, doubt=f"the physical NICs of {network.name}")
    uplinks = network.active_uplinks + network.standby_uplinks
    # A link aggregation group is an uplink without a NIC of its own: it may use any of them.
    exact = all(uplink in named for uplink in uplinks)
    pnics = {named[uplink] for uplink in uplinks} if exact else set(named.values())
    return Lane(
        name=network.name,
        pnics=frozenset(pnics),
        exact=exact,
        vlans=distributed_vlans(network),
    )


def distributed_vlans(network: Network) -> Vlans | None:
    if network.vlan_type == "none":
        return UNTAGGED
    if network.vlan_type == "trunk":
        return network.vlan_ranges
    if network.vlan_type in ("vlan", "pvlan") and network.vlan_id is not None:
        return ((network.vlan_id, network.vlan_id),)
    return None


def share_a_vlan(one: Vlans, other: Vlans) -> bool:
    return any(a <= d and c <= b for a, b in one for c, d in other)
