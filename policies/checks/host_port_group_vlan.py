"""A port group without a VLAN puts its machines on whatever the cable carries."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
)
from policies.spec import (
    Blank,
    FactMissing,
    Host,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    check,
    known,
)
from policies.wiring import (
    ALL_VLANS,
)


class Params(Parameters, frozen=True):
    reserved: Annotated[
        tuple[tuple[int, int], ...],
        Meta(description="VLAN ids that must not be used: native and reserved by the switches"),
    ] = ((1, 1), (3968, 4047), (4094, 4094))


@check(
    id="host-port-group-vlan",
    title="Standard port groups of machines are on a VLAN",
    severity=Severity.HIGH,
    statements=("IR-6",),
    params=Params,
    facts=("connection_state", "port_groups", "vmkernel_nics"),
    controls=("ESXI-80-000220",),
    why=(
        "Without a tag, machines share a segment with everything else on the cable; with all tags "
        "(a trunk) a machine reaches every segment there is."
    ),
    fix={
        Platform.VSPHERE: (
            "Give the port group the VLAN of its machines, or remove it when nothing uses it."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Find out which machines use «port_group» on «name»; nobody: remove it.",
                "Choose the VLAN they belong to, and tag it on the physical switch ports of "
                "«name».",
                "Select «name» > Configure > Virtual switches > «port_group» > Edit settings, and "
                "enter the VLAN ID instead of «vlan_id».",
                "Do the same on the other hosts of the cluster.",
            ),
            script="""
$esx = Get-VMHost -Server $server -Id $id
$group = Get-VirtualPortGroup -VMHost $esx -Server $server -Standard |
    Where-Object Name -ceq $port_group
if (-not $group) { throw "$($esx.Name) has no port group $port_group" }
if (Confirm-Change "move $port_group of $($esx.Name) from VLAN $($group.VLanId) to $vlan") {
    Set-VirtualPortGroup -VirtualPortGroup $group -VLanId $vlan
}
""",
            verify="Virtual switches of «name» shows the VLAN, and a machine on it answers.",
            needs="Host.Config.Network on the host, and the physical switches.",
            effect="Machines there lose their network until the switch carries the VLAN.",
            blanks={
                "port_group": Blank("name of the port group", evidence="port_group"),
                "vlan_id": Blank("present VLAN id", evidence="vlan_id"),
                "vlan": Blank("VLAN id of these machines, 1 to 4094"),
            },
        ),
    },
)
def port_group_vlan(host: Host, params: Params) -> Iterator[Violation]:
    connected(host)
    kernel = {vmk.port_group for vmk in known(host.vmkernel_nics, "vmkernel_nics")}
    doubts: list[str] = []
    for port_group in known(host.port_groups, "port_groups"):
        if port_group.name in kernel:
            continue  # management and its like are judged by host-management-vlan
        if port_group.vlan_id is None:
            doubts.append(f"port_groups: the VLAN of {port_group.name}")
        elif fault := _fault(port_group.vlan_id, params):
            yield Violation(
                key=port_group.name,
                message=f"Port group {port_group.name} of {host.name} {fault}.",
                seen=f"VLAN {port_group.vlan_id}",
                expected="one VLAN of its own",
                evidence={"port_group": port_group.name, "vlan_id": port_group.vlan_id},
            )
    if doubts:
        raise FactMissing(doubts[0])


def _fault(vlan_id: int, params: Params) -> str:
    if vlan_id == 0:
        return "has no VLAN"
    if vlan_id == ALL_VLANS:
        return "carries every VLAN (trunk)"
    if any(first <= vlan_id <= last for first, last in params.reserved):
        return f"uses the reserved VLAN {vlan_id}"
    return ""
