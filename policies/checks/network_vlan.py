"""A segment is only a segment when it has a VLAN of its own."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.spec import (
    FactMissing,
    Network,
    Parameters,
    Platform,
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
            "Select the port group > **Configure** > **Policies** > **Edit** > **VLAN**: type "
            "“VLAN” and an id of its own. A trunk for a firewall or a sensor stays, with the "
            "ids it needs, under an exception.\n\nPowerCLI: `Get-VDPortgroup NAME | "
            "Set-VDVlanConfiguration -VlanId VLAN`"
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
