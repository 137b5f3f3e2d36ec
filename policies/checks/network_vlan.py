"""A segment is only a segment when it has a VLAN of its own."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.spec import (
    Blank,
    FactMissing,
    Network,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    check,
    known,
    not_applicable,
)


class Params(Parameters, frozen=True):
    reserved: Annotated[
        tuple[tuple[int, int], ...],
        Meta(description="VLAN ids that must not be used: native and reserved by the switches"),
    ] = ((1, 1), (3968, 4047), (4094, 4094))


@check(
    id="network-vlan",
    title="Distributed port groups are on a VLAN",
    severity=Severity.HIGH,
    statements=("IR-6",),
    params=Params,
    facts=("uplink", "vlan_type", "vlan_id"),
    controls=("VCSA-80-000272", "VCSA-80-000273", "VCSA-80-000274"),
    why=(
        "Without a tag, machines share a segment with everything else on the cable; with all tags "
        "(a trunk) a machine reaches every segment there is."
    ),
    fix={
        Platform.VSPHERE: (
            "Give the port group the VLAN of its machines; a trunk for a firewall or a sensor "
            "stays, with the ids it needs, under an exception."
        ),
    },
    remedy={
        Platform.VSPHERE: (
            Remedy(
                when="it is a trunk",
                fits=lambda found: found.evidence.get("vlan_type") == "trunk",
                steps=(
                    "Find out which machines use «name», and whether they tag VLANs themselves: "
                    "firewalls, routers and sensors do.",
                    "They do: Configure > Policies > Edit > VLAN, leave the ids they need and no "
                    "other, and ask for an exception.",
                    "They do not: type “VLAN”, and the id of these machines. That is what the "
                    "script does.",
                ),
                script="""
$group = Get-VDPortgroup -Server $server -Id $id
if (Confirm-Change "move $($group.Name) from $($group.VlanConfiguration) to VLAN $vlan") {
    Set-VDVlanConfiguration -VDPortgroup $group -VlanId $vlan
}
""",
                verify="Policies of «name» shows one VLAN, and a machine on it answers.",
                needs="DVPortgroup.Modify and DVPortgroup.PolicyOp on the port group.",
                effect="Whatever tags VLANs itself on the port group loses all of them.",
                blanks={"vlan": Blank("VLAN id of these machines, 1 to 4094")},
            ),
            Remedy(
                when="it has no VLAN, or a reserved one",
                steps=(
                    "Find out which machines use «name»; nobody: remove it.",
                    "Choose the VLAN they belong to, and tag it on the physical switch ports of "
                    "all hosts of the switch.",
                    "Select «name» > Configure > Policies > Edit > VLAN: type “VLAN”, and the id.",
                ),
                script="""
$group = Get-VDPortgroup -Server $server -Id $id
if (Confirm-Change "move port group $($group.Name) to VLAN $vlan") {
    Set-VDVlanConfiguration -VDPortgroup $group -VlanId $vlan
}
""",
                verify="Policies of «name» shows the VLAN, and a machine on it answers.",
                needs="DVPortgroup.Modify and DVPortgroup.PolicyOp on the port group.",
                effect=(
                    "Machines on the port group lose their network until the physical switches "
                    "carry the VLAN."
                ),
                blanks={"vlan": Blank("VLAN id of these machines, 1 to 4094")},
            ),
        ),
    },
)
def network_vlan(network: Network, params: Params) -> Iterator[Violation]:
    if network.type != "distributed":
        not_applicable(f"{network.name} is {network.type}; its VLAN is set elsewhere.")
    if known(network.uplink, "uplink"):
        not_applicable(f"{network.name} holds uplinks, no machines.")
    fault = _fault(network, params)
    if fault:
        yield Violation(
            message=f"Port group {network.name} {fault}.",
            seen=fault,
            expected="one VLAN of its own",
            evidence={
                "vlan_type": network.vlan_type,
                "vlan_id": network.vlan_id,
                "vlan_ranges": network.vlan_ranges,
            },
        )


def _fault(network: Network, params: Params) -> str:
    match known(network.vlan_type, "vlan_type"):
        case "none":
            return "has no VLAN"
        case "trunk":
            return "carries several VLANs (trunk)"
        case "vlan" | "pvlan":
            vlan_id = known(network.vlan_id, "vlan_id")
            if vlan_id == 0:
                return "has no VLAN"
            if any(first <= vlan_id <= last for first, last in params.reserved):
                return f"uses the reserved VLAN {vlan_id}"
            return ""
        case other:
            raise FactMissing(f"vlan_type: {other} is not a type we know")
