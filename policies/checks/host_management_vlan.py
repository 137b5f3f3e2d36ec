"""Management must live on a network segment that no machine is on."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from inventory.records import VmkernelNic
from policies.facts import (
    connected,
    counted,
    listed,
    matches,
)
from policies.spec import (
    Blank,
    Estate,
    FactMissing,
    Host,
    Image,
    Kind,
    Network,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
)
from policies.wiring import (
    Vlans,
    distributed_vlans,
    management_vmks,
    share_a_vlan,
    standard_vlans,
    vlans_of,
)


class Params(Parameters, frozen=True):
    appliances: Annotated[
        tuple[str, ...],
        Meta(description="Name patterns of machines that belong on the management network"),
    ] = ()


@check(
    id="host-management-vlan",
    title="Management has a tagged VLAN of its own",
    severity=Severity.HIGH,
    statements=("PHY-4",),
    params=Params,
    facts=("connection_state", "vmkernel_nics", "port_groups"),
    reads=(
        "network.uplink",
        "network.vm_refs",
        "network.vlan_type",
        "network.vlan_id",
        "network.vlan_ranges",
        "host.port_groups",
        "host.vmkernel_nics",
    ),
    why=(
        "An access list can only guard a segment of its own. A machine on the management segment "
        "is already behind the wall, and can try every host's login."
    ),
    fix={
        Platform.VSPHERE: (
            "Reserve a tagged VLAN for management, change the physical switch ports in the same "
            "window, and move machines off it."
        ),
    },
    remedy={
        Platform.VSPHERE: (
            Remedy(
                when="machines are on the management port group",
                fits=lambda found: found.key.endswith(":machines"),
                steps=(
                    "These machines are on the management port group «port_group»: «machines».",
                    "Name in the settings of this check those that belong there, such as the "
                    "vCenter.",
                    "For each other machine: Edit Settings > Network adapter > a port group of its "
                    "own kind; change its address in the guest.",
                ),
                because="where each machine goes, and with which address, is a decision.",
                verify="VMs of the port group «port_group» lists no machine but the appliances.",
                needs="VirtualMachine.Config.EditDevice on the machines, Network.Assign.",
                effect="A machine has another network, and needs an address there.",
                blanks={
                    "port_group": Blank("management port group", evidence="port_group"),
                    "machines": Blank("machines", evidence="machines"),
                },
            ),
            Remedy(
                when="the VLAN is used by others too",
                fits=lambda found: found.key.endswith(":shared"),
                steps=(
                    "VLAN «vlan», on which «name» is managed, is also used by: «used_by».",
                    "Give these port groups another VLAN; or, when there are more of them than "
                    "hosts, give management a new one.",
                    "Change the physical switch ports in the same window, and keep a console to "
                    "the host open.",
                ),
                because=(
                    "which side moves is a decision, and the physical switch has to change with "
                    "it; a script alone would cut the host off."
                ),
                verify="No other port group has VLAN «vlan».",
                needs="Host.Config.Network on the host, DVPortgroup.Modify, the physical switches.",
                effect="Who is moved loses the network until both sides have changed.",
                blanks={
                    "vlan": Blank("VLAN id", evidence="vlan"),
                    "used_by": Blank("port groups", evidence="used_by"),
                },
            ),
            Remedy(
                when="management is on no VLAN",
                steps=(
                    "Reserve a VLAN id that nothing else uses for management.",
                    "Open the console of «name» out of band: the network goes away in between.",
                    "Tag the VLAN on the physical switch ports of «name».",
                    "Set the VLAN id of the port group of «vmkernel_nic»: Configure > Virtual "
                    "switches > Edit settings > VLAN ID; of a distributed one: Configure > "
                    "Policies > Edit > VLAN, which changes all its hosts at once.",
                ),
                because=(
                    "the physical switch has to change in the same moment; a script alone would "
                    "cut the host off from its own next line."
                ),
                verify="The vCenter shows «name» as connected, and the port group has the VLAN.",
                needs="Host.Config.Network on the host, DVPortgroup.Modify, the physical switches.",
                effect=(
                    "The host is not managed until both sides have changed; its machines run on."
                ),
                blanks={"vmkernel_nic": Blank("VMkernel NIC", evidence="vmkernel_nic")},
            ),
        ),
    },
)
def management_vlan(host: Host, estate: Estate, params: Params) -> Iterator[Violation]:
    connected(host)
    doubts: list[str] = []
    for vmk in management_vmks(host):
        yield from _machines(vmk, host, estate, params)
        vlans = vlans_of(vmk, host, estate)
        if vlans[0][0] == 0:
            yield Violation(
                key=f"{vmk.device}:untagged",
                message=f"Management of {host.name} ({vmk.device}) is on no VLAN of its own.",
                seen="untagged",
                expected="a tagged VLAN",
                evidence={"vmkernel_nic": vmk.device},
            )
            continue
        users, unread = _users(vlans, vmk, host, estate)
        doubts += unread
        if users:
            yield Violation(
                key=f"{vmk.device}:shared",
                message=(
                    f"VLAN {vlans[0][0]}, on which {host.name} is managed, is also used by "
                    f"{listed(users)}."
                ),
                seen=f"shared with {listed(users)}",
                expected="a VLAN that only management uses",
                evidence={"vlan": vlans[0][0], "used_by": users},
            )
    if doubts:
        raise FactMissing(doubts[0])
    estate.whole(Kind.NETWORK, Kind.HOST)


def _machines(vmk: VmkernelNic, host: Host, estate: Estate, params: Params) -> Iterator[Violation]:
    network = estate.networks.get(vmk.dv_port_group_ref or "")
    if network is None:
        return
    names = estate.derived(_machine_names)
    attached = known(network.vm_refs, f"the machines on {network.name}")
    strangers = [
        names.get(ref, ref)
        for ref in attached
        if not matches(names.get(ref, ref), params.appliances)
    ]
    if strangers:
        yield Violation(
            key=f"{vmk.device}:machines",
            message=(
                f"{counted(len(strangers), 'machine')} on the management port group "
                f"{network.name} of {host.name}: {listed(strangers)}."
            ),
            seen=listed(strangers),
            expected="no machine",
            evidence={"port_group": network.name, "machines": sorted(strangers)},
        )


def _users(
    vlans: Vlans, vmk: VmkernelNic, host: Host, estate: Estate
) -> tuple[list[str], list[str]]:
    """Who else is on these VLANs anywhere in the estate, and whose VLAN is not known."""
    users: set[str] = set()
    doubts: list[str] = []
    for name, used in estate.derived(_lanes).items():
        for one in used:
            if one is None:
                doubts.append(f"the VLAN of {name}")
            elif share_a_vlan(vlans, one):
                users.add(name)
    return sorted(users), doubts


def _machine_names(estate: Estate) -> dict[str, str]:
    machines = (*estate.of(VirtualMachine), *estate.of(Image))
    return {machine.ref: machine.name for machine in machines}


def _lanes(estate: Estate) -> dict[str, set[Vlans | None]]:
    """VLANs of every port group that serves anything but management, by its name.

    A host whose port groups could not be read is unknown itself; it does not blind the others.
    """
    lanes: dict[str, set[Vlans | None]] = {}
    management: set[str] = set()
    kernel: set[str] = set()
    for host in estate.of(Host):
        names, refs, other_refs = _by_use(host)
        management |= refs
        kernel |= other_refs
        for port_group in host.port_groups or ():
            if port_group.name not in names:
                lanes.setdefault(port_group.name, set()).add(standard_vlans(port_group))
    for network in estate.of(Network):
        spare = network.ref in management and network.ref not in kernel
        if network.type != "standard" and not network.uplink and not spare:
            lanes.setdefault(network.name, set()).add(distributed_vlans(network))
    return lanes


def _by_use(host: Host) -> tuple[set[str | None], set[str], set[str]]:
    """Port group names and refs of management alone, and refs of other VMkernel NICs."""
    names: set[str | None] = set()
    refs: set[str] = set()
    others: set[str] = set()
    for vmk in host.vmkernel_nics or ():
        carries_management = "management" in (vmk.services or ())
        if carries_management:
            names.add(vmk.port_group)
        if vmk.dv_port_group_ref:
            (refs if carries_management else others).add(vmk.dv_port_group_ref)
    return names, refs, others
